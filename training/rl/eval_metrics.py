"""Judge predicted waypoints, and compare two policies case by case.

    python -m training.rl.eval_metrics sft_predictions.json rl_predictions.json --compare --output comparison.json

The files are those of ``training.rl.predictions``. Reported, with horizon and rate: ADE and FDE (also at 1, 3 and 5 s),
Goal Reach Rate and Waypoint Hit Rate. Where a file tells how a drive went, the latter two are what the drive says;
otherwise a goal is reached when the last predicted waypoint, and a waypoint is hit when its prediction, lies within
--threshold-m of the label. The comparison needs the same cases in both files and gives 95 % bootstrap intervals.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table

from training.rl.comparison import compare_values
from training.rl.predictions import Predictions, PredictionsError, load_predictions
from training.sft.displacement import displacement_metrics
from waypilot.files import write_json_atomic

THRESHOLD_M = 2.0
DRIVEN, PLANNED = "driven", "planned"


def case_metrics(predictions: Predictions, threshold_m: float) -> tuple[dict[str, NDArray[np.float64]], str]:
    """Compute ADE, FDE, goal reached and waypoint hit rate per case, and tell where the last two come from."""
    error_m = np.linalg.norm(predictions.predicted_m - predictions.label_m, axis=2)
    metrics = {"ade_m": error_m.mean(axis=1), "fde_m": error_m[:, -1]}
    goal, hit, total = predictions.goal_reached, predictions.waypoints_hit, predictions.waypoints_total
    if goal is not None and hit is not None and total is not None:
        return metrics | {"goal_reach_rate": goal.astype(np.float64), "waypoint_hit_rate": hit / total}, DRIVEN
    within = (error_m <= threshold_m).astype(np.float64)
    return metrics | {"goal_reach_rate": within[:, -1], "waypoint_hit_rate": within.mean(axis=1)}, PLANNED


def summarise(predictions: Predictions, threshold_m: float) -> dict[str, Any]:
    """Summarise one file: means over the cases, with everything needed to read them."""
    per_case, source = case_metrics(predictions, threshold_m)
    waypoints = predictions.predicted_m.shape[1]
    return {
        "name": predictions.name,
        "cases": len(predictions.ids),
        "horizon_s": waypoints * predictions.dt_s,
        "rate_hz": 1.0 / predictions.dt_s,
        "goal_and_hits_from": source,
        "threshold_m": threshold_m if source == PLANNED else None,
        **{name: float(values.mean()) for name, values in per_case.items()},
        **displacement_metrics(predictions.predicted_m, predictions.label_m, predictions.dt_s),
    }


def compare(before: Predictions, after: Predictions, threshold_m: float) -> dict[str, Any]:
    """Compare two policies on the cases they share by id.

    Raises PredictionsError when the cases, the waypoints or the kind of outcome differ.
    """
    if set(before.ids) != set(after.ids):
        other = sorted(set(before.ids) ^ set(after.ids))
        raise PredictionsError(f"the files hold different cases, for example {other[0]!r} is in one of them only")
    if (before.dt_s, before.label_m.shape) != (after.dt_s, after.label_m.shape):
        raise PredictionsError("the files differ in the number of waypoints or the time between them")
    first, source = case_metrics(before, threshold_m)
    second, other_source = case_metrics(after, threshold_m)
    if source != other_source:
        raise PredictionsError(f"one file tells {source} outcomes, the other {other_source} ones")
    order = np.array([after.ids.index(case_id) for case_id in before.ids])
    if not np.allclose(before.label_m, after.label_m[order], atol=1e-3):
        raise PredictionsError("the files have different labels for the same cases")
    return {name: compare_values(name, first[name], second[name][order]) for name in first}


def parse_arguments(argv: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m training.rl.eval_metrics", description="Judge predicted waypoints and compare policies."
    )
    parser.add_argument("predictions", nargs="+", type=Path, help="prediction files (waypilot.predictions/1)")
    parser.add_argument("--compare", action="store_true", help="compare the second file with the first")
    parser.add_argument("--output", type=Path, help="JSON file for the result")
    parser.add_argument("--threshold-m", type=float, default=THRESHOLD_M, help="hit radius of undriven predictions")
    options = parser.parse_args(argv)
    if options.compare and len(options.predictions) != 2:
        parser.error(f"--compare needs exactly two files, got {len(options.predictions)}")
    if not options.threshold_m > 0.0:
        parser.error(f"--threshold-m is {options.threshold_m}, expected a positive number of metres")
    return options


def main(argv: Sequence[str] | None = None) -> int:
    """Judge; returns 0, or 1 with a message when a file cannot be used."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    options = parse_arguments(argv)
    try:
        files = [load_predictions(path) for path in options.predictions]
        result: dict[str, Any] = {"files": [summarise(file, options.threshold_m) for file in files]}
        if options.compare:
            result["comparison"] = compare(files[0], files[1], options.threshold_m)
        if options.output is not None:
            write_json_atomic(options.output, result)
    except (PredictionsError, OSError) as error:
        logging.error("%s", error)
        return 1
    Console().print(_table(result))
    return 0


def _table(result: dict[str, Any]) -> Table:
    first = result["files"][0]
    title = f"{first['cases']} cases, horizon {first['horizon_s']:g} s at {first['rate_hz']:g} Hz"
    table = Table(title=f"{title}, goal and hits {first['goal_and_hits_from']}")
    table.add_column("metric")
    for summary in result["files"]:
        table.add_column(summary["name"], justify="right")
    comparison = result.get("comparison", {})
    if comparison:
        table.add_column("difference (95 %)", justify="right")
        table.add_column("verdict")
    for name in ("ade_m", "fde_m", "goal_reach_rate", "waypoint_hit_rate"):
        row = [name, *(f"{summary[name]:.3f}" for summary in result["files"])]
        table.add_row(*row, *(_difference(comparison[name]) if comparison else ()))
    return table


def _difference(entry: dict[str, Any]) -> tuple[str, str]:
    if entry["low"] is None:
        return f"{entry['difference']:+.3f}", entry["verdict"]
    return f"{entry['difference']:+.3f} [{entry['low']:+.3f}, {entry['high']:+.3f}]", entry["verdict"]


if __name__ == "__main__":
    sys.exit(main())

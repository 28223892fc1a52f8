"""Open loop beside closed loop: whether checkpoints that plan closer to the expert also drive better.

    python -m training.eval.rank_correlation --closed a/results.json b/results.json ... --open a.json b.json ...

Closed-loop files are results.json of the same suite, open-loop files those of ``training.eval.baselines --output``;
they are matched by the checkpoint's SHA-256. Prints ADE and FDE beside the closed-loop metric for every checkpoint, and
Spearman's and Kendall's rank correlations with 95 % intervals over the checkpoints, which are few: read the n, and in
how many orders drawn at random the agreement would be as clear.
ADE and FDE fall as driving gets better, so agreement is a correlation near -1.
Exit codes: 0 done, 2 the files or the command line cannot be used.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from rich.console import Console
from rich.table import Table

from waypilot.files import write_json_atomic
from waypilot.metrics import aggregate
from waypilot.metrics.ranks import RankCorrelation, rank_correlation
from waypilot.report.comparison import DECIDING_METRIC
from waypilot.report.results import Results, ResultsError, load_results
from waypilot.report.run_info import differing_fields

OPEN_LOOP = ("ade_m", "fde_m")
EXIT_UNUSABLE = 2


class UnmatchedError(ValueError):
    """The files do not describe the same checkpoints or the same runs; the message says which and what to do."""


@dataclass(frozen=True, slots=True)
class Judged:
    """One checkpoint in both kinds of evaluation; ``crashed`` of its closed-loop runs are in no mean."""

    name: str
    sha256: str
    ade_m: float
    fde_m: float
    closed_loop: float
    runs: int
    crashed: int


def load_open_loop(path: Path) -> Mapping[str, Any]:
    """Read the network's entry of an open-loop file. Raises UnmatchedError."""
    try:
        entry = json.loads(path.read_text(encoding="utf-8"))["network"]
        if not isinstance(entry["checkpoint"]["sha256"], str) or not isinstance(entry["setting"], Mapping):
            raise TypeError("no checkpoint, or nothing about the drives")
        return {**entry, **{name: float(entry[name]) for name in OPEN_LOOP}}
    except OSError as error:
        raise UnmatchedError(f"{path}: cannot be read: {error.strerror}") from error
    except (ValueError, KeyError, TypeError) as error:
        remedy = "make it with python -m training.eval.baselines --output"
        raise UnmatchedError(f"{path}: is no open-loop evaluation with checkpoint and setting; {remedy}") from error


def match(closed: Sequence[Results], opened: Sequence[Mapping[str, Any]], metric: str) -> list[Judged]:
    """Join both kinds by checkpoint. Raises UnmatchedError when something has no partner or differs in its setting."""
    by_sha: dict[str, Mapping[str, Any]] = {}
    for entry in opened:
        _refuse_other_drives(opened[0], entry)
        if by_sha.setdefault(entry["checkpoint"]["sha256"], entry) is not entry:
            raise UnmatchedError(f"two open-loop files judge {entry['checkpoint']['name']}: name one of them")
    judged: list[Judged] = []
    for results in closed:
        _refuse_other_setting(closed[0], results)
        checkpoint = results.document["checkpoint"]
        if not isinstance(checkpoint, Mapping):
            raise UnmatchedError(f"{results.path}: no checkpoint drove it, so it has no open-loop error; leave it out")
        if cast(Mapping[str, Any], results.document["config"]).get("delta_checkpoint"):
            raise UnmatchedError(f"{results.path}: a delta head drove it, open loop judges only the base; leave it out")
        if any(one.sha256 == checkpoint["sha256"] for one in judged):
            raise UnmatchedError(f"{results.path}: {checkpoint['name']} drove another results.json as well; name one")
        partner = by_sha.pop(checkpoint["sha256"], None)
        if partner is None:
            raise UnmatchedError(f"{results.path}: no open-loop file judges {checkpoint['name']} with this SHA-256")
        judged.append(_judge(results, checkpoint, partner, metric))
    if by_sha:
        names = ", ".join(entry["checkpoint"]["name"] for entry in by_sha.values())
        raise UnmatchedError(f"no results.json was driven by {names}; add it or leave the open-loop file out")
    return judged


def _judge(results: Results, checkpoint: Mapping[str, Any], entry: Mapping[str, Any], metric: str) -> Judged:
    summary = aggregate(results.results)
    value = next((estimate.value for estimate in summary.metrics if estimate.name == metric), None)
    if value is None:
        raise UnmatchedError(f"{results.path}: {metric} is valid in no run of it, choose another --metric")
    sha, ade, fde = checkpoint["sha256"], entry["ade_m"], entry["fde_m"]
    return Judged(checkpoint["name"], sha, ade, fde, value, summary.runs - summary.crashed, summary.crashed)


def _refuse_other_setting(first: Results, other: Results) -> None:
    for key in ("suite", "versions", "jobs"):
        for where, a, b in differing_fields(first.document[key], other.document[key], key):
            raise UnmatchedError(f"{other.path}: {where} is {b!r}, in {first.path} it is {a!r}; evaluate all alike")
    scenarios_a, scenarios_b = ({r.scenario: r.definition for r in results.results} for results in (first, other))
    for name in scenarios_a.keys() & scenarios_b.keys():
        for where, a, b in differing_fields(scenarios_a[name], scenarios_b[name], name):
            raise UnmatchedError(f"{other.path}: {where} is {b!r}, in {first.path} it is {a!r}; drive one suite file")


def _refuse_other_drives(first: Mapping[str, Any], other: Mapping[str, Any]) -> None:
    for where, a, b in differing_fields(first["setting"], other["setting"], "setting"):
        names = other["checkpoint"]["name"], first["checkpoint"]["name"]
        raise UnmatchedError(
            f"open loop of {names[0]}: {where} is {b!r}, of {names[1]} it is {a!r}; judge all on the same drives "
            "(--episodes-glob, --towns) and horizon"
        )


def correlations(judged: Sequence[Judged]) -> dict[str, RankCorrelation]:
    """Rank correlation of every open-loop error with the closed-loop metric."""
    driven = np.array([one.closed_loop for one in judged])
    return {name: rank_correlation(np.array([getattr(one, name) for one in judged]), driven) for name in OPEN_LOOP}


def main(arguments: Sequence[str] | None = None) -> int:
    """Match, correlate and print; returns the exit code that the module's text lists."""
    parser = argparse.ArgumentParser(
        prog="python -m training.eval.rank_correlation", description="Rank correlation of open-loop and closed-loop."
    )
    parser.add_argument("--closed", nargs="+", type=Path, required=True, metavar="RESULTS", help="results.json files")
    parser.add_argument("--open", nargs="+", type=Path, required=True, metavar="JSON", help="open-loop evaluations")
    parser.add_argument("--metric", default=DECIDING_METRIC, help="closed-loop metric (default: %(default)s)")
    parser.add_argument("--output", type=Path, metavar="JSON", help="write the numbers here, too")
    options = parser.parse_args(arguments)
    try:
        judged = match(
            [load_results(path) for path in options.closed], list(map(load_open_loop, options.open)), options.metric
        )
        found = correlations(judged)
        if options.output is not None:
            numbers = {name: asdict(correlation) for name, correlation in found.items()}
            document = {"metric": options.metric, "checkpoints": [asdict(one) for one in judged], "ranks": numbers}
            write_json_atomic(options.output, document)
    except (UnmatchedError, ResultsError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return EXIT_UNUSABLE
    _print(judged, found, options.metric)
    return 0


def _print(judged: Sequence[Judged], found: Mapping[str, RankCorrelation], metric: str) -> None:
    console = Console()
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("checkpoint", "ADE m", "FDE m", metric, "runs", "crashed"):
        table.add_column(heading, justify="left" if heading == "checkpoint" else "right")
    for one in judged:
        figures = (f"{one.ade_m:.3f}", f"{one.fde_m:.3f}", f"{one.closed_loop:.2f}", str(one.runs), str(one.crashed))
        table.add_row(f"{one.name} {one.sha256[:8]}", *figures)
    console.print(table)
    for name, ranks in found.items():
        rho = _figure(ranks.spearman, ranks.spearman_low, ranks.spearman_high)
        tau = _figure(ranks.kendall, ranks.kendall_low, ranks.kendall_high)
        reason = f" ({ranks.reason})" if ranks.reason else ""
        chance = "" if ranks.chance is None else f", by chance as clear in {100.0 * ranks.chance:.1f} % of orders"
        line = f"{name} and {metric}: Spearman {rho}, Kendall {tau}, over n = {ranks.n} checkpoints{chance}{reason}"
        console.print(line, markup=False, highlight=False, soft_wrap=True)


def _figure(value: float | None, low: float | None, high: float | None) -> str:
    if value is None:
        return "undefined"
    return f"{value:+.2f}" + ("" if low is None or high is None else f" [{low:+.2f}, {high:+.2f}]")


if __name__ == "__main__":
    sys.exit(main())

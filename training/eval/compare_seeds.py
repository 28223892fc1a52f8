"""Compare one policy with the same policy trained with several seeds, over one or more suites.

    python -m training.eval.compare_seeds --base town_sft/results.json traffic_sft/results.json \
        --seeds town_ppo_0/results.json town_ppo_1/results.json traffic_ppo_0/results.json traffic_ppo_1/results.json

Every file of ``--seeds`` is paired, run by run, with the base of its suite. A run's value is the mean over the training
seeds: seeds are no further drives, so they make no interval narrower than the scenarios allow; how far apart they lie
is shown beside. Statistics as in docs/comparison.md, per suite and over all scenarios of all suites alike.
Exit codes: 0 compared, 2 the files or the command line cannot be used.
"""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np
from rich.console import Console

from training.seed_table import SeedRow, seed_table
from waypilot.files import write_json_atomic
from waypilot.metrics import ScenarioResult
from waypilot.metrics.paired import PairedDifference, compare_pairs
from waypilot.metrics.same_drives import drive_of
from waypilot.metrics.themes import better_way
from waypilot.report.comparison import Comparison, NotComparableError, compare_results, difference_to_dict
from waypilot.report.results import Results, ResultsError, load_results

ALL_SUITES = "all suites"
SHOWN = (
    "driving_score_2_0",
    "driving_score_2_1",
    "route_completion",
    "completion",
    "success",
    "infractions_per_km",
    "collisions",
    "collisions_vehicle",
    "collisions_pedestrian",
    "red_lights_run",
    "stop_signs_ignored",
    "off_road_share",
    "off_road_events",
    "blocked",
    "lateral_deviation_mean",
    "lateral_deviation_max",
    "comfortable_share",
    "time_to_collision_short",
    "speed_mean",
)
EXIT_UNUSABLE = 2
SCHEMA = "waypilot.seed_comparison/2"
Pairs = dict[str, list[tuple[ScenarioResult, tuple[ScenarioResult, ...]]]]


@dataclass(frozen=True, slots=True)
class SeedComparison:
    """A metric of base and seeds in one suite; ``seed_means`` are the means of the single seeds over the scenarios."""

    suite: str
    difference: PairedDifference
    seed_means: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class SeedReport:
    """All comparisons, and what a reader must know about the runs behind them."""

    comparisons: tuple[SeedComparison, ...]
    warnings: tuple[str, ...]


def compare_seeds(bases: Sequence[Results], seeds: Sequence[Results]) -> SeedReport:
    """Compare per suite and, of several suites, over all. Raises NotComparableError."""
    suites, warnings = _paired(bases, seeds)
    if len(suites) > 1:
        counts = {name: len(next(iter(pairs.values()))[0][1]) for name, pairs in suites.items()}
        if len(set(counts.values())) > 1:
            told = ", ".join(f"{name} by {count}" for name, count in counts.items())
            raise NotComparableError(f"suites are driven by different numbers of seeds: {told}; give the same for each")
        _check_order(bases, "the bases are of different policies, which cannot be joined; give those of one")
        _check_order(
            seeds, "the suites' files are of other policies or in another order; give each suite's in one order"
        )
        joined = {f"{name}/{key}": pairs for name, suite in suites.items() for key, pairs in suite.items()}
        suites = {**suites, ALL_SUITES: joined}
    found = tuple(found for name, pairs in suites.items() for found in _compared(name, pairs))
    return SeedReport(found, tuple(warnings))


def _check_order(evaluations: Sequence[Results], fault: str) -> None:
    """Raise NotComparableError(``fault``) unless the n-th file of every suite is of the same policy."""
    policies: dict[str, list[object]] = defaultdict(list)
    for results in evaluations:
        config = cast(Mapping[str, Any], results.document["config"])
        policies[str(results.document["suite"])].append(
            (results.document["checkpoint"], config.get("delta_checkpoint"))
        )
    if any(each != next(iter(policies.values())) for each in policies.values()):
        raise NotComparableError(fault)


def _paired(bases: Sequence[Results], seeds: Sequence[Results]) -> tuple[dict[str, Pairs], list[str]]:
    """Pair the runs of each suite, by scenario, with those of all seeds; runs that one of them lacks are left out.

    Returns also what is left out and why.
    """
    of_suite: dict[str, list[Results]] = defaultdict(list)
    for results in seeds:
        of_suite[str(results.document["suite"])].append(results)
    by_name = {str(base.document["suite"]): base for base in bases}
    if len(by_name) < len(bases):
        raise NotComparableError("two bases are of the same suite; give one for each suite")
    if set(by_name) != set(of_suite):
        raise NotComparableError(
            f"the bases are of the suites {', '.join(sorted(by_name))}, the seeds of {', '.join(sorted(of_suite))}; "
            "every suite needs its base and its seeds"
        )
    compared = {name: [compare_results(base, each) for each in of_suite[name]] for name, base in by_name.items()}
    warnings = [f"{name}, {told}" for name, each in compared.items() for told in _warnings(each)]
    return {name: _runs(each) for name, each in compared.items()}, list(dict.fromkeys(warnings))


def _warnings(compared: Sequence[Comparison]) -> Iterator[str]:
    """Tell what is left out for all, and why; in a comparison, A is the base and B a seed."""
    for seed, each in enumerate(compared, start=1):
        who = {"A": "the base", "B": f"its seed {seed}"}
        gone = {key for keys in each.crashed.values() for key in keys}
        for side, keys in each.crashed.items():
            yield from (f"{key}: {who[side]} crashed, the run is left out for all" for key in keys)
        for side, keys in each.unpaired.items():
            yield from (f"{key}: only {who[side]} drove it, it is left out for all" for key in keys if key not in gone)


def _runs(compared: Sequence[Comparison]) -> Pairs:
    """Return the runs that all drove to an end; of runs that are equal for the base and for every seed, the first."""
    by_key = [{a.key: (a, b) for a, b in each.pairs} for each in compared]
    distinct: dict[tuple[object, ...], tuple[ScenarioResult, tuple[ScenarioResult, ...]]] = {}
    for key, (run, _) in by_key[0].items():
        if all(key in pairs for pairs in by_key):
            others = tuple(pairs[key][1] for pairs in by_key)
            distinct.setdefault((drive_of(run), *map(drive_of, others)), (run, others))
    if not distinct:
        raise NotComparableError("no run was driven to its end by the base and by every seed")
    found: Pairs = defaultdict(list)
    for run, others in distinct.values():
        found[run.scenario].append((run, others))
    return dict(found)


def _compared(suite: str, pairs: Pairs) -> list[SeedComparison]:
    first = next(iter(pairs.values()))[0][0]
    units = {"completion": "%", **{metric.name: metric.unit for metric in first.metrics}}
    return [_metric(suite, name, unit, pairs) for name, unit in units.items()]


def _metric(suite: str, name: str, unit: str, pairs: Pairs) -> SeedComparison:
    """Compare one metric on the runs that have it with the base and with every seed; scenarios count alike."""
    rows: dict[str, list[tuple[float, float]]] = {}
    seed_means: list[list[float]] = []
    for scenario, runs in pairs.items():
        told = [(_value(run, name), [_value(other, name) for other in others]) for run, others in runs]
        kept = [(base, values) for base, values in told if base is not None and None not in values]
        if kept:
            table = np.array([values for _, values in kept], dtype=np.float64)
            rows[scenario] = list(zip([base for base, _ in kept], table.mean(axis=1).tolist(), strict=True))
            seed_means.append(table.mean(axis=0).tolist())
    means = np.mean(seed_means, axis=0).tolist() if seed_means else ()
    return SeedComparison(suite, compare_pairs(name, unit, better_way(name), rows), tuple(means))


def _value(run: ScenarioResult, name: str) -> float | None:
    return 100.0 * run.completed if name == "completion" else run.metric(name).value


def main(arguments: Sequence[str] | None = None) -> int:
    """Compare and print; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m training.eval.compare_seeds",
        description="Compare one policy with the same policy trained with several seeds, over one or more suites.",
    )
    parser.add_argument("--base", type=Path, nargs="+", required=True, metavar="JSON", help="results, one per suite")
    parser.add_argument(
        "--seeds", type=Path, nargs="+", required=True, metavar="JSON", help="results of every training seed and suite"
    )
    parser.add_argument("--all-metrics", action="store_true", help="show every metric, not only the common ones")
    parser.add_argument("--output", type=Path, metavar="JSON", help="write all metrics here, too")
    options = parser.parse_args(arguments)
    try:
        bases, seeds = ([load_results(path) for path in paths] for paths in (options.base, options.seeds))
        report = compare_seeds(bases, seeds)
        if options.output is not None:
            told = {"warnings": list(report.warnings), "comparisons": [_plain(each) for each in report.comparisons]}
            write_json_atomic(options.output, {"schema": SCHEMA, **told})
    except (NotComparableError, ResultsError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return EXIT_UNUSABLE
    console = Console()
    for warning in report.warnings:
        console.print(f"note: {warning}", markup=False)
    for suite in dict.fromkeys(each.suite for each in report.comparisons):
        of_suite = [each for each in report.comparisons if each.suite == suite]
        shown = [each for each in of_suite if options.all_metrics or each.difference.name in SHOWN]
        console.print(seed_table(suite, "seeds", map(_row, shown)))
    return 0


def _plain(compared: SeedComparison) -> dict[str, object]:
    told = {"suite": compared.suite, "name": compared.difference.name}
    return told | difference_to_dict(compared.difference) | {"seed_means": list(compared.seed_means)}


def _row(compared: SeedComparison) -> SeedRow:
    d = compared.difference
    return SeedRow(d.name, d.mean_a, d.mean_b, d.difference, d.low, d.high, compared.seed_means, d.verdict.value)


if __name__ == "__main__":
    sys.exit(main())

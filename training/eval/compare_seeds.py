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
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from waypilot.files import write_json_atomic
from waypilot.metrics import ScenarioResult
from waypilot.metrics.paired import PairedDifference, compare_pairs
from waypilot.metrics.themes import better_way
from waypilot.report.comparison import NotComparableError, compare_results, difference_to_dict
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
SCHEMA = "waypilot.seed_comparison/1"
Pairs = dict[str, list[tuple[ScenarioResult, tuple[ScenarioResult, ...]]]]


@dataclass(frozen=True, slots=True)
class SeedComparison:
    """A metric of base and seeds in one suite; ``seed_means`` are the means of the single seeds over the scenarios."""

    suite: str
    difference: PairedDifference
    seed_means: tuple[float, ...]


def compare_seeds(bases: Sequence[Results], seeds: Sequence[Results]) -> list[SeedComparison]:
    """Compare per suite and, of several suites, over all. Raises NotComparableError."""
    suites = _paired(bases, seeds)
    if len(suites) > 1:
        counts = {name: len(next(iter(pairs.values()))[0][1]) for name, pairs in suites.items()}
        if len(set(counts.values())) > 1:
            told = ", ".join(f"{name} by {count}" for name, count in counts.items())
            raise NotComparableError(f"suites are driven by different numbers of seeds: {told}; give the same for each")
        joined = {f"{name}/{key}": pairs for name, suite in suites.items() for key, pairs in suite.items()}
        suites = {**suites, ALL_SUITES: joined}
    return [found for name, pairs in suites.items() for found in _compared(name, pairs)]


def _paired(bases: Sequence[Results], seeds: Sequence[Results]) -> dict[str, Pairs]:
    """Pair the runs of each suite, by scenario, with those of all seeds; runs that one of them lacks are left out."""
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
    return {name: _runs(base, of_suite[name]) for name, base in by_name.items()}


def _runs(base: Results, seeds: Sequence[Results]) -> Pairs:
    compared = [{a.key: (a, b) for a, b in compare_results(base, each).pairs} for each in seeds]
    found: Pairs = defaultdict(list)
    for key, (run, _) in compared[0].items():
        if all(key in pairs for pairs in compared):
            found[run.scenario].append((run, tuple(pairs[key][1] for pairs in compared)))
    if not found:
        raise NotComparableError("no run was driven to its end by the base and by every seed")
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
        found = compare_seeds(bases, seeds)
        if options.output is not None:
            write_json_atomic(options.output, {"schema": SCHEMA, "comparisons": [_plain(each) for each in found]})
    except (NotComparableError, ResultsError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return EXIT_UNUSABLE
    console = Console()
    for suite in dict.fromkeys(each.suite for each in found):
        of_suite = [each for each in found if each.suite == suite]
        console.print(
            _table(suite, [each for each in of_suite if options.all_metrics or each.difference.name in SHOWN])
        )
    return 0


def _plain(compared: SeedComparison) -> dict[str, object]:
    told = {"suite": compared.suite, "name": compared.difference.name}
    return told | difference_to_dict(compared.difference) | {"seed_means": list(compared.seed_means)}


def _table(suite: str, rows: Sequence[SeedComparison]) -> Table:
    table = Table(title=suite, title_justify="left", box=None, pad_edge=False)
    table.add_column("metric", no_wrap=True)
    for name in ("base", "seeds", "difference, 95 % interval", "single seeds"):
        table.add_column(name, justify="right")
    table.add_column("verdict")
    for each in rows:
        d = each.difference
        interval = "" if d.low is None or d.high is None else f" ({d.low:+.3g} to {d.high:+.3g})"
        change = "" if d.difference is None else f"{d.difference:+.3g}{interval}"
        singles = " ".join(_short(value) for value in each.seed_means)
        table.add_row(d.name, _short(d.mean_a), _short(d.mean_b), change, singles, d.verdict.value)
    return table


def _short(value: float | None) -> str:
    return "" if value is None else f"{value:.3g}"


if __name__ == "__main__":
    sys.exit(main())

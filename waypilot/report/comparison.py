"""Two results files side by side, run by run: what may be compared, the pairs, and what they say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from waypilot.metrics import ScenarioResult
from waypilot.metrics.paired import PairedDifference, compare_pairs
from waypilot.metrics.same_drives import drive_of
from waypilot.metrics.themes import better_way
from waypilot.report.results import Results
from waypilot.report.run_info import differing_fields

DECIDING_METRIC = "driving_score_2_1"
SCHEMA = "waypilot.comparison/1"
MAX_NAMED = 5
_SAME = ("schema", "suite", "versions")


class NotComparableError(ValueError):
    """The files describe different things; the message lists what differs and what to do."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """B against A. ``unpaired`` and ``crashed`` hold the keys of runs that enter no difference, by side.

    Of pairs in which both drives are those of an earlier pair, to the last digit, only the first enters a difference.
    """

    a: Results
    b: Results
    pairs: tuple[tuple[ScenarioResult, ScenarioResult], ...]
    unpaired: Mapping[str, tuple[str, ...]]
    crashed: Mapping[str, tuple[str, ...]]
    differences: tuple[PairedDifference, ...]
    warnings: tuple[str, ...]

    @property
    def deciding(self) -> PairedDifference:
        """The difference that decides the whole comparison."""
        return next(d for d in self.differences if d.name == DECIDING_METRIC)


def compare_results(a: Results, b: Results) -> Comparison:
    """Compare two evaluations on the runs that both drove to an end. Raises NotComparableError."""
    in_a, in_b = ({result.key: result for result in results.results} for results in (a, b))
    shared = [key for key in in_a if key in in_b]
    faults = [*_document_faults(a, b), *_run_faults(in_a, in_b, shared)]
    if faults:
        more = [f"and {len(faults) - MAX_NAMED} more"] if len(faults) > MAX_NAMED else []
        raise NotComparableError("\n  ".join(["these results cannot be compared:", *faults[:MAX_NAMED], *more]))
    crashed = {"A": _crashed(in_a), "B": _crashed(in_b)}
    pairs = tuple((in_a[k], in_b[k]) for k in shared if not in_a[k].crashed and not in_b[k].crashed)
    distinct = tuple({(drive_of(x), drive_of(y)): (x, y) for x, y in reversed(pairs)}.values())[::-1]
    return Comparison(
        a,
        b,
        pairs,
        {"A": _unpaired(a, b), "B": _unpaired(b, a)},
        crashed,
        tuple(_differences(distinct)),
        (*_warnings(a, b), *_equal_pairs(len(pairs) - len(distinct), len(pairs))),
    )


def comparison_to_dict(comparison: Comparison) -> dict[str, object]:
    """Turn a comparison into JSON-ready values."""
    return {
        "schema": SCHEMA,
        "a": _identity(comparison.a),
        "b": _identity(comparison.b),
        "pairs": [a.key for a, _ in comparison.pairs],
        "unpaired": {side: list(keys) for side, keys in comparison.unpaired.items()},
        "crashed": {side: list(keys) for side, keys in comparison.crashed.items()},
        "warnings": list(comparison.warnings),
        "deciding_metric": DECIDING_METRIC,
        "verdict": comparison.deciding.text,
        "metrics": {difference.name: difference_to_dict(difference) for difference in comparison.differences},
    }


def _identity(results: Results) -> dict[str, object]:
    return {key: results.document[key] for key in ("suite", "loop", "policy", "checkpoint", "versions")}


def difference_to_dict(difference: PairedDifference) -> dict[str, object]:
    """Turn one metric's difference into JSON-ready values."""
    return {
        "unit": difference.unit,
        "better": difference.better.value,
        "pairs": difference.pairs,
        "scenarios": difference.scenarios,
        "mean_a": difference.mean_a,
        "mean_b": difference.mean_b,
        "difference": difference.difference,
        "low": difference.low,
        "high": difference.high,
        "probability_of_improvement": difference.improved,
        "verdict": difference.verdict.value,
        "advice": difference.advice,
    }


def _document_faults(a: Results, b: Results) -> Iterator[str]:
    for key in _SAME:
        for where, value_a, value_b in differing_fields(a.document[key], b.document[key], key):
            yield f"{where} is {value_a!r} in A and {value_b!r} in B; evaluate both with the same {where}"


def _run_faults(
    in_a: Mapping[str, ScenarioResult], in_b: Mapping[str, ScenarioResult], shared: Sequence[str]
) -> Iterator[str]:
    if not shared:
        yield "no run has the same scenario and seed in both; evaluate both with the same --scenarios and --seeds"
    told: set[str] = set()
    for key in shared:
        a, b = in_a[key], in_b[key]
        for where, value_a, value_b in differing_fields(a.definition, b.definition, a.scenario):
            if where not in told:
                told.add(where)
                yield f"{where} is {value_a!r} in A and {value_b!r} in B; drive both by the same scenario file"
    units_a, units_b = ({m.name: m.unit for k in shared[:1] for m in runs[k].metrics} for runs in (in_a, in_b))
    for name, unit_a, unit_b in differing_fields(units_a, units_b, "metric"):
        yield f"{name} has unit {unit_a!r} in A and {unit_b!r} in B; evaluate both with the same version of Waypilot"


def _unpaired(mine: Results, other: Results) -> tuple[str, ...]:
    theirs = {result.key for result in other.results}
    return tuple(result.key for result in mine.results if result.key not in theirs)


def _crashed(runs: Mapping[str, ScenarioResult]) -> tuple[str, ...]:
    return tuple(key for key, result in runs.items() if result.crashed)


def _warnings(a: Results, b: Results) -> Iterator[str]:
    if a.document["loop"] != b.document["loop"]:
        yield f"A was driven by the {a.document['loop']} loop, B by the {b.document['loop']} loop"
    else:
        for where, value_a, value_b in differing_fields(a.document["config"], b.document["config"], "config"):
            yield f"{where} is {value_a!r} in A and {value_b!r} in B: differences may come from that as well"
    if all(a.document[key] == b.document[key] for key in ("checkpoint", "policy", "config")):
        yield "A and B are the same policy: differences show how far runs repeat"


def _equal_pairs(equal: int, pairs: int) -> Iterator[str]:
    if equal:
        yield (
            f"{equal} of {pairs} pairs are drives of another pair over again, to the last digit, and count once: "
            "repeats in lock step, or seeds of a scenario in which a seed changes nothing"
        )


def _differences(pairs: Sequence[tuple[ScenarioResult, ScenarioResult]]) -> Iterator[PairedDifference]:
    yield _compare("completion", "%", [(a.scenario, 100.0 * a.completed, 100.0 * b.completed) for a, b in pairs])
    for metric in pairs[0][0].metrics if pairs else ():
        values = [(a.scenario, a.metric(metric.name).value, b.metric(metric.name).value) for a, b in pairs]
        yield _compare(metric.name, metric.unit, values)
    if not pairs:
        yield _compare(DECIDING_METRIC, "%", [])


def _compare(name: str, unit: str, values: Sequence[tuple[str, float | None, float | None]]) -> PairedDifference:
    by_scenario: dict[str, list[tuple[float, float]]] = {}
    for scenario, a, b in values:
        if a is not None and b is not None:
            by_scenario.setdefault(scenario, []).append((a, b))
    return compare_pairs(name, unit, better_way(name), by_scenario)

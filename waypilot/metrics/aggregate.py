"""What a set of runs says together: rates with 95 % Wilson intervals, means with 95 % bootstrap intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from waypilot.geometry import FloatArray
from waypilot.metrics.averages import mean
from waypilot.metrics.result import ScenarioResult

RESAMPLES = 2000
CONFIDENCE = 0.95
BOOTSTRAP_SEED = 0


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over ``n`` runs, with the bounds of its interval: Wilson's for rates, the bootstrap's for all others.

    ``value`` is None when no run contributed; a bootstrap has no bounds when fewer than two did. ``reason`` says so.
    """

    name: str
    unit: str
    value: float | None
    low: float | None
    high: float | None
    n: int
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Aggregate:
    """All runs together. Crashed runs are counted but enter no mean: they say nothing about the driving.

    ``success_rate`` is Bench2Drive's: goal reached without a penalised infraction (here: collisions).
    """

    runs: int
    completed: int
    failed: int
    crashed: int
    completion_rate: Estimate
    success_rate: Estimate
    metrics: tuple[Estimate, ...]


def aggregate(results: Sequence[ScenarioResult]) -> Aggregate:
    """Summarise runs over scenarios and seeds. The same results give the same numbers, always."""
    judged = [result for result in results if not result.crashed]
    specs = [(metric.name, metric.unit) for metric in results[0].metrics] if results else []
    return Aggregate(
        runs=len(results),
        completed=sum(result.completed for result in judged),
        failed=sum(not result.completed for result in judged),
        crashed=len(results) - len(judged),
        completion_rate=rate("completion_rate", [result.completed for result in judged]),
        success_rate=_success_rate(judged),
        metrics=tuple(_metric_estimate(name, unit, judged) for name, unit in specs),
    )


def estimate(name: str, unit: str, values: Sequence[float]) -> Estimate:
    """Mean and percentile bootstrap interval of one value per run."""
    if not values:
        return Estimate(name, unit, None, None, None, 0, "no run was judged")
    array = np.array(values, dtype=np.float64)
    if len(values) == 1:
        return Estimate(name, unit, mean(array), None, None, 1, "one run says nothing about the spread")
    low, high = bootstrap_interval(array)
    return Estimate(name, unit, mean(array), low, high, len(values))


def rate(name: str, verdicts: Sequence[bool]) -> Estimate:
    """Share of runs with a true verdict, in %, and its interval.

    A bootstrap of equal verdicts has no width, as if five successes in five runs proved that all succeed.
    """
    if not verdicts:
        return Estimate(name, "%", None, None, None, 0, "no run was judged")
    low, high = wilson_interval(sum(verdicts), len(verdicts))
    return Estimate(name, "%", 100.0 * sum(verdicts) / len(verdicts), 100.0 * low, 100.0 * high, len(verdicts))


def wilson_interval(successes: int, n: int) -> tuple[float, float]:
    """Bounds (0..1) of the 95 % score interval of a binomial share (E. B. Wilson, JASA 22, 1927)."""
    z = NormalDist().inv_cdf(0.5 + 0.5 * CONFIDENCE)
    share = successes / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    # At the ends the bound is exactly 0 or 1, which the sum only meets up to rounding.
    return (0.0 if successes == 0 else centre - half, 1.0 if successes == n else centre + half)


def bootstrap_interval(values: FloatArray) -> tuple[float, float]:
    """Bounds of the 95 % percentile interval of the mean, from 2000 seeded resamples."""
    picks = np.random.default_rng(BOOTSTRAP_SEED).integers(0, values.size, size=(RESAMPLES, values.size))
    tail = 50.0 * (1.0 - CONFIDENCE)
    low, high = np.percentile(values[picks].mean(axis=1), [tail, 100.0 - tail])
    return float(low), float(high)


def is_success(result: ScenarioResult) -> bool | None:
    """Goal reached without collision; None when collisions were not observed."""
    collisions = result.metric("collisions")
    if not result.completed:
        return False
    return collisions.value == 0.0 if collisions.valid else None


def _success_rate(judged: Sequence[ScenarioResult]) -> Estimate:
    verdicts = [is_success(result) for result in judged]
    return rate("success_rate", [verdict for verdict in verdicts if verdict is not None])


def _metric_estimate(name: str, unit: str, judged: Sequence[ScenarioResult]) -> Estimate:
    metrics = [result.metric(name) for result in judged]
    values = [metric.value for metric in metrics if metric.value is not None]
    if metrics and not values:
        return Estimate(name, unit, None, None, None, 0, f"invalid in every run: {metrics[0].reason}")
    return estimate(name, unit, values)

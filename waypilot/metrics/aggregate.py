"""What a set of runs says together: rates and means with 95 % bootstrap intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from waypilot.geometry import FloatArray
from waypilot.metrics.averages import mean
from waypilot.metrics.result import ScenarioResult

RESAMPLES = 2000
CONFIDENCE = 0.95
BOOTSTRAP_SEED = 0


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over ``n`` runs, with the bounds of its bootstrap interval.

    ``value`` is None when no run contributed, the bounds when fewer than two did; ``reason`` says so.
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
        completion_rate=estimate("completion_rate", "%", [100.0 * result.completed for result in judged]),
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
    return estimate("success_rate", "%", [100.0 * verdict for verdict in verdicts if verdict is not None])


def _metric_estimate(name: str, unit: str, judged: Sequence[ScenarioResult]) -> Estimate:
    metrics = [result.metric(name) for result in judged]
    values = [metric.value for metric in metrics if metric.value is not None]
    if metrics and not values:
        return Estimate(name, unit, None, None, None, 0, f"invalid in every run: {metrics[0].reason}")
    return estimate(name, unit, values)

"""What a set of runs says together: rates and means with 95 % intervals, and how the runs of each scenario differ.

Every scenario counts alike: a mean is the mean over scenarios of the means over their seeds and repeats. Intervals are
hierarchical bootstraps (``waypilot.metrics.bootstrap``).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from waypilot.geometry import FloatArray
from waypilot.metrics.bootstrap import CONFIDENCE, hierarchical_weights, intervals, mean_of_means
from waypilot.metrics.result import ScenarioResult
from waypilot.metrics.same_drives import distinct_drives
from waypilot.metrics.spread import ScenarioSpread, by_scenario, spreads


@dataclass(frozen=True, slots=True)
class Estimate:
    """A mean over ``n`` runs with the bounds of its 95 % interval.

    ``value`` is None when no run contributed; there are no bounds when fewer than two did. ``reason`` says so.
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

    ``success_rate`` is Bench2Drive's: goal reached without a penalised infraction, speed aside.
    """

    runs: int
    completed: int
    failed: int
    crashed: int
    completion_rate: Estimate
    success_rate: Estimate
    avg_route_completion: Estimate
    metrics: tuple[Estimate, ...]
    scenarios: tuple[ScenarioSpread, ...]


Groups = Mapping[str, Sequence[float]]


def aggregate(results: Sequence[ScenarioResult]) -> Aggregate:
    """Summarise runs over scenarios and seeds. The same results give the same numbers, always."""
    judged = [result for result in results if not result.crashed]
    distinct = distinct_drives(judged)
    specs = [(metric.name, metric.unit) for metric in results[0].metrics] if results else []
    estimator = _Estimator()
    return Aggregate(
        runs=len(results),
        completed=sum(result.completed for result in judged),
        failed=sum(not result.completed for result in judged),
        crashed=len(results) - len(judged),
        completion_rate=estimator.rate(
            "completion_rate", _grouped(judged, _is_completed), _grouped(distinct, _is_completed)
        ),
        success_rate=estimator.rate("success_rate", _grouped(judged, _success), _grouped(distinct, _success)),
        avg_route_completion=_metric_estimate(estimator, "avg_route_completion", "route_completion", "%", judged),
        metrics=tuple(_metric_estimate(estimator, name, name, unit, judged) for name, unit in specs),
        scenarios=spreads(results),
    )


def is_success(result: ScenarioResult) -> bool | None:
    """Goal reached without an infraction other than speed; None when that was not observed."""
    value = _success(result)
    return None if value is None else value > 0.0


def wilson_interval(successes: int, n: int) -> tuple[float, float]:
    """Bounds (0..1) of the 95 % score interval of a binomial share (E. B. Wilson, JASA 22, 1927)."""
    z = NormalDist().inv_cdf(0.5 + 0.5 * CONFIDENCE)
    share = successes / n
    centre = (share + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    # At the ends the bound is exactly 0 or 1, which the sum only meets up to rounding.
    return (0.0 if successes == 0 else centre - half, 1.0 if successes == n else centre + half)


class _Estimator:
    """Makes estimates; the resamples of runs that are grouped alike are drawn once."""

    def __init__(self) -> None:
        self._weights: dict[tuple[int, ...], FloatArray] = {}

    def mean(self, name: str, unit: str, groups: Groups) -> Estimate:
        """Mean and interval of the values, given by scenario."""
        arrays = [np.array(values, dtype=np.float64) for values in groups.values()]
        n = sum(len(values) for values in arrays)
        if n == 0:
            return Estimate(name, unit, None, None, None, 0, "no run was judged")
        value = mean_of_means(arrays)
        if n == 1:
            return Estimate(name, unit, value, None, None, 1, "one run says nothing about the spread")
        sizes = tuple(len(values) for values in arrays)
        if sizes not in self._weights:
            self._weights[sizes] = hierarchical_weights(sizes)
        ((low, high),) = intervals(self._weights[sizes], np.concatenate(arrays)[:, None])
        return Estimate(name, unit, value, low, high, n)

    def rate(self, name: str, groups: Groups, distinct: Groups) -> Estimate:
        """Share of verdicts (0 or 1) that are 1, in %. The interval covers Wilson's and the bootstrap's.

        The bootstrap of equal verdicts has no width, as if five successes in five runs proved that all succeed; Wilson
        takes runs of one scenario for independent ones. So on either side the wider one counts. Wilson's is that of
        the ``distinct`` drives: one that was driven ten times, equal to the last digit, is one success.
        """
        estimate = self.mean(name, "%", {scenario: [100.0 * v for v in values] for scenario, values in groups.items()})
        if estimate.n == 0:
            return estimate
        verdicts = [value for values in distinct.values() for value in values]
        low, high = wilson_interval(round(sum(verdicts)), len(verdicts))
        low, high = 100.0 * low, 100.0 * high
        if estimate.low is not None and estimate.high is not None:
            low, high = min(low, estimate.low), max(high, estimate.high)
        return Estimate(name, "%", estimate.value, low, high, estimate.n)


def _metric_estimate(
    estimator: _Estimator, name: str, metric: str, unit: str, judged: Sequence[ScenarioResult]
) -> Estimate:
    groups = _grouped(judged, lambda result: result.metric(metric).value)
    if judged and not groups:
        return Estimate(name, unit, None, None, None, 0, f"invalid in every run: {judged[0].metric(metric).reason}")
    return estimator.mean(name, unit, groups)


def _grouped(judged: Sequence[ScenarioResult], value_of: Callable[[ScenarioResult], float | None]) -> Groups:
    """Values by scenario; runs and scenarios without one are left out."""
    grouped = {
        scenario: [value for run in runs if (value := value_of(run)) is not None]
        for scenario, runs in by_scenario(judged).items()
    }
    return {scenario: values for scenario, values in grouped.items() if values}


def _is_completed(result: ScenarioResult) -> float:
    return float(result.completed)


def _success(result: ScenarioResult) -> float | None:
    return result.metric("success").value

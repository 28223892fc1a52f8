"""How much the seeds and repeats of each scenario differ: a mean hides that a route scored 21 once and 100 once."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from waypilot.metrics.averages import mean
from waypilot.metrics.result import ScenarioResult

SPREAD_METRICS = ("route_completion", "driving_score_2_0", "driving_score_2_1", "success", "duration")


@dataclass(frozen=True, slots=True)
class Spread:
    """One metric over the ``n`` runs of a scenario that have it. ``std`` is that of a sample, None for one run."""

    name: str
    unit: str
    n: int
    mean: float | None
    std: float | None
    min: float | None
    max: float | None


@dataclass(frozen=True, slots=True)
class ScenarioSpread:
    """The runs of one scenario."""

    scenario: str
    runs: int
    completed: int
    failed: int
    crashed: int
    metrics: tuple[Spread, ...]


def by_scenario(results: Sequence[ScenarioResult]) -> dict[str, list[ScenarioResult]]:
    """Group runs by scenario, in the order of their first runs."""
    groups: dict[str, list[ScenarioResult]] = {}
    for result in results:
        groups.setdefault(result.scenario, []).append(result)
    return groups


def spreads(results: Sequence[ScenarioResult]) -> tuple[ScenarioSpread, ...]:
    """Describe each scenario's runs; crashed ones are counted and enter no figure."""
    return tuple(_spread_of(scenario, runs) for scenario, runs in by_scenario(results).items())


def _spread_of(scenario: str, runs: Sequence[ScenarioResult]) -> ScenarioSpread:
    judged = [run for run in runs if not run.crashed]
    completed = sum(run.completed for run in judged)
    return ScenarioSpread(
        scenario=scenario,
        runs=len(runs),
        completed=completed,
        failed=len(judged) - completed,
        crashed=len(runs) - len(judged),
        metrics=tuple(_metric_spread(name, runs[0].metric(name).unit, judged) for name in SPREAD_METRICS),
    )


def _metric_spread(name: str, unit: str, judged: Sequence[ScenarioResult]) -> Spread:
    values = [value for run in judged if (value := run.metric(name).value) is not None]
    if not values:
        return Spread(name, unit, 0, None, None, None, None)
    middle = mean(np.array(values))
    std = None
    if len(values) > 1:
        std = math.sqrt(math.fsum((value - middle) ** 2 for value in values) / (len(values) - 1))
    return Spread(name, unit, len(values), middle, std, min(values), max(values))

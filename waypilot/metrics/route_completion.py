"""Route completion: the share of the route that was driven, in percent (CARLA leaderboard)."""

from __future__ import annotations

from waypilot.metrics.drive import Drive
from waypilot.metrics.values import Metric, MetricSpec

ROUTE_COMPLETION = MetricSpec("route_completion", "%")
SPECS = (ROUTE_COMPLETION,)


def compute(drive: Drive) -> tuple[Metric, ...]:
    """More than 99 % passed and the goal within the scenario's tolerance counts as 100 %."""
    return (ROUTE_COMPLETION.value(100.0 * drive.completion),)

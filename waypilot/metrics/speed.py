"""Forward speed, in m/s."""

from __future__ import annotations

from waypilot.metrics.averages import mean
from waypilot.metrics.drive import Drive
from waypilot.metrics.values import Metric, MetricSpec

MEAN = MetricSpec("speed_mean", "m/s")
MAX = MetricSpec("speed_max", "m/s")
SPECS = (MEAN, MAX)


def compute(drive: Drive) -> tuple[Metric, ...]:
    """Mean over frames, standstill and reversing (negative) included, and maximum."""
    speed_mps = drive.speed_mps
    return (MEAN.value(mean(speed_mps)), MAX.value(speed_mps.max()))

"""Duration of the drive in simulated seconds, and distance driven in metres."""

from __future__ import annotations

import math

from waypilot.metrics.drive import Drive
from waypilot.metrics.values import Metric, MetricSpec

DURATION = MetricSpec("duration", "s")
DISTANCE = MetricSpec("distance_driven", "m")
SPECS = (DURATION, DISTANCE)


def distance_driven_m(drive: Drive) -> float:
    """Sum the straight steps between consecutive positions."""
    return math.fsum(drive.steps_m.tolist())


def compute(drive: Drive) -> tuple[Metric, ...]:
    """Measure from the first frame to the last."""
    return (DURATION.value(drive.time_s[-1]), DISTANCE.value(distance_driven_m(drive)))

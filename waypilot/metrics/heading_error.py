"""Heading error: angle between the vehicle's heading and the route's, in radians."""

from __future__ import annotations

import numpy as np

from waypilot.metrics.averages import mean
from waypilot.metrics.drive import Drive
from waypilot.metrics.values import Metric, MetricSpec

MEAN = MetricSpec("heading_error_mean", "rad")
MAX = MetricSpec("heading_error_max", "rad")
SPECS = (MEAN, MAX)


def compute(drive: Drive) -> tuple[Metric, ...]:
    """Mean and maximum magnitude over frames."""
    error_rad = np.abs(drive.heading_error_rad)
    return (MEAN.value(mean(error_rad)), MAX.value(error_rad.max()))

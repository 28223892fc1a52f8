"""Lateral deviation: distance between base_link and the route, to either side, in metres."""

from __future__ import annotations

import numpy as np

from waypilot.metrics.averages import mean, percentile_95
from waypilot.metrics.drive import Drive
from waypilot.metrics.values import Metric, MetricSpec

MEAN = MetricSpec("lateral_deviation_mean", "m")
P95 = MetricSpec("lateral_deviation_p95", "m")
MAX = MetricSpec("lateral_deviation_max", "m")
SPECS = (MEAN, P95, MAX)


def compute(drive: Drive) -> tuple[Metric, ...]:
    """Mean, 95th percentile and maximum over frames."""
    deviation_m = np.abs(drive.lateral_m)
    return (MEAN.value(mean(deviation_m)), P95.value(percentile_95(deviation_m)), MAX.value(deviation_m.max()))

"""Longitudinal comfort: acceleration from the difference of forward speeds over the stamps between them, in m/s2."""

from __future__ import annotations

import numpy as np

from waypilot.metrics.drive import Drive
from waypilot.metrics.values import Metric, MetricSpec

# nuPlan's bounds of comfort.
MIN_COMFORTABLE_MPS2 = -4.05
MAX_COMFORTABLE_MPS2 = 2.40

ACCELERATION_MIN = MetricSpec("acceleration_min", "m/s2")
ACCELERATION_MAX = MetricSpec("acceleration_max", "m/s2")
COMFORTABLE_SHARE = MetricSpec("comfortable_acceleration_share", "%")
SPECS = (ACCELERATION_MIN, ACCELERATION_MAX, COMFORTABLE_SHARE)


def compute(drive: Drive) -> tuple[Metric, ...]:
    """Extremes, and the share of steps within nuPlan's bounds of -4.05 to 2.40 m/s2."""
    if len(drive.egos) < 2:
        return tuple(spec.invalid("acceleration needs two frames, there is one") for spec in SPECS)
    acceleration_mps2 = np.diff(drive.speed_mps) / np.diff(drive.time_s)
    inside = (acceleration_mps2 >= MIN_COMFORTABLE_MPS2) & (acceleration_mps2 <= MAX_COMFORTABLE_MPS2)
    return (
        ACCELERATION_MIN.value(acceleration_mps2.min()),
        ACCELERATION_MAX.value(acceleration_mps2.max()),
        COMFORTABLE_SHARE.value(100.0 * int(inside.sum()) / inside.size),
    )

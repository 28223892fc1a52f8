"""Tracking error of the controller: distance between where the plan put the vehicle and where it went, in metres.

Every plan is compared over its waypoints up to 1 s ahead: nearer ones are what a controller acts on, further ones
are replanned before they come true. The driven position at a waypoint's stamp is interpolated between frames.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from waypilot.geometry import FloatArray
from waypilot.metrics.averages import mean
from waypilot.metrics.drive import Drive
from waypilot.metrics.values import Metric, MetricSpec
from waypilot.types import NANOSECONDS_PER_SECOND, Trajectory

HORIZON_NS = NANOSECONDS_PER_SECOND

MEAN = MetricSpec("tracking_error_mean", "m")
MAX = MetricSpec("tracking_error_max", "m")
SPECS = (MEAN, MAX)


def compute(drive: Drive) -> tuple[Metric, ...]:
    """Mean and maximum over all waypoints up to 1 s ahead whose stamp lies within the drive."""
    if all(plan is None for plan in drive.plans):
        return tuple(spec.invalid("no plan was recorded") for spec in SPECS)
    path = DrivenPath(drive)
    error_m = np.concatenate([_errors(drive, path, i, plan) for i, plan in enumerate(drive.plans) if plan is not None])
    if error_m.size == 0:
        return tuple(spec.invalid("no valid plan's waypoint within 1 s falls into the drive") for spec in SPECS)
    return (MEAN.value(mean(error_m)), MAX.value(error_m.max()))


class DrivenPath:
    """The driven positions over time, interpolated between frames."""

    def __init__(self, drive: Drive) -> None:
        self._first_ns = drive.stamps_ns[0]
        # Differences of stamps are exact in a float, the stamps themselves are not.
        self._elapsed_ns = (drive.stamps_ns - self._first_ns).astype(np.float64)
        self._xy_m = drive.xy_m

    def at(self, stamps_ns: NDArray[np.int64]) -> FloatArray:
        """Positions (M, 2) in the map frame at stamps within the drive."""
        elapsed_ns = stamps_ns - self._first_ns
        return np.stack([np.interp(elapsed_ns, self._elapsed_ns, self._xy_m[:, axis]) for axis in (0, 1)], axis=-1)


def _errors(drive: Drive, path: DrivenPath, index: int, plan: Trajectory) -> FloatArray:
    if plan.invalid_reason() is not None or plan.dt_ns > HORIZON_NS:
        return np.empty(0)
    left_ns = int(drive.stamps_ns[-1] - drive.stamps_ns[index])
    count = min(len(plan.waypoints_m), min(HORIZON_NS, left_ns) // plan.dt_ns)
    stamps_ns = drive.stamps_ns[index] + plan.dt_ns * np.arange(1, count + 1, dtype=np.int64)
    pose = drive.egos[index].pose_map_from_base_link.planar
    off_m = pose.transform_points(plan.waypoints_m[:count]) - path.at(stamps_ns)
    error_m: FloatArray = np.hypot(off_m[:, 0], off_m[:, 1])
    return error_m

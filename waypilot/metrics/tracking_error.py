"""Tracking error of the controller: distance between where the plan put the vehicle and where it went, in metres.

Every plan is compared over its waypoints up to 1 s ahead: nearer ones are what a controller acts on, further ones
are replanned before they come true. The driven position at a waypoint's stamp is interpolated between frames.
"""

from __future__ import annotations

import numpy as np

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
    error_m = np.concatenate([_errors(drive, i, plan) for i, plan in enumerate(drive.plans) if plan is not None])
    if error_m.size == 0:
        return tuple(spec.invalid("no valid plan's waypoint within 1 s falls into the drive") for spec in SPECS)
    return (MEAN.value(mean(error_m)), MAX.value(error_m.max()))


def _errors(drive: Drive, index: int, plan: Trajectory) -> FloatArray:
    if plan.invalid_reason() is not None:
        return np.empty(0)
    ahead_ns = plan.dt_ns * np.arange(1, len(plan.waypoints_m) + 1, dtype=np.int64)
    stamps_ns = drive.stamps_ns[index] + ahead_ns
    used = (ahead_ns <= HORIZON_NS) & (stamps_ns <= drive.stamps_ns[-1])
    pose = drive.egos[index].pose_map_from_base_link.planar
    off_m = pose.transform_points(plan.waypoints_m[used]) - _driven_at(drive, (stamps_ns - drive.stamps_ns[0])[used])
    error_m: FloatArray = np.hypot(off_m[:, 0], off_m[:, 1])
    return error_m


def _driven_at(drive: Drive, elapsed_ns: FloatArray) -> FloatArray:
    """Interpolate driven positions (M, 2) at nanoseconds since the first frame (exact in a float)."""
    frames_ns = drive.stamps_ns - drive.stamps_ns[0]
    xy_m = drive.xy_m
    return np.stack([np.interp(elapsed_ns, frames_ns, xy_m[:, axis]) for axis in (0, 1)], axis=-1)

"""Speed keeping: how near the vehicle comes to the speed it may drive, exceeds a limit, or falls behind the traffic."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from waypilot.geometry import FloatArray
from waypilot.metrics.averages import mean
from waypilot.metrics.drive import Drive
from waypilot.metrics.values import Metric, MetricSpec

# CARLA leaderboard: the route is cut into four parts, each of which is compared with the traffic on it.
CHECKPOINTS = 4

OF_TARGET = MetricSpec("speed_of_target_share", "%")
SPEEDING = MetricSpec("speeding_share", "%")
OVER_LIMIT = MetricSpec("speed_over_limit_max", "m/s")
OF_TRAFFIC = MetricSpec("speed_of_traffic_share", "%")
SPECS = (OF_TARGET, SPEEDING, OVER_LIMIT, OF_TRAFFIC)

NO_TRAFFIC = "no moving vehicle was near"


def compute(drive: Drive) -> tuple[Metric, ...]:
    """Compare the forward speed with the scenario's target, the road's limit, and other vehicles' mean speed."""
    of_target = OF_TARGET.value(100.0 * mean(drive.speed_mps) / drive.scenario.target_speed_mps)
    return (of_target, *_against_limit(drive), _against_traffic(drive))


def shares_by_checkpoint(drive: Drive) -> tuple[float, ...]:
    """Speed in % of the mean speed of the vehicles around, at most 100, for each quarter of the route with traffic.

    A quarter's figure is the ratio of the means over its frames on which a vehicle was near (CARLA leaderboard).
    """
    frames, traffic_mps = _traffic_speed(drive)
    velocity = drive.velocity_mps[frames]
    own_mps = np.hypot(velocity[:, 0], velocity[:, 1])
    furthest_m = np.maximum.accumulate(drive.s_m)[frames]
    quarter = np.clip(furthest_m / drive.route.length_m * CHECKPOINTS, 0, CHECKPOINTS - 1).astype(np.int64)
    shares = (_ratio(own_mps[quarter == part], traffic_mps[quarter == part]) for part in range(CHECKPOINTS))
    return tuple(min(100.0 * share, 100.0) for share in shares if share is not None)


def _against_limit(drive: Drive) -> tuple[Metric, Metric]:
    if reason := drive.surroundings_fault:
        return SPEEDING.invalid(reason), OVER_LIMIT.invalid(reason)
    limits = [around.road.speed_limit_mps if around and around.road else None for around in drive.surroundings]
    known = np.array([limit is not None for limit in limits])
    if not known.any():
        reason = "the simulator knows no speed limit"
        return SPEEDING.invalid(reason), OVER_LIMIT.invalid(reason)
    over_mps = drive.speed_mps[known] - np.array([limit for limit in limits if limit is not None])
    note = "" if known.all() else f"limit known on {known.sum()} of {known.size} frames"
    share = 100.0 * int((over_mps > 0.0).sum()) / over_mps.size
    return SPEEDING.value(share, note), OVER_LIMIT.value(max(float(over_mps.max()), 0.0), note)


def _against_traffic(drive: Drive) -> Metric:
    if reason := drive.surroundings_fault:
        return OF_TRAFFIC.invalid(reason)
    frames, traffic_mps = _traffic_speed(drive)
    velocity = drive.velocity_mps[frames]
    share = _ratio(np.hypot(velocity[:, 0], velocity[:, 1]), traffic_mps)
    return OF_TRAFFIC.invalid(NO_TRAFFIC) if share is None else OF_TRAFFIC.value(100.0 * share)


def _traffic_speed(drive: Drive) -> tuple[NDArray[np.intp], FloatArray]:
    """Frames (K,) on which a vehicle was near, and the mean speed of those vehicles (K,)."""
    vehicles = drive.traffic.is_vehicle
    velocity = drive.traffic.velocity_mps[vehicles]
    frame = drive.traffic.frame[vehicles]
    count = np.bincount(frame, minlength=len(drive.egos))
    total = np.bincount(frame, weights=np.hypot(velocity[:, 0], velocity[:, 1]), minlength=len(drive.egos))
    frames = np.flatnonzero(count)
    return frames, total[frames] / count[frames]


def _ratio(own_mps: FloatArray, traffic_mps: FloatArray) -> float | None:
    others = math.fsum(traffic_mps.tolist())
    return math.fsum(own_mps.tolist()) / others if others > 0.0 else None

"""Time to collision: seconds until the vehicle's rectangle touches another one, if both go on as they move.

Constant velocities and headings, as in nuPlan and NAVSIM; the time is exact instead of stepped. Road users behind the
vehicle (more than 150 degrees off its heading) do not count, for it cannot help being run into, and neither does any
while it stands.
"""

from __future__ import annotations

import math

import numpy as np

from waypilot.boxes import dot, meeting_time_s
from waypilot.geometry import FloatArray
from waypilot.metrics.drive import Drive
from waypilot.metrics.values import Metric, MetricSpec

BEHIND_RAD = math.radians(150.0)
STANDING_MPS = 5e-3  # NAVSIM
HORIZON_S = 3.0  # nuPlan
SHORT_S = 0.95  # nuPlan, NAVSIM

MIN = MetricSpec("time_to_collision_min", "s")
SHORT_SHARE = MetricSpec("time_to_collision_short_share", "%")
SPECS = (MIN, SHORT_SHARE)


def times_to_collision_s(drive: Drive) -> FloatArray:
    """Return the shortest time of each frame (N,); infinity where nothing is on a collision course."""
    shortest = np.full(len(drive.egos), np.inf)
    frame, others = drive.traffic.frame, drive.traffic.boxes
    own, own_mps = drive.ego_boxes.take(frame), velocities_in_map_mps(drive)
    time_s = meeting_time_s(own, others, drive.traffic.velocity_mps - own_mps[frame])
    counts = (bearings_rad(drive) <= BEHIND_RAD) & (np.hypot(own_mps[:, 0], own_mps[:, 1]) > STANDING_MPS)[frame]
    np.minimum.at(shortest, frame[counts], time_s[counts])
    return shortest


def bearings_rad(drive: Drive) -> FloatArray:
    """Angle (M,), 0 to pi, between the vehicle's heading and the direction to each road user's centre."""
    own = drive.ego_boxes.take(drive.traffic.frame)
    offset = drive.traffic.boxes.centre_m - own.centre_m
    bearing: FloatArray = np.abs(np.arctan2(dot(offset, own.left), dot(offset, own.forward)))
    return bearing


def velocities_in_map_mps(drive: Drive) -> FloatArray:
    """Velocity of base_link's origin in map axes, (N, 2)."""
    forward, left = drive.velocity_mps.T
    cos, sin = np.cos(drive.yaw_rad), np.sin(drive.yaw_rad)
    return np.stack([cos * forward - sin * left, sin * forward + cos * left], axis=-1)


def compute(drive: Drive) -> tuple[Metric, ...]:
    """Shortest time up to 3 s, and the share of frames below 0.95 s."""
    if reason := drive.surroundings_fault:
        return tuple(spec.invalid(reason) for spec in SPECS)
    time_s = times_to_collision_s(drive)
    shortest_s = float(time_s.min())
    no_course = MIN.invalid(f"nothing was on a collision course within {HORIZON_S:g} s")
    share = SHORT_SHARE.value(100.0 * int((time_s < SHORT_S).sum()) / time_s.size)
    return (MIN.value(shortest_s) if shortest_s <= HORIZON_S else no_course), share

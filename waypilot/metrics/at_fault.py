"""Which collisions are the vehicle's own fault, by the rule of nuPlan and NAVSIM.

Not at fault: the vehicle stood, or was run into from behind. At fault: it hit something that stood (the static world
always does), or hit with its front. A contact at its side is its fault when it was not within its own lane; lanes in a
junction lie over each other and do not count for that.
"""

from __future__ import annotations

import math

import numpy as np

from waypilot.boxes import Boxes, dot
from waypilot.metrics.collisions import count_collisions
from waypilot.metrics.drive import Drive
from waypilot.metrics.time_to_collision import BEHIND_RAD
from waypilot.surroundings import ActorState, RoadSample
from waypilot.types import ActorKind, CollisionEvent

STANDING_MPS = 5e-2  # nuPlan


def faults(drive: Drive) -> tuple[ActorKind, ...]:
    """Return the kinds of partner of the collisions that were the vehicle's fault."""
    events = (collision.first for collision in count_collisions(drive.collisions))
    return tuple(event.other_kind for event in events if is_at_fault(drive, event))


def is_at_fault(drive: Drive, event: CollisionEvent) -> bool:
    """Judge one contact; speeds are those of the frame before, which the impact had not changed yet.

    A partner that nobody saw counts as hit with the front.
    """
    index = drive.index_at(event.stamp_ns)
    before = max(index - 1, 0)
    if math.hypot(*drive.egos[before].linear_velocity_mps[:2]) <= STANDING_MPS:
        return False
    other, earlier = _partner(drive, index, event), _partner(drive, before, event)
    if event.other_kind is ActorKind.STATIC or other is None:
        return True
    if math.hypot(*(earlier or other).velocity_mps) <= STANDING_MPS:
        return True
    return _contact_at_fault(drive, index, other)


def _contact_at_fault(drive: Drive, index: int, other: ActorState) -> bool:
    own = drive.ego_boxes.take(np.array([index]))
    pose = other.pose_map_from_box
    offset = np.array([[pose.x_m, pose.y_m]]) - own.centre_m
    bearing_rad = math.atan2(float(dot(offset, own.left)[0]), float(dot(offset, own.forward)[0]))
    if abs(bearing_rad) > BEHIND_RAD:
        return False
    return _front_hit(own, other) or not _within_lane(drive, index)


def _front_hit(own: Boxes, other: ActorState) -> bool:
    """Whether the two are further apart, or overlap less, ahead of the vehicle than beside it."""
    pose = other.pose_map_from_box
    size = np.array([other.half_length_m]), np.array([other.half_width_m])
    corners = Boxes(np.array([[pose.x_m, pose.y_m]]), np.array([pose.yaw_rad]), *size).corners_m[0] - own.centre_m
    ahead, left = dot(corners, own.forward), dot(corners, own.left)
    gap_ahead = float(ahead.min() - own.half_length_m[0])
    gap_beside = float(max(left.min(), -left.max()) - own.half_width_m[0])
    return gap_ahead >= gap_beside


def _within_lane(drive: Drive, index: int) -> bool:
    around = drive.surroundings[index]
    road: RoadSample | None = around.road if around else None
    if road is None or drive.scene is None:
        return True
    if road.lane_lateral_m is None or not all(corner.is_drivable for corner in road.corners):
        return road.in_junction
    return road.in_junction or abs(road.lane_lateral_m) + drive.scene.ego.half_width_m <= road.lane_width_m / 2.0


def _partner(drive: Drive, index: int, event: CollisionEvent) -> ActorState | None:
    around = drive.surroundings[index]
    actors = around.actors if around else ()
    return next((actor for actor in actors if actor.actor_id == event.other_actor_id), None)

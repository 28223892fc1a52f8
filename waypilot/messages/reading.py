"""Messages read as values of the core, by the names of their fields alone.

So one code reads what rclpy delivers to a node and what a bag's reader decodes without ROS. A message that cannot be a
value raises ``MalformedMessageError``. The way back needs message classes and stands in ``waypilot_ros``.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from waypilot.alerts import Alert
from waypilot.geometry import FloatArray, Pose, Quaternion
from waypilot.metrics.judge import Promise
from waypilot.route import Route
from waypilot.types import (
    NANOSECONDS_PER_SECOND,
    ActorKind,
    CollisionEvent,
    Control,
    EgoState,
    LaneInvasionEvent,
    Trajectory,
)

MAP_FRAME = "map"
EGO_FRAME = "ego_vehicle"

#: ``waypilot_msgs/CollisionEvent.other_kind`` and ``RoadUser.kind``.
ACTOR_KIND_NUMBERS = {ActorKind.VEHICLE: 1, ActorKind.PEDESTRIAN: 2, ActorKind.STATIC: 3}
ACTOR_KINDS = {number: kind for kind, number in ACTOR_KIND_NUMBERS.items()}


class MalformedMessageError(ValueError):
    """A message holds what no value of the core can be."""


def stamp_from_msg(stamp: Any) -> int:
    """Read integer nanoseconds of simulated time."""
    return int(stamp.sec) * NANOSECONDS_PER_SECOND + int(stamp.nanosec)


def ego_from_msg(message: Any) -> EgoState:
    """Read odometry; MalformedMessageError when a number of it is not finite."""
    p, q = message.pose.pose.position, message.pose.pose.orientation
    linear, angular = message.twist.twist.linear, message.twist.twist.angular
    values = (p.x, p.y, p.z, q.x, q.y, q.z, q.w, linear.x, linear.y, linear.z, angular.x, angular.y, angular.z)
    if not all(map(math.isfinite, values)):
        raise MalformedMessageError("odometry holds a number that is not finite")
    return EgoState(
        stamp_ns=stamp_from_msg(message.header.stamp),
        pose_map_from_base_link=Pose(p.x, p.y, p.z, Quaternion(q.x, q.y, q.z, q.w)),
        linear_velocity_mps=(linear.x, linear.y, linear.z),
        angular_velocity_radps=(angular.x, angular.y, angular.z),
    )


def trajectory_from_msg(message: Any) -> Trajectory:
    """Read waypoints.

    An empty path becomes a trajectory of no waypoints, which nobody may follow, and so do not-finite numbers; raises
    MalformedMessageError when they are in another frame than the vehicle's, or when the poses' stamps are not evenly
    spaced after the header's.
    """
    if message.header.frame_id != EGO_FRAME:
        raise MalformedMessageError(f"the waypoints are in frame {message.header.frame_id!r}, expected {EGO_FRAME!r}")
    stamp_ns = stamp_from_msg(message.header.stamp)
    stamps_ns = [stamp_from_msg(pose.header.stamp) for pose in message.poses]
    dt_ns = stamps_ns[0] - stamp_ns if stamps_ns else 0
    if any(found != stamp_ns + (index + 1) * dt_ns for index, found in enumerate(stamps_ns)):
        raise MalformedMessageError("the waypoints' stamps are not evenly spaced after the header's stamp")
    return Trajectory(stamp_ns=stamp_ns, dt_ns=dt_ns, waypoints_m=_path_points(message))


def route_from_msg(message: Any) -> Route:
    """Read waypilot_msgs/Route; MalformedMessageError when it cannot be driven."""
    junctions = zip(message.junction_starts_m, message.junction_ends_m, strict=False)
    if len(message.junction_starts_m) != len(message.junction_ends_m):
        raise MalformedMessageError("the route cannot be driven: it has another number of junction ends than starts")
    return route_from_path(message.path, list(junctions) if message.junctions_known else None)


def route_from_path(message: Any, junctions: list[tuple[float, float]] | None = None) -> Route:
    """Read nav_msgs/Path as a route; without ``junctions`` turns are told from its shape.

    Raises MalformedMessageError when it is in another frame than map or cannot be driven.
    """
    if message.header.frame_id != MAP_FRAME:
        raise MalformedMessageError(f"the route is in frame {message.header.frame_id!r}, expected {MAP_FRAME!r}")
    try:
        return Route(_path_points(message), junctions)
    except ValueError as error:
        raise MalformedMessageError(f"the route cannot be driven: {error}") from error


def control_from_msg(message: Any) -> Control:
    """Read a vehicle command; MalformedMessageError when a value is out of range."""
    try:
        return Control(message.throttle, message.steer, message.brake, message.hand_brake, message.reverse)
    except ValueError as error:
        raise MalformedMessageError(f"vehicle command: {error}") from error


def collision_from_msg(message: Any) -> CollisionEvent:
    """Read a contact; MalformedMessageError for an unknown kind of partner."""
    if message.other_kind not in ACTOR_KINDS:
        raise MalformedMessageError(f"collision with unknown kind of actor {message.other_kind}")
    return CollisionEvent(
        stamp_ns=stamp_from_msg(message.header.stamp),
        other_actor_id=message.other_actor_id,
        other_kind=ACTOR_KINDS[message.other_kind],
        impulse_ns=(message.impulse.x, message.impulse.y, message.impulse.z),
    )


def lane_invasion_from_msg(message: Any) -> LaneInvasionEvent:
    """Read the crossing of lane markings."""
    return LaneInvasionEvent(
        stamp_from_msg(message.header.stamp), tuple(int(number) for number in message.crossed_lane_markings)
    )


def alert_from_msg(message: Any) -> Alert:
    """Read waypilot_msgs/StackAlert: what the stack says about itself."""
    return Alert(stamp_from_msg(message.header.stamp), message.source, message.reason, message.safe_stop)


def promise_from_msg(counts: Any) -> Promise:
    """Read waypilot_msgs/DriveCounts: what a bridge says it published up to the end of a drive."""
    return Promise(
        end_stamp_ns=stamp_from_msg(counts.end_stamp),
        frames=counts.frames,
        collisions=counts.collisions,
        lane_invasions=counts.lane_invasions,
        surroundings=counts.surroundings,
        missed_deadlines=counts.missed_deadlines,
        lock_step=counts.lock_step,
    )


def _path_points(message: Any) -> FloatArray:
    points = [(pose.pose.position.x, pose.pose.position.y) for pose in message.poses]
    return np.array(points, dtype=np.float64).reshape(-1, 2)

"""Values of the core written as messages; the way back is ``waypilot.messages``. No value loses a bit on the way.

Every number is made explicit (``float(x)``, ``int(x)``): rclpy sends garbage for an int in a float field, and does not
say so.
"""

from __future__ import annotations

from collections.abc import Sequence

from builtin_interfaces.msg import Time
from carla_msgs.msg import CarlaEgoVehicleControl, CarlaLaneInvasionEvent
from geometry_msgs.msg import PoseStamped, Vector3
from nav_msgs.msg import Odometry, Path
from std_msgs.msg import Header
from waypilot_msgs.msg import CollisionEvent as CollisionMessage
from waypilot_msgs.msg import Route as RouteMessage
from waypilot_msgs.msg import StackAlert

from waypilot.alerts import Alert
from waypilot.geometry import FloatArray
from waypilot.messages import (
    ACTOR_KIND_NUMBERS,
    EGO_FRAME,
    MAP_FRAME,
    MalformedMessageError,
    alert_from_msg,
    collision_from_msg,
    control_from_msg,
    ego_from_msg,
    image_to_rgb,
    lane_invasion_from_msg,
    promise_from_msg,
    route_from_msg,
    stamp_from_msg,
    trajectory_from_msg,
)
from waypilot.route import Route
from waypilot.types import NANOSECONDS_PER_SECOND, CollisionEvent, Control, EgoState, LaneInvasionEvent, Trajectory

__all__ = [
    "EGO_FRAME",
    "MAP_FRAME",
    "MalformedMessageError",
    "alert_from_msg",
    "alert_to_msg",
    "collision_from_msg",
    "collision_to_msg",
    "control_from_msg",
    "control_to_msg",
    "ego_from_msg",
    "ego_to_msg",
    "header",
    "image_to_rgb",
    "lane_invasion_from_msg",
    "lane_invasion_to_msg",
    "offsets_to_msg",
    "promise_from_msg",
    "route_from_msg",
    "route_to_msg",
    "route_to_path",
    "stamp_from_msg",
    "stamp_to_msg",
    "trajectory_from_msg",
    "trajectory_to_msg",
]


def stamp_to_msg(stamp_ns: int) -> Time:
    """Write integer nanoseconds of simulated time."""
    seconds, nanoseconds = divmod(int(stamp_ns), NANOSECONDS_PER_SECOND)
    return Time(sec=seconds, nanosec=nanoseconds)


def header(stamp_ns: int, frame_id: str) -> Header:
    """Make a header."""
    return Header(stamp=stamp_to_msg(stamp_ns), frame_id=frame_id)


def ego_to_msg(ego: EgoState) -> Odometry:
    """Write the ego state as odometry: pose in ``map``, velocities in ``ego_vehicle``."""
    message = Odometry(header=header(ego.stamp_ns, MAP_FRAME), child_frame_id=EGO_FRAME)
    pose, quaternion = ego.pose_map_from_base_link, ego.pose_map_from_base_link.orientation
    position, orientation = message.pose.pose.position, message.pose.pose.orientation
    position.x, position.y, position.z = float(pose.x_m), float(pose.y_m), float(pose.z_m)
    orientation.x, orientation.y = float(quaternion.x), float(quaternion.y)
    orientation.z, orientation.w = float(quaternion.z), float(quaternion.w)
    _fill_vector(message.twist.twist.linear, ego.linear_velocity_mps)
    _fill_vector(message.twist.twist.angular, ego.angular_velocity_radps)
    return message


def trajectory_to_msg(trajectory: Trajectory) -> Path:
    """Write waypoints as a path in ``ego_vehicle``; every pose carries the time at which it is to be reached."""
    return _path(
        header(trajectory.stamp_ns, EGO_FRAME),
        trajectory.waypoints_m,
        [trajectory.stamp_ns + (index + 1) * trajectory.dt_ns for index in range(len(trajectory.waypoints_m))],
    )


def offsets_to_msg(trajectory: Trajectory, offsets_m: FloatArray) -> Path:
    """Write what a delta head adds to ``trajectory``, as a path with the same stamps."""
    return trajectory_to_msg(Trajectory(trajectory.stamp_ns, trajectory.dt_ns, offsets_m))


def route_to_path(route: Route, stamp_ns: int = 0) -> Path:
    """Write a route's points as a path in ``map``; the headers of the single poses stay empty, as upstream's."""
    return _path(header(stamp_ns, MAP_FRAME), route.points_m, None)


def route_to_msg(route: Route) -> RouteMessage:
    """Write a route with everything that makes it equal at the other side."""
    junctions = route.junctions or ()
    return RouteMessage(
        path=route_to_path(route),
        junctions_known=route.junctions is not None,
        junction_starts_m=[float(start) for start, _ in junctions],
        junction_ends_m=[float(end) for _, end in junctions],
    )


def control_to_msg(control: Control, stamp_ns: int) -> CarlaEgoVehicleControl:
    """Write a vehicle command. ``stamp_ns`` is that of the frame it answers."""
    return CarlaEgoVehicleControl(
        header=header(stamp_ns, EGO_FRAME),
        throttle=float(control.throttle),
        steer=float(control.steer),
        brake=float(control.brake),
        hand_brake=bool(control.hand_brake),
        reverse=bool(control.reverse),
    )


def alert_to_msg(alert: Alert) -> StackAlert:
    """Write what the stack says about itself."""
    return StackAlert(
        header=header(alert.stamp_ns, MAP_FRAME), source=alert.source, reason=alert.reason, safe_stop=alert.safe_stop
    )


def collision_to_msg(event: CollisionEvent) -> CollisionMessage:
    """Write a contact."""
    message = CollisionMessage(
        header=header(event.stamp_ns, MAP_FRAME),
        other_actor_id=int(event.other_actor_id),
        other_kind=ACTOR_KIND_NUMBERS[event.other_kind],
    )
    _fill_vector(message.impulse, event.impulse_ns)
    return message


def lane_invasion_to_msg(event: LaneInvasionEvent) -> CarlaLaneInvasionEvent:
    """Write the crossing of lane markings."""
    return CarlaLaneInvasionEvent(
        header=header(event.stamp_ns, MAP_FRAME),
        crossed_lane_markings=[int(number) for number in event.crossed_markings],
    )


def _fill_vector(message: Vector3, vector: Sequence[float]) -> None:
    message.x, message.y, message.z = float(vector[0]), float(vector[1]), float(vector[2])


def _path(path_header: Header, points_m: FloatArray, stamps_ns: Sequence[int] | None) -> Path:
    message = Path(header=path_header)
    for index, (x, y) in enumerate(points_m.tolist()):
        pose = PoseStamped()
        if stamps_ns is not None:
            pose.header.frame_id = path_header.frame_id
            pose.header.stamp = stamp_to_msg(stamps_ns[index])
        position = pose.pose.position
        position.x, position.y = x, y
        message.poses.append(pose)
    return message

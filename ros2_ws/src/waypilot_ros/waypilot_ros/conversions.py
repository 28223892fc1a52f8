"""Messages <-> the values of the core. No value loses a bit on the way.

Every number is made explicit (``float(x)``, ``int(x)``): rclpy sends garbage for an int in a float field, and does not
say so. A message that cannot be a value raises ``MalformedMessageError``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from builtin_interfaces.msg import Time
from carla_msgs.msg import CarlaEgoVehicleControl, CarlaLaneInvasionEvent
from geometry_msgs.msg import PoseStamped, Vector3
from nav_msgs.msg import Odometry, Path
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from waypilot_msgs.msg import CollisionEvent as CollisionMessage
from waypilot_msgs.msg import Route as RouteMessage

from waypilot.geometry import FloatArray, Pose, Quaternion
from waypilot.route import Route
from waypilot.types import (
    NANOSECONDS_PER_SECOND,
    ActorKind,
    CollisionEvent,
    Control,
    EgoState,
    LaneInvasionEvent,
    RgbImage,
    Trajectory,
)

MAP_FRAME = "map"
EGO_FRAME = "ego_vehicle"

_KIND_NUMBERS = {
    ActorKind.VEHICLE: CollisionMessage.VEHICLE,
    ActorKind.PEDESTRIAN: CollisionMessage.PEDESTRIAN,
    ActorKind.STATIC: CollisionMessage.STATIC,
}
_KINDS = {number: kind for kind, number in _KIND_NUMBERS.items()}


class MalformedMessageError(ValueError):
    """A message holds what no value of the core can be."""


def stamp_to_msg(stamp_ns: int) -> Time:
    """Write integer nanoseconds of simulated time."""
    seconds, nanoseconds = divmod(int(stamp_ns), NANOSECONDS_PER_SECOND)
    return Time(sec=seconds, nanosec=nanoseconds)


def stamp_from_msg(stamp: Time) -> int:
    """Read integer nanoseconds of simulated time."""
    return int(stamp.sec) * NANOSECONDS_PER_SECOND + int(stamp.nanosec)


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


def ego_from_msg(message: Odometry) -> EgoState:
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


def trajectory_to_msg(trajectory: Trajectory) -> Path:
    """Write waypoints as a path in ``ego_vehicle``; every pose carries the time at which it is to be reached."""
    return _path(
        header(trajectory.stamp_ns, EGO_FRAME),
        trajectory.waypoints_m,
        [trajectory.stamp_ns + (index + 1) * trajectory.dt_ns for index in range(len(trajectory.waypoints_m))],
    )


def trajectory_from_msg(message: Path) -> Trajectory:
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


def route_from_msg(message: RouteMessage) -> Route:
    """Read a route; MalformedMessageError when it cannot be driven."""
    frame_id = message.path.header.frame_id
    if frame_id != MAP_FRAME:
        raise MalformedMessageError(f"the route is in frame {frame_id!r}, expected {MAP_FRAME!r}")
    try:
        junctions = list(zip(message.junction_starts_m, message.junction_ends_m, strict=True))
        return Route(_path_points(message.path), junctions if message.junctions_known else None)
    except ValueError as error:
        raise MalformedMessageError(f"the route cannot be driven: {error}") from error


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


def control_from_msg(message: CarlaEgoVehicleControl) -> Control:
    """Read a vehicle command; MalformedMessageError when a value is out of range."""
    try:
        return Control(message.throttle, message.steer, message.brake, message.hand_brake, message.reverse)
    except ValueError as error:
        raise MalformedMessageError(f"vehicle command: {error}") from error


def image_to_rgb(message: Image) -> RgbImage:
    """Read a ``bgra8`` or ``rgb8`` image as RGB (H, W, 3) uint8; MalformedMessageError for anything else."""
    channels = {"bgra8": 4, "rgb8": 3}.get(message.encoding)
    if channels is None:
        raise MalformedMessageError(f"image encoding {message.encoding!r} is not supported, send bgra8 or rgb8")
    if len(message.data) != message.height * message.step or message.step < channels * message.width:
        raise MalformedMessageError(
            f"image of {message.width}x{message.height} {message.encoding} with step {message.step} "
            f"holds {len(message.data)} bytes"
        )
    rows = np.frombuffer(message.data, dtype=np.uint8).reshape(message.height, message.step)
    pixels = rows[:, : channels * message.width].reshape(message.height, message.width, channels)
    return np.ascontiguousarray(pixels[:, :, 2::-1] if channels == 4 else pixels)


def collision_to_msg(event: CollisionEvent) -> CollisionMessage:
    """Write a contact."""
    message = CollisionMessage(
        header=header(event.stamp_ns, MAP_FRAME),
        other_actor_id=int(event.other_actor_id),
        other_kind=_KIND_NUMBERS[event.other_kind],
    )
    _fill_vector(message.impulse, event.impulse_ns)
    return message


def collision_from_msg(message: CollisionMessage) -> CollisionEvent:
    """Read a contact; MalformedMessageError for an unknown kind of partner."""
    if message.other_kind not in _KINDS:
        raise MalformedMessageError(f"collision with unknown kind of actor {message.other_kind}")
    return CollisionEvent(
        stamp_ns=stamp_from_msg(message.header.stamp),
        other_actor_id=message.other_actor_id,
        other_kind=_KINDS[message.other_kind],
        impulse_ns=(message.impulse.x, message.impulse.y, message.impulse.z),
    )


def lane_invasion_to_msg(event: LaneInvasionEvent) -> CarlaLaneInvasionEvent:
    """Write the crossing of lane markings."""
    return CarlaLaneInvasionEvent(
        header=header(event.stamp_ns, MAP_FRAME),
        crossed_lane_markings=[int(number) for number in event.crossed_markings],
    )


def lane_invasion_from_msg(message: CarlaLaneInvasionEvent) -> LaneInvasionEvent:
    """Read the crossing of lane markings."""
    return LaneInvasionEvent(stamp_from_msg(message.header.stamp), tuple(message.crossed_lane_markings))


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


def _path_points(message: Path) -> FloatArray:
    points = [(pose.pose.position.x, pose.pose.position.y) for pose in message.poses]
    return np.array(points, dtype=np.float64).reshape(-1, 2)

"""Shows a drive in RViz without /tf: everything as markers in the map frame."""

from __future__ import annotations

import math
from collections.abc import Sequence

from geometry_msgs.msg import Point
from nav_msgs.msg import Odometry, Path
from rclpy.node import Node
from std_msgs.msg import ColorRGBA
from visualization_msgs.msg import Marker, MarkerArray
from waypilot_msgs.msg import Surroundings

from waypilot.geometry import SE2
from waypilot.messages import MalformedMessageError, ego_from_msg, surroundings_from_msg, trajectory_from_msg
from waypilot_ros import qos
from waypilot_ros.conversions import MAP_FRAME, header
from waypilot_ros.diagnostics import Diagnostics
from waypilot_ros.parameters import refuse_unknown_parameters
from waypilot_ros.spin import run_node

Rgba = tuple[float, float, float, float]

#: Okabe and Ito's colours, told apart by the colour-blind.
COLORS: dict[str, Rgba] = {
    "waypoints": (0.0, 0.62, 0.45, 1.0),
    "waypoints_sft": (0.34, 0.71, 0.91, 1.0),
    "vehicle": (0.9, 0.62, 0.0, 0.8),
    "road users": (0.8, 0.47, 0.65, 0.8),
}
#: Length, width and height of the vehicle's box (m), as CARLA's default car; its origin is on the ground.
VEHICLE_SIZE_M = (4.8, 2.2, 1.5)
LINE_WIDTH_M = 0.25
HEIGHT_M = 0.3
#: Poses of the vehicle that are kept for plans which are still on their way.
HISTORY = 100


class MarkersNode(Node):
    """Draws vehicle, planned waypoints (final and SFT) and other road users."""

    def __init__(self) -> None:
        super().__init__("markers")
        refuse_unknown_parameters(self)
        self._diagnostics = Diagnostics(self)
        self._poses: dict[int, SE2] = {}
        self._road_users: set[int] = set()
        self._publisher = self.create_publisher(MarkerArray, "markers", qos.FRAME)
        self.create_subscription(Odometry, "odometry", self._on_odometry, qos.FRAME)
        for topic in ("waypoints", "waypoints_sft"):
            self.create_subscription(Path, topic, lambda message, name=topic: self._on_plan(name, message), qos.FRAME)
        self.create_subscription(Surroundings, "surroundings", self._on_surroundings, qos.FRAME)
        self.get_logger().info("markers is ready")

    def _on_odometry(self, message: Odometry) -> None:
        try:
            ego = ego_from_msg(message)
        except MalformedMessageError as error:
            self._diagnostics.problem("malformed odometry", str(error))
            return
        self._diagnostics.stamp_ns = ego.stamp_ns
        self._poses[ego.stamp_ns] = pose = ego.pose_map_from_base_link.planar
        while len(self._poses) > HISTORY:
            del self._poses[next(iter(self._poses))]
        self._publish([box("vehicle", 0, ego.stamp_ns, pose, VEHICLE_SIZE_M)])

    def _on_plan(self, name: str, message: Path) -> None:
        try:
            plan = trajectory_from_msg(message)
        except MalformedMessageError as error:
            self._diagnostics.problem(f"malformed {name}", str(error))
            return
        pose = self._poses.get(plan.stamp_ns)
        if pose is not None and plan.invalid_reason() is None:
            self._publish([line(name, plan.stamp_ns, pose, plan.waypoints_m.tolist())])

    def _on_surroundings(self, message: Surroundings) -> None:
        try:
            surroundings = surroundings_from_msg(message)
        except MalformedMessageError as error:
            self._diagnostics.problem("malformed surroundings", str(error))
            return
        stamp_ns = surroundings.stamp_ns
        gone = [
            Marker(header=header(stamp_ns, MAP_FRAME), ns="road users", id=number, action=Marker.DELETE)
            for number in self._road_users - {actor.actor_id for actor in surroundings.actors}
        ]
        self._road_users = {actor.actor_id for actor in surroundings.actors}
        boxes = [
            box(
                "road users",
                actor.actor_id,
                stamp_ns,
                actor.pose_map_from_box,
                (2.0 * actor.half_length_m, 2.0 * actor.half_width_m, VEHICLE_SIZE_M[2]),
            )
            for actor in surroundings.actors
        ]
        self._publish([*gone, *boxes])

    def _publish(self, markers: Sequence[Marker]) -> None:
        self._publisher.publish(MarkerArray(markers=list(markers)))


def box(name: str, number: int, stamp_ns: int, pose: SE2, size_m: tuple[float, float, float]) -> Marker:
    """Make a box that stands on the ground with its centre at ``pose``; ``size_m`` is length, width, height."""
    marker = _marker(name, number, stamp_ns, Marker.CUBE)
    marker.pose.position.x, marker.pose.position.y = float(pose.x_m), float(pose.y_m)
    marker.pose.position.z = 0.5 * size_m[2]
    marker.pose.orientation.z, marker.pose.orientation.w = math.sin(0.5 * pose.yaw_rad), math.cos(0.5 * pose.yaw_rad)
    marker.scale.x, marker.scale.y, marker.scale.z = (float(length) for length in size_m)
    return marker


def line(name: str, stamp_ns: int, pose: SE2, waypoints_m: Sequence[Sequence[float]]) -> Marker:
    """Make a line from the vehicle through waypoints, which are given in its own axes."""
    marker = _marker(name, 0, stamp_ns, Marker.LINE_STRIP)
    marker.scale.x = LINE_WIDTH_M
    marker.pose.orientation.w = 1.0
    places = [pose, *(pose.compose(SE2(float(x), float(y), 0.0)) for x, y in waypoints_m)]
    marker.points = [Point(x=float(place.x_m), y=float(place.y_m), z=HEIGHT_M) for place in places]
    return marker


def _marker(name: str, number: int, stamp_ns: int, kind: int) -> Marker:
    red, green, blue, alpha = COLORS[name]
    return Marker(
        header=header(stamp_ns, MAP_FRAME),
        ns=name,
        id=int(number),
        type=kind,
        action=Marker.ADD,
        color=ColorRGBA(r=red, g=green, b=blue, a=alpha),
    )


def main() -> int:
    """Run the node until a signal comes."""
    return run_node(MarkersNode)

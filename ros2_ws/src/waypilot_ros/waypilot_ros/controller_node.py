"""The waypoint follower as a node: odometry and waypoints in, vehicle commands out."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from carla_msgs.msg import CarlaEgoVehicleControl
from nav_msgs.msg import Odometry, Path
from rclpy.node import Node
from waypilot_msgs.srv import PrepareScenario

from waypilot.control.follower import FollowerConfig, TimedPlan, WaypointFollower
from waypilot.types import EgoState, Trajectory
from waypilot_ros import qos
from waypilot_ros.conversions import MalformedMessageError, control_to_msg, ego_from_msg, trajectory_from_msg
from waypilot_ros.diagnostics import Diagnostics
from waypilot_ros.parameters import declare_config, parameter, refuse_unknown_parameters
from waypilot_ros.readiness import Drain, missing_connections
from waypilot_ros.spin import run_node

#: Ego states and plans kept until their counterpart arrives: 5 s at 20 Hz.
HISTORY = 100


@dataclass(frozen=True, slots=True)
class ControllerNodeConfig:
    """When the controller acts."""

    lock_step: bool = parameter(
        True, "true: one command per plan, for the plan's own frame; false: one per odometry, with the latest plan"
    )


class ControllerNode(Node):
    """Follows the policy's waypoints; stops the vehicle safely when they are missing, stale or invalid."""

    def __init__(self) -> None:
        super().__init__("controller")
        self._lock_step = declare_config(self, ControllerNodeConfig).lock_step
        self._follower = WaypointFollower(declare_config(self, FollowerConfig, "follower"))
        refuse_unknown_parameters(self)
        self._egos: OrderedDict[int, EgoState] = OrderedDict()
        self._plans: OrderedDict[int, Trajectory] = OrderedDict()
        self._last_command_ns: int | None = None
        self._driving = False
        self._drain = Drain()
        self._diagnostics = Diagnostics(self)
        self._control = self.create_publisher(CarlaEgoVehicleControl, "control", qos.RECORD)
        self._inputs = [
            self.create_subscription(Odometry, "odometry", self._on_odometry, qos.FRAME),
            self.create_subscription(Path, "waypoints", self._on_waypoints, qos.FRAME),
        ]
        self.create_service(PrepareScenario, "~/prepare", self._on_prepare)
        self.get_logger().info("controller is ready")

    def _on_prepare(
        self, request: PrepareScenario.Request, response: PrepareScenario.Response
    ) -> PrepareScenario.Response:
        """End the last drive, and start a new one as soon as everything is ready."""
        response.message = missing_connections([self._control], self._inputs) or self._drain.objection(
            request.free_running
        )
        self._driving = response.success = not response.message
        if response.success:
            self._follower.reset()
            self._egos.clear()
            self._plans.clear()
            self._last_command_ns = None
        return response

    def _on_odometry(self, message: Odometry) -> None:
        self._drain.note_message()
        if not self._driving:
            return
        try:
            ego = ego_from_msg(message)
        except MalformedMessageError as error:
            self._diagnostics.problem("malformed odometry", str(error))
            return
        self._diagnostics.stamp_ns = ego.stamp_ns
        _remember(self._egos, ego.stamp_ns, ego)
        if not self._lock_step:
            self._command(ego, self._latest_plan())
        elif ego.stamp_ns in self._plans:
            self._command(ego, self._plans[ego.stamp_ns])

    def _on_waypoints(self, message: Path) -> None:
        self._drain.note_message()
        if not self._driving:
            return
        try:
            with self._diagnostics.timed("convert plan"):
                plan = trajectory_from_msg(message)
        except MalformedMessageError as error:
            self._diagnostics.problem("malformed waypoints", str(error))
            return
        _remember(self._plans, plan.stamp_ns, plan)
        if self._lock_step and plan.stamp_ns in self._egos:
            self._command(self._egos[plan.stamp_ns], plan)

    def _latest_plan(self) -> Trajectory | None:
        """Return the newest plan whose pose is known."""
        known = self._plans.keys() & self._egos.keys()
        return self._plans[max(known)] if known else None

    def _command(self, ego: EgoState, plan: Trajectory | None) -> None:
        if self._last_command_ns is not None and ego.stamp_ns <= self._last_command_ns:
            self._diagnostics.problem("stale or repeated input", f"stamp {ego.stamp_ns} ns was answered already")
            return
        self._last_command_ns = ego.stamp_ns
        timed = TimedPlan(plan, self._egos[plan.stamp_ns].pose_map_from_base_link.planar) if plan else None
        with self._diagnostics.timed("step and publish"):
            output = self._follower.step(ego, timed)
            self._control.publish(control_to_msg(output.control, ego.stamp_ns))
        if output.safe_stop_reason is not None:
            self._diagnostics.problem("safe stop", output.safe_stop_reason)


def _remember(history: OrderedDict, stamp_ns: int, value: object) -> None:
    history[stamp_ns] = value
    if len(history) > HISTORY:
        history.popitem(last=False)


def main() -> int:
    """Run the node until a signal comes."""
    return run_node(ControllerNode)

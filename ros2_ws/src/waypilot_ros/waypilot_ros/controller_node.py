"""The waypoint follower as a node: odometry and waypoints in, vehicle commands out."""

from __future__ import annotations

import json
from collections import OrderedDict
from dataclasses import dataclass

from carla_msgs.msg import CarlaEgoVehicleControl
from nav_msgs.msg import Odometry, Path
from rclpy.node import Node
from waypilot_msgs.msg import StackAlert
from waypilot_msgs.srv import PrepareScenario

from waypilot.alerts import CONTROLLER, Alert
from waypilot.config import config_from_mapping
from waypilot.control.follower import FollowerConfig, TimedPlan, WaypointFollower
from waypilot.faults import PlanFaults
from waypilot.scenarios import Scenario
from waypilot.types import EgoState, Trajectory
from waypilot_ros import qos
from waypilot_ros.conversions import (
    MalformedMessageError,
    alert_to_msg,
    control_to_msg,
    ego_from_msg,
    trajectory_from_msg,
)
from waypilot_ros.diagnostics import Diagnostics
from waypilot_ros.parameters import declare_config, parameter, refuse_unknown_parameters
from waypilot_ros.readers import offer_readers, still_connecting
from waypilot_ros.readiness import Drain, await_delivery, missing_connections
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
        # In lock step: a plan that still waits for the frame it answers.
        self._waiting_plan: Trajectory | None = None
        self._last_plan_ns: int | None = None
        self._last_command_ns: int | None = None
        # In lock step: tells the frames on which no plan comes.
        self._plan_faults = PlanFaults(())
        self._driving = False
        self._drain = Drain()
        self._diagnostics = Diagnostics(self)
        self._alerts = self.create_publisher(StackAlert, "alerts", qos.RECORD)
        self._control = self.create_publisher(CarlaEgoVehicleControl, "control", qos.RECORD)
        self._inputs = [
            self.create_subscription(Odometry, "odometry", self._on_odometry, qos.FRAME),
            self.create_subscription(Path, "waypoints", self._on_waypoints, qos.FRAME),
        ]
        offer_readers(self)
        self.create_service(PrepareScenario, "~/prepare", self._on_prepare)
        self.get_logger().info("controller is ready")

    def _on_prepare(
        self, request: PrepareScenario.Request, response: PrepareScenario.Response
    ) -> PrepareScenario.Response:
        """End the last drive, and start a new one as soon as everything is ready."""
        self._driving = False
        if request.after_crash:
            await_delivery(self)
        try:
            scenario = config_from_mapping(Scenario, json.loads(request.scenario_json))
        except ValueError as error:
            response.message = str(error)
            return response
        response.message = (
            missing_connections([self._control], self._inputs)
            or still_connecting(self)
            or self._drain.objection(request.free_running)
        )
        self._driving = response.success = not response.message
        if response.success:
            self._plan_faults = PlanFaults(scenario.faults)
            self._follower.reset()
            self._egos.clear()
            self._plans.clear()
            self._waiting_plan = self._last_plan_ns = None
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
        may_be_answered = not self._plan_faults.withholds(ego.stamp_ns)
        if not self._lock_step:
            self._command(ego, self._latest_plan())
        elif may_be_answered and self._waiting_plan is not None and self._waiting_plan.stamp_ns <= ego.stamp_ns:
            self._command(ego, self._waiting_plan)

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
        if self._lock_step:
            self._answer(plan)

    def _answer(self, plan: Trajectory) -> None:
        """In lock step: answer the newest frame with this plan, or keep it for the next one if that is answered.

        A plan of an older frame is one that came late. One that is no newer than the plan used last is stale, and so is
        one for the frame answered last: the next frame will have its own. A frame whose plan a fault withholds is the
        newest only because the one after it, which this plan answers, is still on its way here.
        """
        newest_ns = max(self._egos, default=None)
        withheld = newest_ns is not None and self._plan_faults.withholds(newest_ns)
        if plan.stamp_ns in (self._last_command_ns, self._last_plan_ns) or plan.stamp_ns < (self._last_plan_ns or 0):
            self._diagnostics.problem("stale or repeated input", f"waypoints of {plan.stamp_ns} ns came too late")
        elif newest_ns is None or newest_ns == self._last_command_ns or newest_ns < plan.stamp_ns or withheld:
            self._waiting_plan = plan
        else:
            self._command(self._egos[newest_ns], plan)

    def _latest_plan(self) -> Trajectory | None:
        """Return the newest plan whose pose is known."""
        known = self._plans.keys() & self._egos.keys()
        return self._plans[max(known)] if known else None

    def _command(self, ego: EgoState, plan: Trajectory | None) -> None:
        if self._last_command_ns is not None and ego.stamp_ns <= self._last_command_ns:
            self._diagnostics.problem("stale or repeated input", f"stamp {ego.stamp_ns} ns was answered already")
            return
        if plan is not None and plan.stamp_ns not in self._egos:
            self._diagnostics.problem("plan without a frame", f"no state of {plan.stamp_ns} ns is known")
            return
        self._last_command_ns = ego.stamp_ns
        self._waiting_plan = None
        self._last_plan_ns = plan.stamp_ns if plan else self._last_plan_ns
        timed = TimedPlan(plan, self._egos[plan.stamp_ns].pose_map_from_base_link.planar) if plan else None
        with self._diagnostics.timed("step and publish"):
            output = self._follower.step(ego, timed)
            if output.safe_stop_reason is not None:
                self._alerts.publish(
                    alert_to_msg(Alert(ego.stamp_ns, CONTROLLER, output.safe_stop_reason, safe_stop=True))
                )
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

"""The judge as a node: watches a drive, says when it is over, and how it was."""

from __future__ import annotations

import json
from collections.abc import Callable

from carla_msgs.msg import CarlaEgoVehicleControl, CarlaLaneInvasionEvent
from nav_msgs.msg import Odometry, Path
from rclpy.node import Node
from waypilot_msgs.msg import (
    CollisionEvent,
    DriveCounts,
    ScenarioResult,
    ScenarioSetup,
    ScenarioStatus,
    StackAlert,
    Surroundings,
)
from waypilot_msgs.srv import FinalizeScenario, PrepareScenario

from waypilot.faults import distorts_odometry
from waypilot.messages import setup_from_msg
from waypilot.metrics import Termination, result_to_dict
from waypilot.metrics.judge import Judge
from waypilot_ros import qos
from waypilot_ros.conversions import (
    MAP_FRAME,
    alert_from_msg,
    collision_from_msg,
    control_from_msg,
    ego_from_msg,
    header,
    lane_invasion_from_msg,
    promise_from_msg,
    stamp_from_msg,
    trajectory_from_msg,
)
from waypilot_ros.diagnostics import Diagnostics
from waypilot_ros.parameters import refuse_unknown_parameters
from waypilot_ros.readers import offer_readers, still_connecting
from waypilot_ros.readiness import Drain, await_delivery, missing_connections
from waypilot_ros.spin import run_node
from waypilot_ros.surroundings_messages import surroundings_from_msg


class MetricsNode(Node):
    """Records a drive, announces its end on ``scenario_status``, judges it when asked to."""

    def __init__(self) -> None:
        super().__init__("metrics")
        refuse_unknown_parameters(self)
        self._judge: Judge | None = None
        self._drain = Drain()
        self._diagnostics = Diagnostics(self)
        self._status = self.create_publisher(ScenarioStatus, "scenario_status", qos.EVENT)
        self._result = self.create_publisher(ScenarioResult, "scenario_result", qos.LATCHED)
        # What a drive is judged by beside its frames; with these two a bag of it can be judged again.
        self._setup = self.create_publisher(ScenarioSetup, "scenario_setup", qos.LATCHED_LAST)
        self._counts = self.create_publisher(DriveCounts, "drive_counts", qos.LATCHED_LAST)
        self._inputs = [
            self._record(Odometry, "odometry", self._on_odometry),
            self._record(Path, "waypoints", self._on_waypoints),
            self._record(CarlaEgoVehicleControl, "control", self._on_control),
            self._record(CollisionEvent, "collision", self._on_collision),
            self._record(CarlaLaneInvasionEvent, "lane_invasion", self._on_lane_invasion),
        ]
        self._surroundings = self._record(Surroundings, "surroundings", self._on_surroundings)
        self._record(StackAlert, "alerts", self._on_alert)
        self._truth = self._record(Odometry, "true_odometry", self._on_true_odometry)
        offer_readers(self)
        self.create_service(PrepareScenario, "~/prepare", self._on_prepare)
        self.create_service(FinalizeScenario, "~/finalize", self._on_finalize)
        self.get_logger().info("metrics is ready")

    def _record(self, kind: type, topic: str, take: Callable[[Judge, object], None]) -> object:
        """Subscribe; a message that cannot be used is counted, and what comes between drives is ignored."""

        def callback(message: object) -> None:
            self._drain.note_message()
            if self._judge is None:
                return
            try:
                take(self._judge, message)
            except ValueError as error:
                self._diagnostics.problem(f"unusable message on {topic}", str(error))

        return self.create_subscription(kind, topic, callback, qos.RECORD)

    def _on_odometry(self, judge: Judge, message: Odometry) -> None:
        if not distorts_odometry(judge.scenario.faults):
            self._judge_state(judge, message)

    def _on_true_odometry(self, judge: Judge, message: Odometry) -> None:
        """Where a fault distorts odometry, the bridge says beside it where the vehicle really is."""
        if distorts_odometry(judge.scenario.faults):
            self._judge_state(judge, message)

    def _judge_state(self, judge: Judge, message: Odometry) -> None:
        ego = ego_from_msg(message)
        self._diagnostics.stamp_ns = ego.stamp_ns
        if judge.add_ego(ego):
            self._publish_end(judge, judge.termination)

    def _on_waypoints(self, judge: Judge, message: Path) -> None:
        plan = trajectory_from_msg(message)
        judge.log.add_plan(plan.stamp_ns, plan)

    def _on_control(self, judge: Judge, message: CarlaEgoVehicleControl) -> None:
        judge.log.add_control(stamp_from_msg(message.header.stamp), control_from_msg(message))

    def _on_alert(self, judge: Judge, message: StackAlert) -> None:
        judge.log.add_alert(alert_from_msg(message))

    def _on_collision(self, judge: Judge, message: CollisionEvent) -> None:
        judge.log.add_collision(collision_from_msg(message))

    def _on_lane_invasion(self, judge: Judge, message: CarlaLaneInvasionEvent) -> None:
        judge.log.add_lane_invasion(lane_invasion_from_msg(message))

    def _on_surroundings(self, judge: Judge, message: Surroundings) -> None:
        judge.log.add_surroundings(surroundings_from_msg(message))

    def _publish_end(self, judge: Judge, termination: Termination) -> None:
        completed = termination.status == "completed"
        self._status.publish(
            ScenarioStatus(
                header=header(termination.stamp_ns, MAP_FRAME),
                source=self.get_name(),
                scenario=judge.scenario.name,
                seed=judge.seed,
                state=ScenarioStatus.COMPLETED if completed else ScenarioStatus.FAILED,
                reason="" if completed else termination.reason,
            )
        )

    def _on_prepare(
        self, request: PrepareScenario.Request, response: PrepareScenario.Response
    ) -> PrepareScenario.Response:
        """End the last drive, and start to record a new one as soon as everything is ready."""
        self._judge = None
        if request.after_crash:
            await_delivery(self)
        try:
            setup = setup_from_msg(request)
        except ValueError as error:
            response.message = str(error)
            return response
        inputs = self._inputs if setup.scene is None else [*self._inputs, self._surroundings]
        inputs = [*inputs, self._truth] if distorts_odometry(setup.scenario.faults) else inputs
        response.message = (
            missing_connections([self._status], inputs)
            or still_connecting(self)
            or self._drain.objection(request.free_running)
        )
        response.success = not response.message
        if response.success:
            self._judge = Judge(setup.scenario, setup.route, setup.scene, setup.seed)
            self._setup.publish(
                ScenarioSetup(
                    scenario_json=request.scenario_json,
                    seed=request.seed,
                    route=request.route,
                    scene_known=request.scene_known,
                    scene=request.scene,
                )
            )
        return response

    def _on_finalize(
        self, request: FinalizeScenario.Request, response: FinalizeScenario.Response
    ) -> FinalizeScenario.Response:
        """Judge the drive if everything is there; if not, say what is missing, and the caller asks again."""
        judge = self._judge
        if judge is None or judge.termination is None:
            response.message = "no drive has ended"
            return response
        response.message = judge.missing(promise_from_msg(request.counts))
        response.success = not response.message
        if response.success:
            result = judge.result()
            response.result_json = json.dumps(result_to_dict(result))
            self._counts.publish(request.counts)
            self._result.publish(
                ScenarioResult(
                    header=header(judge.termination.stamp_ns, MAP_FRAME),
                    scenario=result.scenario,
                    seed=result.seed,
                    status=result.status,
                    result_json=response.result_json,
                )
            )
            self._judge = None
        return response


def main() -> int:
    """Run the node until a signal comes."""
    return run_node(MetricsNode)

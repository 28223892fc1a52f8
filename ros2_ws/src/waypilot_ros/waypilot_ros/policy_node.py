"""The policy as a node: odometry and camera images in, waypoints out."""

from __future__ import annotations

import functools
import json
import time
from collections import Counter
from dataclasses import dataclass

from nav_msgs.msg import Odometry, Path
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from sensor_msgs.msg import Image
from std_msgs.msg import Header, String
from waypilot_msgs.msg import StackAlert
from waypilot_msgs.msg import Surroundings as SurroundingsMessage
from waypilot_msgs.srv import PrepareScenario

from waypilot.alerts import POLICY, Alert
from waypilot.config import config_from_mapping
from waypilot.faults import PlanFaults, SensorFaults
from waypilot.observation import ObservationBuilder, ObservationConfig
from waypilot.policy import Policy
from waypilot.rig import CameraSpec
from waypilot.scenarios import Scenario
from waypilot.types import Plan
from waypilot_ros import qos
from waypilot_ros.conversions import (
    EGO_FRAME,
    MalformedMessageError,
    alert_to_msg,
    ego_from_msg,
    header,
    image_to_rgb,
    offsets_to_msg,
    route_from_msg,
    stamp_from_msg,
    trajectory_to_msg,
)
from waypilot_ros.diagnostics import Diagnostics
from waypilot_ros.drivers import make_driver
from waypilot_ros.frame_join import FrameJoin, JoinedFrame
from waypilot_ros.parameters import declare_config, parameter, refuse_unknown_parameters
from waypilot_ros.readers import offer_readers, still_connecting
from waypilot_ros.readiness import Drain, await_delivery, missing_connections
from waypilot_ros.spin import run_node
from waypilot_ros.surroundings_messages import scene_from_msg, surroundings_from_msg

OVERDUE_CHECK_S = 0.02
LONGEST_TURN_S = 0.1
"""A turn of the node that takes longer, because it got no processor, counts as so long."""


@dataclass(frozen=True, slots=True)
class PolicyNodeConfig:
    """Which policy drives, and how long it waits for cameras."""

    policy: str = parameter(
        "checkpoint", "who plans: 'checkpoint' (learned, from images) or 'expert' (knows the route)"
    )
    checkpoint: str = parameter("", "path of the checkpoint of the learned policy")
    delta_checkpoint: str = parameter("", "path of a delta head that corrects the checkpoint's waypoints; empty: none")
    camera_prefix: str = parameter("/carla/ego_vehicle", "images are read from <camera_prefix>/<camera>/image")
    lock_step: bool = parameter(True, "true: the simulator waits for every plan; false: it ticks by the wall clock")
    camera_wait_s: float = parameter(
        0.5, "without lock_step: wall time to wait for missing cameras before planning without them", 0.0, 10.0
    )
    lock_step_camera_wait_s: float = parameter(
        4.0, "the same in lock step, where nothing is lost by waiting; less than the bridge's deadline_s", 0.0, 10.0
    )

    def __post_init__(self) -> None:
        if self.policy not in ("checkpoint", "expert"):
            raise ValueError(f"policy is {self.policy!r}, expected 'checkpoint' or 'expert'")
        if self.policy == "checkpoint" and not self.checkpoint:
            raise ValueError("checkpoint is empty: give the path of a checkpoint, or policy:=expert")

    @property
    def patience_s(self) -> float:
        """How long missing cameras are waited for."""
        return self.lock_step_camera_wait_s if self.lock_step else self.camera_wait_s


class PolicyNode(Node):
    """Plans once for every frame: an odometry message and one image per camera, all of one stamp."""

    def __init__(self) -> None:
        super().__init__("policy")
        config = declare_config(self, PolicyNodeConfig)
        refuse_unknown_parameters(self)
        self._config = config
        self._driver = make_driver(config.policy, config.checkpoint, config.delta_checkpoint)
        self._policy: Policy | None = None
        self._builder: ObservationBuilder | None = None
        self._plan_faults = PlanFaults(())
        self._camera_faults: Counter[str] = Counter()
        self._dropped = 0
        self._drain = Drain()
        self._join = FrameJoin((camera.name for camera in self._driver.cameras), config.patience_s, LONGEST_TURN_S)
        self._diagnostics = Diagnostics(self)
        self._final = self.create_publisher(Path, "waypoints", qos.RECORD)
        # Says that a fault keeps the plan of a frame back, so that a simulator in lock step does not wait for it.
        self._no_plan = self.create_publisher(Header, "no_plan", qos.FRAME)
        self._sft = self.create_publisher(Path, "waypoints_sft", qos.FRAME)
        self._alerts = self.create_publisher(StackAlert, "alerts", qos.RECORD)
        self._delta = self.create_publisher(Path, "waypoints_delta", qos.FRAME)
        self._name = self.create_publisher(String, "driver", qos.LATCHED_LAST)
        self._name.publish(String(data=self._driver.name))
        self._inputs = [self.create_subscription(Odometry, "odometry", self._on_odometry, qos.FRAME)]
        self._inputs += [self._subscribe(camera) for camera in self._driver.cameras]
        self._surroundings = (
            self.create_subscription(SurroundingsMessage, "surroundings", self._on_surroundings, qos.RECORD)
            if self._driver.privileged
            else None
        )
        offer_readers(self)
        self.create_service(PrepareScenario, "~/prepare", self._on_prepare)
        self.create_timer(OVERDUE_CHECK_S, self._on_overdue_check, clock=Clock(clock_type=ClockType.STEADY_TIME))
        self.get_logger().info(f"policy {self._driver.name} is ready")

    def _subscribe(self, camera: CameraSpec) -> object:
        callback = functools.partial(self._on_image, camera.name)
        return self.create_subscription(Image, f"{self._config.camera_prefix}/{camera.name}/image", callback, qos.FRAME)

    def _on_prepare(
        self, request: PrepareScenario.Request, response: PrepareScenario.Response
    ) -> PrepareScenario.Response:
        """End the last drive, and start one along the route of the request as soon as everything is ready."""
        self._builder = None
        if request.after_crash:
            await_delivery(self)
        try:
            route = route_from_msg(request.route)
            scenario = config_from_mapping(Scenario, json.loads(request.scenario_json))
            scene = scene_from_msg(request.scene) if request.scene_known and self._driver.privileged else None
        except ValueError as error:
            response.message = str(error)
            return response
        inputs = self._inputs if scene is None else [*self._inputs, self._surroundings]
        outputs = [self._final, self._no_plan] if scenario.faults else [self._final]
        response.message = (
            missing_connections(outputs, inputs)
            or still_connecting(self)
            or self._drain.objection(request.free_running)
        )
        response.success = not response.message
        if response.success:
            self._policy = self._driver.policy_for(scenario)
            self._policy.reset(route, request.seed)
            config = ObservationConfig(self._driver.cameras, privileged=self._driver.privileged)
            self._builder = ObservationBuilder(route, config, scene)
            self._plan_faults = PlanFaults(scenario.faults)
            self._camera_faults.clear()
            self._join.reset(SensorFaults(scenario.faults, request.seed).withheld, scene is not None)
        return response

    def _on_odometry(self, message: Odometry) -> None:
        self._drain.note_message()
        if self._builder is None:
            return
        try:
            ego = ego_from_msg(message)
        except MalformedMessageError as error:
            self._diagnostics.problem("malformed odometry", str(error))
            return
        self._diagnostics.stamp_ns = ego.stamp_ns
        self._plan(self._join.add_ego(ego))

    def _on_image(self, camera: str, message: Image) -> None:
        self._drain.note_message()
        if self._builder is None:
            return
        try:
            with self._diagnostics.timed(f"convert image of {camera}"):
                image = image_to_rgb(message)
        except MalformedMessageError as error:
            self._diagnostics.problem(f"malformed image of camera {camera}", str(error))
            return
        self._plan(self._join.add_image(camera, stamp_from_msg(message.header.stamp), image))

    def _on_surroundings(self, message: SurroundingsMessage) -> None:
        self._drain.note_message()
        if self._builder is None:
            return
        try:
            surroundings = surroundings_from_msg(message)
        except MalformedMessageError as error:
            self._diagnostics.problem("malformed surroundings", str(error))
            return
        self._plan(self._join.add_surroundings(surroundings))

    def _on_overdue_check(self) -> None:
        if self._join.waiting:
            self._plan(self._join.take_overdue(time.monotonic()))

    def _plan(self, frame: JoinedFrame | None) -> None:
        self._report_dropped()
        if frame is None or self._builder is None or self._policy is None:
            return
        with self._diagnostics.timed("inference time"):
            observation = self._builder.build(frame.ego, frame.images, frame.surroundings)
            plan = self._plan_faults.apply(observation.stamp_ns, self._policy.plan(observation))
        for fault in self._builder.latest_faults:
            self._alerts.publish(alert_to_msg(Alert(observation.stamp_ns, POLICY, f"camera {fault}")))
        if plan is None:
            self._no_plan.publish(header(observation.stamp_ns, EGO_FRAME))
        else:
            with self._diagnostics.timed("publish"):
                self._publish(plan)
        self._diagnostics.figure("stamp age s", (self._diagnostics.stamp_ns - frame.ego.stamp_ns) / 1e9)
        for fault, times in (self._builder.faults - self._camera_faults).items():
            self._diagnostics.problem(f"camera {fault}", f"{times} more")
        self._camera_faults = Counter(self._builder.faults)

    def _report_dropped(self) -> None:
        for _ in range(self._join.dropped - self._dropped):
            self._diagnostics.problem("late, repeated or incomplete frame")
        self._dropped = self._join.dropped

    def _publish(self, plan: Plan) -> None:
        self._final.publish(trajectory_to_msg(plan.final))
        # The parts of the plan are for those who look on; making each message takes as long as a frame's publishing.
        if plan.sft is not None and self._sft.get_subscription_count():
            self._sft.publish(trajectory_to_msg(plan.sft))
        if plan.delta_m is not None and self._delta.get_subscription_count():
            self._delta.publish(offsets_to_msg(plan.final, plan.delta_m))


def main() -> int:
    """Run the node until a signal comes."""
    return run_node(PolicyNode)

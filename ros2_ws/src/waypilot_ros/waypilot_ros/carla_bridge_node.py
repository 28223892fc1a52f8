"""The bridge: one simulator session behind the topics of carla_ros_bridge, in lock step or in real time."""

from __future__ import annotations

import json
import sys
import time
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any

from carla_msgs.msg import CarlaEgoVehicleControl
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from std_msgs.msg import Header
from std_srvs.srv import Trigger
from waypilot_msgs.msg import DriveCounts, ScenarioStatus, StackAlert
from waypilot_msgs.srv import PrepareScenario, StartScenario, StopScenario

from waypilot.alerts import Alert
from waypilot.config import config_from_mapping
from waypilot.faults import SensedFrame
from waypilot.scenarios import Scenario
from waypilot_carla.connection import exit_process
from waypilot_carla.session import SessionConfig, SimulatorSession
from waypilot_ros import qos
from waypilot_ros.connecting import CONNECT_ATTEMPT_S
from waypilot_ros.control_gate import ControlGate
from waypilot_ros.conversions import (
    MAP_FRAME,
    MalformedMessageError,
    alert_to_msg,
    control_from_msg,
    header,
    route_to_msg,
    stamp_from_msg,
    stamp_to_msg,
)
from waypilot_ros.diagnostics import Diagnostics
from waypilot_ros.drive_loop import Counts, DriveLoop, LoopConfig
from waypilot_ros.frame_publisher import FramePublisher
from waypilot_ros.parameters import declare_config, parameter, refuse_unknown_parameters
from waypilot_ros.readers import offer_readers, still_connecting
from waypilot_ros.readiness import await_delivery, missing_connections
from waypilot_ros.spin import request_stop, run_node, stop_requested
from waypilot_ros.surroundings_messages import scene_to_msg

FAILURE_EXIT_CODE = 1
HEALTH_CHECK_S = 0.1
#: How long the simulator may take to be given back: when the evaluator asks for it, and after a signal.
RELEASE_TIMEOUT_S = 5.0
CLOSE_TIMEOUT_S = 3.0
#: Longest answer of the loop: loading a map on a real server. With DELIVERY_TIMEOUT_S on top it stays below the
#: evaluator's ``prepare_s``.
REQUEST_TIMEOUT_S = 170.0
SHUTDOWN_CHECK_S = 0.2


@dataclass(frozen=True, slots=True)
class BridgeConfig:
    """Which simulator, and how the bridge keeps time."""

    host: str = parameter("127.0.0.1", "where the simulator listens")
    port: int = parameter(2000, "the simulator's RPC port", 1, 65535)
    timeout_s: float = parameter(5.0, "wall time the simulator may take for an answer", 0.1, 8.0)
    connect_timeout_s: float = parameter(240.0, "wall time to wait for a simulator that is starting", 0.1, 600.0)
    fixed_delta_s: float = parameter(0.05, "simulated time per tick", 0.001, 0.1)
    lock_step: bool = parameter(True, "true: wait for the control of every frame; false: tick by the wall clock")
    deadline_s: float = parameter(5.0, "lock step: wall time to wait for a control", 0.001, 60.0)
    misses_until_brake: int = parameter(3, "missing controls in a row after which the vehicle brakes", 1, 1000)
    control_lost_s: float = parameter(
        60.0, "lock step: wall time without a control in time after which the bridge ends; 0: never", 0.0, 1e6
    )
    role_name: str = parameter("ego_vehicle", "CARLA role name of the vehicle")

    @property
    def loop(self) -> LoopConfig:
        """The part that concerns the tick thread."""
        return LoopConfig(
            lock_step=self.lock_step,
            deadline_s=self.deadline_s,
            misses_until_brake=self.misses_until_brake,
            control_lost_s=self.control_lost_s,
            tick_s=self.fixed_delta_s,
            connect_timeout_s=self.connect_timeout_s,
        )

    @property
    def session(self) -> SessionConfig:
        """The part that concerns the simulator."""
        return SessionConfig(
            host=self.host,
            port=self.port,
            timeout_s=self.timeout_s,
            connect_timeout_s=CONNECT_ATTEMPT_S,
            fixed_delta_s=self.fixed_delta_s,
            role_name=self.role_name,
        )


class CarlaBridgeNode(Node):
    """Publishes frames, takes controls, and answers the evaluator. The simulator belongs to the drive loop's thread."""

    def __init__(self) -> None:
        super().__init__("carla_bridge")
        self._config = declare_config(self, BridgeConfig)
        refuse_unknown_parameters(self)
        session_config = self._config.session
        self._scenario: Scenario | None = None
        self._seed = 0
        self._last_stamp_ns = 0
        self._diagnostics = Diagnostics(self)
        self._publisher = FramePublisher(self, session_config.cameras, self._config.fixed_delta_s)
        self._status = self.create_publisher(ScenarioStatus, "/waypilot/scenario_status", qos.EVENT)
        self._alerts = self.create_publisher(StackAlert, "/waypilot/alerts", qos.RECORD)
        self._gate = ControlGate(accept_late=not self._config.lock_step)
        self._control = self.create_subscription(
            CarlaEgoVehicleControl, "/carla/ego_vehicle/vehicle_control_cmd", self._on_control, qos.FRAME
        )
        self.create_subscription(Header, "/waypilot/ego_vehicle/no_plan", self._on_no_plan, qos.FRAME)
        offer_readers(self)
        self.create_service(Trigger, "~/server_version", self._on_server_version)
        self.create_service(PrepareScenario, "~/prepare", self._on_prepare)
        self.create_service(StartScenario, "~/start", self._on_start)
        self.create_service(StopScenario, "~/stop", self._on_stop)
        self.create_service(Trigger, "~/release", self._on_release)
        self.create_timer(HEALTH_CHECK_S, self._on_health_check, clock=Clock(clock_type=ClockType.STEADY_TIME))
        self.exit_code = 0
        self._loop = DriveLoop(lambda: SimulatorSession(session_config), self, self._gate, self._config.loop)
        self.get_logger().info(f"bridge to {self._config.host}:{self._config.port} is starting")

    # Called by the drive loop's thread.

    def publish_prepared(self, prepared: Any) -> None:
        """Pass on what is known before the first frame."""
        self._publisher.publish_prepared(prepared)

    def publish_frame(self, frame: Any, sensed: SensedFrame, with_truth: bool) -> None:
        """Pass on a frame, as far as it is sensed."""
        self._last_stamp_ns = self._diagnostics.stamp_ns = frame.stamp_ns
        self._publisher.publish_frame(frame, sensed, with_truth)

    def publish_events(self, collisions: Any, lane_invasions: Any) -> None:
        """Pass on late events."""
        self._publisher.publish_events(collisions, lane_invasions)

    def timed(self, stage: str) -> AbstractContextManager[None]:
        """Report how much wall time a stage of a frame takes."""
        return self._diagnostics.timed(stage)

    def publish_alert(self, alert: Alert) -> None:
        """Pass on that the watchdog brakes."""
        self._diagnostics.problem("watchdog brakes", alert.reason)
        self._alerts.publish(alert_to_msg(alert))

    def publish_crash(self, reason: str) -> None:
        """Tell everybody that the simulator is gone."""
        self._status.publish(
            ScenarioStatus(
                header=header(self._last_stamp_ns, MAP_FRAME),
                source=self.get_name(),
                scenario=self._scenario.name if self._scenario else "",
                seed=self._seed,
                state=ScenarioStatus.CRASHED,
                reason=reason,
            )
        )

    # Called by the executor.

    def _on_control(self, message: CarlaEgoVehicleControl) -> None:
        try:
            self._gate.offer(stamp_from_msg(message.header.stamp), control_from_msg(message))
        except MalformedMessageError as error:
            self._diagnostics.problem("malformed control", str(error))

    def _on_no_plan(self, message: Header) -> None:
        """Do not wait for the answer to a frame whose plan a fault keeps back."""
        self._gate.rule_out(stamp_from_msg(message.stamp))

    def _on_server_version(self, _request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        """Answer with the version that the simulator reports, or say that it is not connected yet."""
        version = self._loop.server_version
        response.success = version is not None
        response.message = version or f"not connected to {self._config.host}:{self._config.port} yet"
        return response

    def _on_prepare(
        self, request: PrepareScenario.Request, response: PrepareScenario.Response
    ) -> PrepareScenario.Response:
        """Set the scene and answer with the planned route."""
        try:
            self._scenario = config_from_mapping(Scenario, json.loads(request.scenario_json))
        except ValueError as error:
            response.message = str(error)
            return response
        self._seed = request.seed
        prepared = self._outcome(response, self._loop.prepare(self._scenario, self._seed))
        if prepared is not None:
            if request.after_crash:
                await_delivery(self)  # the loop has stopped: nothing is added meanwhile
            response.route = route_to_msg(prepared.route)
            if prepared.scene is not None:
                response.scene_known, response.scene = True, scene_to_msg(prepared.scene, 0)
        return response

    def _on_start(self, _request: StartScenario.Request, response: StartScenario.Response) -> StartScenario.Response:
        """Begin to tick, if somebody drives."""
        response.message = missing_connections(self._publisher.driving_inputs, [self._control]) or still_connecting(
            self
        )
        if not response.message:
            self._outcome(response, self._loop.start())
        return response

    def _on_stop(self, request: StopScenario.Request, response: StopScenario.Response) -> StopScenario.Response:
        """End the drive and count what it produced."""
        counts = self._outcome(response, self._loop.stop(request.end_stamp_ns))
        if counts is not None:
            response.counts = self._counts_to_msg(counts)
        for kind, times in self._gate.irregular.items():
            self._diagnostics.problem(kind, f"{times} in this drive")
        return response

    def _on_release(self, _request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        """Give the simulator back while it still runs; nothing can be driven afterwards."""
        response.success = self._loop.close(RELEASE_TIMEOUT_S)
        response.message = "" if response.success else f"the simulator did not let go within {RELEASE_TIMEOUT_S:g} s"
        return response

    def _counts_to_msg(self, counts: Counts) -> DriveCounts:
        return DriveCounts(
            end_stamp=stamp_to_msg(counts.end_stamp_ns),
            frames=counts.frames,
            collisions=counts.collisions,
            lane_invasions=counts.lane_invasions,
            surroundings=counts.surroundings,
            missed_deadlines=counts.missed_deadlines,
            lock_step=self._config.lock_step,
        )

    def _outcome(self, response: Any, future: Future[Any]) -> Any:
        """Wait for the loop; fill in ``success`` and ``message`` and return the outcome, None when there is none."""
        try:
            outcome = self._wait_for(future)
        except Exception as error:
            response.success, response.message = False, str(error)
            return None
        response.success = True
        return outcome

    def _wait_for(self, future: Future[Any]) -> Any:
        deadline_s = time.monotonic() + REQUEST_TIMEOUT_S
        while True:
            try:
                return future.result(timeout=SHUTDOWN_CHECK_S)
            except FutureTimeoutError:
                if stop_requested():
                    raise RuntimeError("the bridge is shutting down") from None
                if time.monotonic() > deadline_s:
                    raise RuntimeError(f"the simulator did not finish within {REQUEST_TIMEOUT_S:g} s") from None

    def _on_health_check(self) -> None:
        """End the node when its loop ended by itself."""
        if self._loop.failure is not None:
            self.get_logger().error(f"the drive loop ended: {self._loop.failure}")
            self.exit_code = FAILURE_EXIT_CODE
            request_stop()

    def close(self) -> None:
        """Give the simulator back as it was found; one that does not answer in time ends the process."""
        if not self._loop.close(CLOSE_TIMEOUT_S):
            print(f"the simulator did not let go within {CLOSE_TIMEOUT_S:g} s", file=sys.stderr)
            # The loop's thread still uses this node and the client, so neither may be destroyed.
            exit_process(FAILURE_EXIT_CODE)


def main() -> None:
    """Run the node until a signal comes."""
    # The carla client's threads can abort an ordinary exit once the server is gone; everything is closed by now.
    exit_process(run_node(CarlaBridgeNode))

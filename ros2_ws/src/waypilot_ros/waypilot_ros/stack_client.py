"""The evaluator's view of the other nodes: their services, the frames that pass by, and patience with both."""

from __future__ import annotations

import dataclasses
import json
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from diagnostic_msgs.msg import DiagnosticArray
from nav_msgs.msg import Odometry
from rclpy.client import Client
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from std_srvs.srv import Trigger
from waypilot_msgs.msg import DriveCounts, ScenarioStatus
from waypilot_msgs.srv import FinalizeScenario, PrepareScenario, StartScenario, StopScenario

from waypilot.awake_time import AwakeTime
from waypilot.config import config_to_dict
from waypilot.metrics import ScenarioResult, result_from_dict
from waypilot.report.results import Job
from waypilot.types import NANOSECONDS_PER_SECOND
from waypilot_ros import qos
from waypilot_ros.conversions import route_from_msg, stamp_from_msg
from waypilot_ros.diagnostics import PROCESS_KEY
from waypilot_ros.evaluation import DriveReport, ScenarioCrashedError, StackBrokenError
from waypilot_ros.liveness import Liveness
from waypilot_ros.stage_times import StageTimes

#: In the order in which messages flow, so that whoever is silent stays so (see ``readiness.Drain``).
DRIVERS = ("policy", "controller", "metrics")
RETRY_S = 0.03
SETTLE_S = 0.3
SPIN_S = 0.1
#: Simulated time by which the judge may lag behind the frames when the scenario's time is up.
JUDGE_LAG_S = 30.0
#: After this time of waiting somebody who watches is told for what.
TELL_AFTER_S = 5.0


@dataclass(frozen=True, slots=True)
class PatienceConfig:
    """How long to wait, in seconds of wall time in which this process had its turns."""

    ready_s: float = 120.0
    connect_s: float = 250.0
    prepare_s: float = 200.0
    start_s: float = 10.0
    frame_s: float = 10.0
    report_s: float = 10.0
    finalize_s: float = 10.0
    release_s: float = 6.0

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            if not getattr(self, name) > 0.0:
                raise ValueError(f"{name} is {getattr(self, name)}, give a positive number of seconds")


class _Wait:
    """A bounded wait that is told once when it takes long."""

    def __init__(self, what: str, patience_s: float, say: Callable[[str], None], now_s: float) -> None:
        self._what = what
        self._say: Callable[[str], None] | None = say
        self._deadline_s = now_s + patience_s
        self._tell_s = now_s + TELL_AFTER_S

    def is_over(self, now_s: float) -> bool:
        if self._say is not None and now_s > self._tell_s:
            self._say(self._what)
            self._say = None
        return now_s > self._deadline_s


class StackClient:
    """Drives scenarios with the nodes of the stack (``evaluation.Stack``)."""

    def __init__(
        self,
        node: Node,
        patience: PatienceConfig,
        stop_reason: Callable[[], str | None],
        before_start: Callable[[Job], None],
        say: Callable[[str], None],
    ) -> None:
        """Ask ``stop_reason`` why to give up (a signal came; None: go on), call ``before_start`` before frame 0.

        Long waits are told to ``say``.
        """
        self._node = node
        self._patience = patience
        self._stop_reason = stop_reason
        self._before_start = before_start
        self._say = say
        #: Whether the bridge of the newest drive publishes frames all the time, so that there is never silence.
        self.free_running = False
        #: Goes on with every turn in which messages are let in.
        self.awake = AwakeTime(SPIN_S)
        self._executor = SingleThreadedExecutor()
        self._executor.add_node(node)
        self._prepare = {
            name: node.create_client(PrepareScenario, f"{name}/prepare") for name in ("carla_bridge", *DRIVERS)
        }
        self._server_version = node.create_client(Trigger, "carla_bridge/server_version")
        self._release = node.create_client(Trigger, "carla_bridge/release")
        self._start = node.create_client(StartScenario, "carla_bridge/start")
        self._stop = node.create_client(StopScenario, "carla_bridge/stop")
        self._finalize = node.create_client(FinalizeScenario, "metrics/finalize")
        self._last_frame_s = 0.0
        self._first_stamp_ns: int | None = None
        self._last_stamp_ns: int | None = None
        self._stage_times = StageTimes(node)
        self._end: ScenarioStatus | None = None
        self._bridge_crash = ""
        #: Whether the last drive ended well, so that nothing of it hangs anywhere; of the first one nobody knows.
        self._ended_well = False
        self._liveness = Liveness(tuple(self._prepare), patience.report_s)
        node.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, qos.EVENT)
        node.create_subscription(Odometry, "odometry", self._on_odometry, qos.FRAME)
        node.create_subscription(ScenarioStatus, "scenario_status", self._on_status, qos.EVENT)

    def server_version(self) -> str:
        """Wait until the bridge is connected and say to which simulator. Raises StackBrokenError."""
        self.await_services(
            [*self._prepare.values(), self._server_version, self._release, self._start, self._stop, self._finalize]
        )
        patience_s = self._patience.connect_s
        wait = _Wait(
            f"waiting up to {patience_s:g} s for the simulator (carla_lite compiles at its first start)",
            patience_s,
            self._say,
            self.awake.s,
        )
        while True:
            response = self.call("carla_bridge", self._server_version, Trigger.Request(), self._patience.ready_s)
            if response.success:
                return str(response.message)
            if wait.is_over(self.awake.s):
                raise StackBrokenError(f"carla_bridge after {patience_s:g} s: {response.message}")
            self.spin_for(RETRY_S)

    def release(self) -> None:
        """Have the bridge give the simulator back, before anybody ends the simulator. Raises StackBrokenError."""
        self.call("carla_bridge", self._release, Trigger.Request(), self._patience.release_s)

    def drive(self, job: Job) -> DriveReport:
        """Drive one scenario to its end and have it judged (see ``evaluation.Stack``)."""
        self._bridge_crash = ""
        begun_s = time.monotonic()
        after_crash, self._ended_well = not self._ended_well, False
        time_limit_s = self._prepare_all(job, after_crash)
        self._before_start(job)
        # Only now: the judge may have announced the end of a drive that was given up until it was prepared anew.
        self._end = None
        self._first_stamp_ns = None
        self._stage_times.reset()
        driving_s = time.monotonic()
        # The controller may know the bridge a moment before the bridge knows the controller.
        self.retry("carla_bridge", self._start, StartScenario.Request(), self._patience.start_s)
        end_ns = self._wait_for_end(time_limit_s)
        ended_s = time.monotonic()
        counts = self._stop_bridge(end_ns)
        result = self._judge(counts)
        self._ended_well = True
        wall_clock = {
            "prepare_s": round(driving_s - begun_s, 3),
            "drive_s": round(ended_s - driving_s, 3),
            "frames": counts.frames,
            "fps": round(counts.frames / (ended_s - driving_s), 1),
            "missed_deadlines": counts.missed_deadlines,
            "per_frame_ms": self._stage_times.per_frame_ms(),
        }
        return DriveReport(dataclasses.replace(result, wall_clock=wall_clock), counts.frames, counts.missed_deadlines)

    def await_services(self, clients: Sequence[Client]) -> None:
        """Wait until all these services are offered, and a moment longer. Raises StackBrokenError.

        A client sees a service before the service sees the client, and an answer given in between is lost.
        """
        patience_s = self._patience.ready_s
        wait = _Wait(f"waiting up to {patience_s:g} s for all nodes to start", patience_s, self._say, self.awake.s)
        while missing := [client.srv_name for client in clients if not client.service_is_ready()]:
            self._spin()
            if wait.is_over(self.awake.s):
                raise StackBrokenError(f"nobody offers {', '.join(missing)} after {patience_s:g} s")
        self.spin_for(SETTLE_S)

    def _prepare_all(self, job: Job, after_crash: bool) -> float:
        """Prepare the bridge, which plans the route, then all who need that, until they are ready, in this order.

        Returns the simulated time that the drive may take.
        """
        scenario_json = json.dumps(config_to_dict(job.scenario))
        request = PrepareScenario.Request(scenario_json=scenario_json, seed=job.seed, after_crash=after_crash)
        response = self.call("carla_bridge", self._prepare["carla_bridge"], request, self._patience.prepare_s)
        self._check(response)
        self.free_running = bool(response.free_running)
        request.route, request.free_running = response.route, response.free_running
        request.scene_known, request.scene = response.scene_known, response.scene
        for name in DRIVERS:
            self.retry(name, self._prepare[name], request, self._patience.ready_s)
        return job.scenario.time_limit_for(route_from_msg(request.route).length_m)

    def _wait_for_end(self, time_limit_s: float) -> int:
        """Wait for the judge's word.

        Raises StackBrokenError when frames stop coming, ScenarioCrashedError when a node is not the one that began or
        the judge does not end the drive long after its time is up.
        """
        self._last_frame_s = self.awake.s
        self._liveness.reset(self._last_frame_s)
        while self._end is None:
            self._spin()
            fault = self._liveness.fault(self.awake.s)
            if fault:
                raise ScenarioCrashedError(fault)
            if self._driven_s() > time_limit_s + JUDGE_LAG_S:
                raise ScenarioCrashedError(
                    f"metrics has not ended the drive {JUDGE_LAG_S:g} s after its time limit of {time_limit_s:g} s: "
                    "see its log for messages that it could not use"
                )
            silence_s = self.awake.s - self._last_frame_s
            if silence_s > self._patience.frame_s:
                last = (
                    "none came at all" if self._last_stamp_ns is None else f"the last one at {self._last_stamp_ns} ns"
                )
                raise StackBrokenError(f"no odometry from the bridge for {silence_s:.0f} s ({last})")
        return stamp_from_msg(self._end.header.stamp)

    def _driven_s(self) -> float:
        """Tell the simulated time since the first frame of the drive."""
        if self._first_stamp_ns is None or self._last_stamp_ns is None:
            return 0.0
        return (self._last_stamp_ns - self._first_stamp_ns) / NANOSECONDS_PER_SECOND

    def _stop_bridge(self, end_ns: int) -> DriveCounts:
        request = StopScenario.Request(end_stamp_ns=end_ns)
        response = self.call("carla_bridge", self._stop, request, self._patience.ready_s)
        self._check(response)
        return response.counts

    def _judge(self, counts: DriveCounts) -> ScenarioResult:
        request = FinalizeScenario.Request(counts=counts)
        response = self.retry("metrics", self._finalize, request, self._patience.finalize_s)
        return result_from_dict(json.loads(response.result_json))

    def retry(self, node_name: str, client: Client, request: Any, patience_s: float) -> Any:
        """Ask until the node says yes; its last objection is the reason of the failure."""
        deadline_s = self.awake.s + patience_s
        while True:
            response = self.call(node_name, client, request, patience_s)
            if response.success:
                return response
            if self.awake.s > deadline_s:
                raise ScenarioCrashedError(f"{node_name} was not ready within {patience_s:g} s: {response.message}")
            self.spin_for(RETRY_S)

    def _check(self, response: Any) -> None:
        if not response.success:
            raise ScenarioCrashedError(response.message)

    def call(self, node_name: str, client: Client, request: Any, patience_s: float) -> Any:
        """Wait for a service and its answer. Raises StackBrokenError."""
        deadline_s = self.awake.s + patience_s
        while not client.service_is_ready():
            self._spin()
            if self.awake.s > deadline_s:
                raise StackBrokenError(f"node {node_name} offers no {client.srv_name} after {patience_s:g} s")
        future = client.call_async(request)
        while not future.done():
            self._spin()
            if self.awake.s > deadline_s:
                client.remove_pending_request(future)
                raise StackBrokenError(f"node {node_name} gave no answer to {client.srv_name} within {patience_s:g} s")
        return future.result()

    def spin_for(self, duration_s: float) -> None:
        """Let messages in for a while; raises as every other call."""
        until_s = self.awake.s + duration_s
        while self.awake.s < until_s:
            self._spin(min(duration_s, SPIN_S))

    def _spin(self, timeout_s: float = SPIN_S) -> None:
        """Let messages in; raises StackBrokenError when a signal or the bridge's crash report came."""
        self._executor.spin_once(timeout_sec=timeout_s)
        self.awake.look(time.monotonic())
        reason = self._stop_reason() or self._bridge_crash
        if reason:
            raise StackBrokenError(reason)

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        for status in message.status:
            for entry in status.values:
                if entry.key == PROCESS_KEY:
                    self._liveness.hear(status.name, entry.value, self.awake.s)

    def _on_odometry(self, message: Odometry) -> None:
        self._last_frame_s = self.awake.s
        self._last_stamp_ns = stamp_from_msg(message.header.stamp)
        if self._first_stamp_ns is None:
            self._first_stamp_ns = self._last_stamp_ns

    def _on_status(self, message: ScenarioStatus) -> None:
        if message.state == ScenarioStatus.CRASHED:
            self._bridge_crash = f"{message.source}: {message.reason}"
        elif message.state in (ScenarioStatus.COMPLETED, ScenarioStatus.FAILED):
            self._end = message

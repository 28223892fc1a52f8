"""The bridge's tick thread: the only user of the simulator session. Knows no ROS.

Lock step: publish a frame, wait for the control that carries its stamp, apply it, tick. Real time: tick by the wall
clock with the latest control. When none comes in time the newest one is held, and then the vehicle brakes
(``waypilot.control.watchdog``). In lock step a frame without a control costs seconds, so when none comes in time for
long, the loop ends. The faults of the scenario break frames and controls on their way.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import Any, Protocol

from waypilot.alerts import WATCHDOG, Alert
from waypilot.control.watchdog import CommandWatchdog, WatchdogConfig
from waypilot.faults import CommandFaults, Fault, SensedFrame, SensorFaults, distorts_odometry
from waypilot.scenarios import Scenario
from waypilot.types import CollisionEvent, Control, LaneInvasionEvent
from waypilot_carla.errors import SetupError
from waypilot_carla.frame import LateEvents, PreparedScenario, SimulatorFrame
from waypilot_ros.connecting import connect_patiently
from waypilot_ros.control_gate import ControlGate

IDLE_POLL_S = 0.1


class ControlLostError(Exception):
    """Nobody answers the frames of a drive in lock step in time any more."""


class Session(Protocol):
    """What the loop asks of the simulator; ``waypilot_carla.SimulatorSession`` is one."""

    @property
    def server_version(self) -> str:
        """Version of the simulator."""
        ...

    def prepare(self, scenario: Scenario, seed: int) -> PreparedScenario:
        """Set the scene."""
        ...

    def tick(self) -> SimulatorFrame:
        """Do one step."""
        ...

    def apply(self, control: Control) -> None:
        """Command the vehicle."""
        ...

    def finish(self) -> LateEvents:
        """Brake for a few ticks and return late events."""
        ...

    def close(self) -> None:
        """Give everything back."""
        ...


class FrameSink(Protocol):
    """Where frames and events go."""

    def publish_prepared(self, prepared: PreparedScenario) -> None:
        """Say once what is known before the first frame."""
        ...

    def publish_frame(self, frame: SimulatorFrame, sensed: SensedFrame, with_truth: bool) -> None:
        """Pass on one frame with its events: what is sensed of it, and its true state where that differs."""
        ...

    def publish_events(
        self, collisions: tuple[CollisionEvent, ...], lane_invasions: tuple[LaneInvasionEvent, ...]
    ) -> None:
        """Pass on events that came after their frame."""
        ...

    def timed(self, stage: str) -> AbstractContextManager[None]:
        """Note how much wall time a stage of a frame takes."""
        ...

    def publish_alert(self, alert: Alert) -> None:
        """Say that the watchdog brakes."""
        ...

    def publish_crash(self, reason: str) -> None:
        """Say that the drive cannot go on."""
        ...


@dataclass(frozen=True, slots=True)
class LoopConfig:
    """How the loop keeps time; seconds of wall time, except ``tick_s``, which is the step of a frame.

    In lock step, missed deadlines in a row that add up to ``control_lost_s`` end the loop (0: never, for a debugger).
    """

    lock_step: bool = True
    deadline_s: float = 5.0
    misses_until_brake: int = 3
    control_lost_s: float = 60.0
    tick_s: float = 0.05
    connect_timeout_s: float = 240.0


@dataclass(frozen=True, slots=True)
class Counts:
    """What a drive produced up to its end (see waypilot_msgs/DriveCounts)."""

    end_stamp_ns: int
    frames: int
    collisions: int
    lane_invasions: int
    surroundings: int
    missed_deadlines: int


class _Faults:
    """What the scenario breaks in one drive."""

    def __init__(self, faults: tuple[Fault, ...] = (), seed: int = 0) -> None:
        self.sensors = SensorFaults(faults, seed)
        self.commands = CommandFaults(faults)
        self.hide_the_truth = distorts_odometry(faults)


@dataclass(slots=True)
class _Drive:
    """The record of one drive, for its counts. An event that is reported twice is one event."""

    watchdog: CommandWatchdog
    faults: _Faults

    frames_ns: list[int] = field(default_factory=list)
    surroundings_ns: list[int] = field(default_factory=list)
    collisions: set[CollisionEvent] = field(default_factory=set)
    lane_invasions: set[LaneInvasionEvent] = field(default_factory=set)
    missed_ns: list[int] = field(default_factory=list)

    def counts(self, end_ns: int) -> Counts:
        return Counts(
            end_stamp_ns=end_ns,
            frames=sum(stamp_ns <= end_ns for stamp_ns in self.frames_ns),
            collisions=sum(event.stamp_ns <= end_ns for event in self.collisions),
            lane_invasions=sum(event.stamp_ns <= end_ns for event in self.lane_invasions),
            surroundings=sum(stamp_ns <= end_ns for stamp_ns in self.surroundings_ns),
            # The last frame needs no control any more.
            missed_deadlines=sum(stamp_ns < end_ns for stamp_ns in self.missed_ns),
        )


class DriveLoop:
    """Runs a session in a thread of its own.

    ``failure`` says why it ended, if it was not asked to; ``server_version`` is None until a simulator is connected.
    """

    def __init__(self, connect: Callable[[], Session], sink: FrameSink, gate: ControlGate, config: LoopConfig) -> None:
        self._connect = connect
        self._sink = sink
        self._gate = gate
        self._config = config
        self._requests: SimpleQueue[tuple[Callable[[Session], Any], Future[Any]]] = SimpleQueue()
        self._closing = threading.Event()
        self._running = False
        self._drive = self._new_drive((), 0)
        self._next_tick_s = 0.0
        self.failure: str | None = None
        self.server_version: str | None = None
        self.ended = threading.Event()
        self._thread = threading.Thread(target=self._run, name="drive_loop", daemon=True)
        self._thread.start()

    def prepare(self, scenario: Scenario, seed: int) -> Future[PreparedScenario]:
        """Set a scene; the future holds what ``Session.prepare`` returns."""
        return self._request(lambda session: self._do_prepare(session, scenario, seed))

    def start(self) -> Future[None]:
        """Begin to tick."""
        return self._request(self._do_start)

    def stop(self, end_stamp_ns: int) -> Future[Counts]:
        """End the drive and count what it produced up to ``end_stamp_ns``."""
        return self._request(lambda session: self._do_stop(session, end_stamp_ns))

    def close(self, timeout_s: float) -> bool:
        """End the thread and the session; returns whether it ended in time."""
        self._closing.set()
        self._gate.interrupt()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _request(self, action: Callable[[Session], Any]) -> Future[Any]:
        future: Future[Any] = Future()
        self._requests.put((action, future))
        self._gate.interrupt()
        if self.ended.is_set():
            self._refuse_requests()
        return future

    def _run(self) -> None:
        session: Session | None = None
        try:
            session = connect_patiently(self._connect, self._config.connect_timeout_s, self._closing.is_set)
            self.server_version = session.server_version if session is not None else None
            while session is not None and not self._closing.is_set():
                self._serve_requests(session)
                if self._running:
                    self._step(session)
        except Exception as error:
            self._fail(error)
        finally:
            self.ended.set()
            self._refuse_requests()
            if session is not None:
                self._close_session(session)

    def _fail(self, error: Exception) -> None:
        self.failure = f"{type(error).__name__}: {error}"
        self._sink.publish_crash(self.failure)

    def _close_session(self, session: Session) -> None:
        """Give everything back; when the server is gone that fails too, and adds nothing to the first reason."""
        try:
            session.close()
        except Exception as error:
            if self.failure is None:
                self._fail(error)

    def _serve_requests(self, session: Session) -> None:
        try:
            action, future = self._requests.get(timeout=None if self._running else IDLE_POLL_S, block=not self._running)
        except Empty:
            return
        try:
            future.set_result(action(session))
        except Exception as error:
            self._running = False
            future.set_exception(error)
            if not isinstance(error, (SetupError, ValueError)):
                raise

    def _refuse_requests(self) -> None:
        while True:
            try:
                _, future = self._requests.get_nowait()
            except Empty:
                return
            future.set_exception(RuntimeError(self.failure or "the bridge is shutting down"))

    def _do_prepare(self, session: Session, scenario: Scenario, seed: int) -> PreparedScenario:
        self._running = False
        self._drive = self._new_drive(scenario.faults, seed)
        self._gate.reset()
        prepared = session.prepare(scenario, seed)
        self._sink.publish_prepared(prepared)
        return prepared

    def _new_drive(self, faults: tuple[Fault, ...], seed: int) -> _Drive:
        hold_s = self._config.misses_until_brake * self._config.tick_s
        return _Drive(CommandWatchdog(WatchdogConfig(hold_s)), _Faults(faults, seed))

    def _do_start(self, _session: Session) -> None:
        self._running = True
        self._next_tick_s = time.monotonic()

    def _do_stop(self, session: Session, end_stamp_ns: int) -> Counts:
        self._running = False
        late = session.finish()
        self._note_events(late.collisions, late.lane_invasions)
        self._sink.publish_events(late.collisions, late.lane_invasions)
        return self._drive.counts(end_stamp_ns)

    def _step(self, session: Session) -> None:
        with self._sink.timed("tick"):
            frame = session.tick()
        self._drive.frames_ns.append(frame.stamp_ns)
        if frame.surroundings is not None:
            self._drive.surroundings_ns.append(frame.stamp_ns)
        self._note_events(frame.collisions, frame.lane_invasions)
        self._gate.expect(frame.stamp_ns)
        with self._sink.timed("publish"):
            sensed = self._drive.faults.sensors.apply(frame.ego, frame.images_bgra)
            self._sink.publish_frame(frame, sensed, self._drive.faults.hide_the_truth)
        with self._sink.timed("wait for control"):
            control = self._lock_step_control() if self._config.lock_step else self._real_time_control()
        if not self._has_other_work():
            with self._sink.timed("apply"):
                session.apply(self._answer(frame.stamp_ns, control))

    def _has_other_work(self) -> bool:
        return not self._requests.empty() or self._closing.is_set()

    def _lock_step_control(self) -> Control | None:
        """Wait for the command for this frame, or for the policy's word that there will be none.

        Raises ControlLostError when for ``control_lost_s`` neither came in time, and the vehicle already brakes.
        """
        if self._has_other_work():
            return None
        control, config = self._gate.wait(self._config.deadline_s), self._config
        lost_s = self._gate.overdue * config.deadline_s
        if 0.0 < config.control_lost_s <= lost_s and self._gate.overdue > config.misses_until_brake:
            came = ", ".join(f"{times} {kind}" for kind, times in self._gate.irregular.items()) or "none at all"
            raise ControlLostError(
                f"no control in time for {self._gate.overdue} frames in a row, {lost_s:g} s "
                f"(in this drive came {came}): see the logs of policy and controller, or raise the bridge's deadline_s "
                "for a slow policy; control_lost_s:=0 waits for ever, for a debugger"
            )
        return control

    def _real_time_control(self) -> Control | None:
        """Wait for the end of this tick's time; returns the command for exactly this frame if there is one by then."""
        now_s = time.monotonic()
        self._next_tick_s = max(self._next_tick_s + self._config.tick_s, now_s)
        self._closing.wait(self._next_tick_s - now_s)
        return self._gate.wait(0.0)

    def _answer(self, stamp_ns: int, control: Control | None) -> Control:
        """Return the command to apply: what arrived for this frame, or what the watchdog makes of a missing one."""
        drive = self._drive
        arrived = drive.faults.commands.apply(stamp_ns, control)
        if arrived is None or arrived[0] != stamp_ns:
            drive.missed_ns.append(stamp_ns)
        if control is None and not self._config.lock_step and not drive.faults.commands.are_active(stamp_ns):
            arrived = self._gate.latest()
        answer = drive.watchdog.answer(stamp_ns, arrived)
        if answer.stop_reason is not None:
            self._sink.publish_alert(Alert(stamp_ns, WATCHDOG, answer.stop_reason, safe_stop=True))
        return answer.control

    def _note_events(
        self, collisions: tuple[CollisionEvent, ...], lane_invasions: tuple[LaneInvasionEvent, ...]
    ) -> None:
        self._drive.collisions.update(collisions)
        self._drive.lane_invasions.update(lane_invasions)

"""The tick thread on a kinematic session: which control is applied to which frame, and what if none comes."""

import contextlib
import sys
import threading
import time
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
from waypilot_ros.control_gate import DUPLICATE, FUTURE, LATE, STALE, ControlGate
from waypilot_ros.drive_loop import DriveLoop, LoopConfig

from waypilot.control.watchdog import FULL_BRAKE
from waypilot.faults import Fault, FaultKind
from waypilot.types import Control

sys.path.insert(0, str(Path(__file__).parent))
from kinematic_session import COLLISION_FRAME, FIRST_STAMP_NS, TICK_NS, KinematicSession

WAIT_S = 60.0
STOP_AT = 15


class RecordingSession(KinematicSession):
    def __init__(self, lost_after=None):
        super().__init__(lost_after)
        self.applied = []

    def prepare(self, scenario, seed):
        self.applied.clear()
        return super().prepare(scenario, seed)

    def apply(self, control):
        self.applied.append((self._stamp_ns, control))
        super().apply(control)


class Sink:
    """Answers every frame through ``answer``: from another thread, as a subscription would, or at once."""

    def __init__(self, answer, at_once):
        self._answer, self._at_once = answer, at_once
        self.frames = []
        self.crashes = []
        self.alerts = []
        self.stages = Counter()
        self.enough = threading.Event()

    def publish_prepared(self, prepared):
        pass

    def publish_frame(self, frame, sensed, with_truth):
        self.frames.append(frame)
        self.sensed = (sensed, with_truth)
        if len(self.frames) >= STOP_AT:
            self.enough.set()
        if self._at_once:
            self._answer(frame.stamp_ns)
        else:
            threading.Thread(target=self._answer, args=(frame.stamp_ns,)).start()

    def publish_events(self, collisions, lane_invasions):
        self.late = (collisions, lane_invasions)

    @contextlib.contextmanager
    def timed(self, stage):
        yield
        self.stages[stage] += 1

    def publish_alert(self, alert):
        self.alerts.append(alert)

    def publish_crash(self, reason):
        self.crashes.append(reason)
        self.enough.set()


def control_for(stamp_ns):
    return Control(throttle=((stamp_ns - FIRST_STAMP_NS) // TICK_NS % 100) / 100)


@pytest.fixture
def drive(straight_scenario):
    loops = []

    def run(answer, config=None, lost_after=None, faults=(), at_once=False):
        """``at_once``: for deadlines so short that another thread may miss them on a busy machine."""
        config = config or LoopConfig(deadline_s=WAIT_S)
        gate = ControlGate(accept_late=not config.lock_step)
        session, sink = RecordingSession(lost_after), Sink(lambda stamp_ns: answer(gate, stamp_ns), at_once)
        loop = DriveLoop(lambda: session, sink, gate, config)
        loops.append(loop)
        loop.prepare(replace(straight_scenario, faults=faults), 0).result(WAIT_S)
        loop.start().result(WAIT_S)
        assert sink.enough.wait(WAIT_S)
        return loop, session, sink, gate

    yield run
    for loop in loops:
        assert loop.close(WAIT_S)


def test_in_lock_step_every_frame_gets_the_control_with_its_stamp(drive):
    loop, session, sink, gate = drive(lambda gate, stamp_ns: gate.offer(stamp_ns, control_for(stamp_ns)))
    counts = loop.stop(FIRST_STAMP_NS + 9 * TICK_NS).result(WAIT_S)
    applied = session.applied
    assert applied[:10] == [
        (FIRST_STAMP_NS + i * TICK_NS, control_for(FIRST_STAMP_NS + i * TICK_NS)) for i in range(10)
    ]
    assert (counts.frames, counts.surroundings, counts.missed_deadlines) == (10, 10, 0)
    assert sink.stages["tick"] == sink.stages["publish"] == len(sink.frames)
    assert sink.stages["apply"] >= STOP_AT - 1
    assert not gate.irregular


def test_events_are_counted_up_to_the_end_late_ones_included(drive):
    loop, _, sink, _ = drive(lambda gate, stamp_ns: gate.offer(stamp_ns, Control()))
    event_ns = FIRST_STAMP_NS + (COLLISION_FRAME - 1) * TICK_NS
    counts = loop.stop(event_ns).result(WAIT_S)
    assert (counts.collisions, counts.lane_invasions) == (2, 1)
    assert len(sink.late[0]) == 1


def test_events_after_the_end_do_not_count(drive):
    loop, *_ = drive(lambda gate, stamp_ns: gate.offer(stamp_ns, Control()))
    counts = loop.stop(FIRST_STAMP_NS + (COLLISION_FRAME - 2) * TICK_NS).result(WAIT_S)
    assert (counts.frames, counts.collisions, counts.lane_invasions) == (COLLISION_FRAME - 1, 1, 0)


def test_stale_duplicate_and_future_controls_are_ignored_and_counted(drive):
    def answer(gate, stamp_ns):
        gate.offer(stamp_ns - TICK_NS, Control(brake=0.5))
        gate.offer(stamp_ns + TICK_NS, Control(brake=0.5))
        gate.offer(stamp_ns, control_for(stamp_ns))

    loop, session, _, gate = drive(answer)
    loop.stop(FIRST_STAMP_NS).result(WAIT_S)
    assert all(control == control_for(stamp_ns) for stamp_ns, control in session.applied)
    assert gate.irregular[STALE] >= STOP_AT - 1
    assert gate.irregular[FUTURE] >= STOP_AT - 1


def test_the_second_control_for_a_frame_is_a_duplicate():
    gate = ControlGate()
    gate.expect(5)
    gate.offer(5, Control(throttle=0.5))
    gate.offer(5, Control(throttle=0.7))
    assert gate.wait(0.0) == Control(throttle=0.5)
    assert gate.irregular == {DUPLICATE: 1}


def test_a_control_that_came_while_the_process_got_no_processor_is_taken_before_it_counts_as_missing():
    """After the stall the thread that takes messages needs a turn before the one that waits looks again."""

    def clock():
        yield from (0.0, 100.0, 100.01)
        gate.offer(5, Control(throttle=0.5))
        while True:
            yield 100.02

    times_s = clock()
    gate = ControlGate(clock=lambda: next(times_s))
    gate.expect(5)
    assert gate.wait(2.0) == Control(throttle=0.5)


def test_a_missing_control_means_hold_then_brake(drive):
    answered = FIRST_STAMP_NS + 2 * TICK_NS

    def answer(gate, stamp_ns):
        if stamp_ns <= answered:
            gate.offer(stamp_ns, Control(throttle=0.3))

    config = LoopConfig(deadline_s=0.05, misses_until_brake=3)
    loop, session, sink, _ = drive(answer, config, at_once=True)
    counts = loop.stop(FIRST_STAMP_NS + 8 * TICK_NS).result(WAIT_S)
    controls = [control for _, control in session.applied[:8]]
    assert controls[:5] == [Control(throttle=0.3)] * 5
    assert [control.brake for control in controls[5:]] == pytest.approx([0.25, 0.275, 0.3])
    assert counts.missed_deadlines == 5
    assert (sink.alerts[0].stamp_ns, sink.alerts[0].reason) == (FIRST_STAMP_NS + 5 * TICK_NS, "no command for 0.15 s")


def test_in_lock_step_a_drive_that_nobody_answers_any_more_ends_as_a_crash(drive):
    """Each frame costs its deadline: a drive of a minute would take an hour."""

    def answer(gate, stamp_ns):
        if (stamp_ns - FIRST_STAMP_NS) // TICK_NS in (0, 1, 3):
            gate.offer(stamp_ns, Control())

    config = LoopConfig(deadline_s=0.05, control_lost_s=0.2, misses_until_brake=2)
    loop, session, sink, _ = drive(answer, config, at_once=True)
    assert loop.ended.wait(WAIT_S)
    assert [reason.split(":")[0] for reason in sink.crashes] == ["ControlLostError"]
    assert "no control in time for 4 frames in a row, 0.2 s (in this drive came none at all)" in sink.crashes[0]
    assert len(sink.frames) == 8  # the one missed on the way does not count towards the four at the end
    assert session.closed


def test_controls_that_always_come_too_late_are_told_and_only_count_once_the_vehicle_brakes(drive):
    """One missed control must not end a drive, however long the deadline is."""

    def answer(gate, stamp_ns):
        gate.offer(stamp_ns - TICK_NS, Control())

    config = LoopConfig(deadline_s=0.05, control_lost_s=0.01, misses_until_brake=3)
    loop, _, sink, _ = drive(answer, config, at_once=True)
    assert loop.ended.wait(WAIT_S)
    assert len(sink.frames) == 4
    assert "came 4 stale control" in sink.crashes[0]


def test_a_debugger_may_hold_the_policy_for_ever(drive):
    loop, *_ = drive(lambda gate, stamp_ns: None, LoopConfig(deadline_s=0.01, control_lost_s=0.0))
    assert loop.stop(FIRST_STAMP_NS + 12 * TICK_NS).result(WAIT_S).missed_deadlines == 12


def test_frames_that_are_ruled_out_are_no_sign_of_a_lost_controller(drive):
    config = LoopConfig(deadline_s=60.0, control_lost_s=120.0, misses_until_brake=1)
    loop, *_ = drive(lambda gate, stamp_ns: gate.rule_out(stamp_ns), config)
    assert loop.stop(FIRST_STAMP_NS + 12 * TICK_NS).result(WAIT_S).missed_deadlines == 12


def test_commands_that_a_fault_takes_away_are_missed_and_no_time_is_lost_on_plans_that_cannot_come(drive):
    """From frame 4 on the policy is silent and says so; waiting for it would take a minute a frame."""

    def answer(gate, stamp_ns):
        gate.rule_out(stamp_ns - TICK_NS)  # comes late and is about another frame
        if stamp_ns < FIRST_STAMP_NS + 4 * TICK_NS:
            gate.offer(stamp_ns, Control(throttle=0.3))
        else:
            gate.rule_out(stamp_ns)

    faults = (Fault(FaultKind.POLICY_SILENT, 0.2), Fault(FaultKind.CONTROL_LOST, 0.1, 0.05))
    loop, session, sink, _ = drive(answer, LoopConfig(deadline_s=60.0), faults=faults)
    counts = loop.stop(FIRST_STAMP_NS + 10 * TICK_NS).result(WAIT_S)
    assert counts.missed_deadlines == 7
    assert [control.brake > 0.0 for _, control in session.applied[:10]] == [False] * 6 + [True] * 4
    assert sink.sensed[1] is False


def test_the_judge_gets_the_true_state_where_odometry_lies(drive):
    faults = (Fault(FaultKind.ODOMETRY_FROZEN, 0.2),)
    loop, _, sink, _ = drive(lambda gate, stamp_ns: gate.offer(stamp_ns, Control(throttle=0.5)), faults=faults)
    loop.stop(FIRST_STAMP_NS).result(WAIT_S)
    sensed, with_truth = sink.sensed
    assert with_truth
    assert sensed.ego.stamp_ns == sink.frames[-1].stamp_ns
    assert sensed.ego.pose_map_from_base_link == sink.frames[3].ego.pose_map_from_base_link
    assert sensed.ego.pose_map_from_base_link != sink.frames[-1].ego.pose_map_from_base_link


def test_in_real_time_the_wall_clock_ticks_and_late_controls_are_used_and_counted(drive):
    def answer(gate, stamp_ns):
        time.sleep(0.03)
        gate.offer(stamp_ns, control_for(stamp_ns))

    config = LoopConfig(lock_step=False, tick_s=0.02, misses_until_brake=50)  # late as they may come, they are used
    begun_s = time.monotonic()
    loop, session, _, gate = drive(answer, config)
    assert time.monotonic() - begun_s >= (STOP_AT - 2) * 0.02
    counts = loop.stop(FIRST_STAMP_NS + (STOP_AT - 1) * TICK_NS).result(WAIT_S)
    assert counts.missed_deadlines > 0
    assert gate.irregular[LATE] > 0
    assert any(control not in (FULL_BRAKE, control_for(stamp_ns)) for stamp_ns, control in session.applied)


def test_a_lost_simulator_is_a_crash_with_its_reason(drive):
    loop, session, sink, _ = drive(lambda gate, stamp_ns: gate.offer(stamp_ns, Control()), lost_after=4)
    assert loop.ended.wait(WAIT_S)
    assert sink.crashes == ["SimulatorLost: no answer to the tick within 5 s"]
    assert session.closed
    with pytest.raises(RuntimeError, match="no answer to the tick"):
        loop.stop(0).result(WAIT_S)


def test_a_scenario_that_cannot_be_set_up_leaves_the_loop_usable(drive, straight_scenario):
    from waypilot_carla.errors import SetupError

    loop, *_ = drive(lambda gate, stamp_ns: gate.offer(stamp_ns, Control()))
    loop.stop(FIRST_STAMP_NS).result(WAIT_S)
    with pytest.raises(SetupError, match="no map 'Missing'"):
        loop.prepare(replace(straight_scenario, map="Missing"), 0).result(WAIT_S)
    assert loop.prepare(straight_scenario, 0).result(WAIT_S).route.length_m == 60.0


def test_stopping_does_not_wait_for_the_deadline(drive):
    def answer(gate, stamp_ns):
        if stamp_ns < FIRST_STAMP_NS + (STOP_AT - 1) * TICK_NS:
            gate.offer(stamp_ns, Control())

    loop, *_ = drive(answer, LoopConfig(deadline_s=10 * WAIT_S))
    begun_s = time.monotonic()
    loop.stop(FIRST_STAMP_NS).result(WAIT_S)
    assert time.monotonic() - begun_s < WAIT_S

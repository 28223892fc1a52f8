"""The log keeps what it saw by stamp; the order of arrival never shows."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from waypilot.metrics import DriveLog, Termination, evaluate, result_to_dict
from waypilot.types import ActorKind, CollisionEvent, Control, LaneInvasionEvent, Trajectory


@settings(
    max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
@given(order=st.permutations(range(62)))
def test_any_order_of_arrival_gives_the_same_result(world, make_plan, order):
    stamps = [world.stamp(i) for i in range(20)]
    entries = [(DriveLog.add_ego, (world.ego(i, 0.4 * i, 0.1 * i),)) for i in range(20)]
    entries += [(DriveLog.add_control, (stamp, Control(steer=0.5))) for stamp in stamps]
    entries += [(DriveLog.add_plan, (stamp, make_plan(stamp, 8.0))) for stamp in stamps]
    entries.append((DriveLog.add_collision, (CollisionEvent(stamps[3], 5, ActorKind.VEHICLE, (1.0, 0.0, 0.0)),)))
    entries.append((DriveLog.add_lane_invasion, (LaneInvasionEvent(stamps[4], (1, 2)),)))
    results = []
    for indices in (range(len(entries)), order):
        log = DriveLog()
        for index in indices:
            add, arguments = entries[index]
            add(log, *arguments)
        end = Termination("failed", "time-out", stamps[-1])
        results.append(result_to_dict(evaluate(log, world.route, world.scenario, end, seed=0)))
    assert results[0] == results[1]


def test_values_that_arrive_twice_count_once(world):
    world.drive([0.0, 0.4])
    before = world.log.counts(world.stamp(9))
    world.frames = 0
    world.drive([0.0, 0.4]).hit(0, 7).hit(0, 7)
    after = world.log.counts(world.stamp(9))
    assert (before.frames, before.controls, before.plans) == (after.frames, after.controls, after.plans) == (2, 2, 2)
    assert after.collisions == 1
    assert world.log.conflicts == 0


def test_contradictions_keep_the_first_and_are_reported(world, make_plan):
    world.drive(np.linspace(0.0, 99.5, 250))
    world.log.add_ego(world.ego(3, 55.0))
    world.log.add_control(world.stamp(3), Control(brake=1.0))
    world.log.add_plan(world.stamp(3), make_plan(world.stamp(3), 1.0))
    assert world.log.conflicts == 3
    assert world.log.control_at(world.stamp(3)) == Control(throttle=0.5)
    assert world.result().notes == ("3 values contradicted an earlier one of the same stamp and were not used",)


def test_counts_stop_at_the_stamp_asked_for(world):
    world.drive(range(10)).hit(4, 1).hit(5, 2)
    counts = world.log.counts(world.stamp(4))
    assert (counts.frames, counts.controls, counts.plans, counts.collisions, counts.lane_invasions) == (5, 5, 5, 1, 0)


def test_plans_of_another_frame_are_refused(world, make_plan):
    with pytest.raises(ValueError, match="carries the stamp"):
        world.log.add_plan(world.stamp(4), make_plan(world.stamp(3), 8.0))
    assert world.log.plan_at(world.stamp(4)) is None


def test_equal_plans_with_undefined_waypoints_do_not_contradict(world):
    for _ in range(2):
        world.log.add_plan(1, Trajectory(1, 250_000_000, np.full((2, 2), np.nan)))
    assert world.log.conflicts == 0


@pytest.mark.parametrize("shape", [(0, 2), (3, 3), (4,)])
def test_malformed_plans_are_kept_and_judged_invalid(world, shape):
    world.drive([0.0, 0.4, 0.8])
    log = DriveLog()
    for ego in world.log.egos(world.stamp(9)):
        log.add_ego(ego)
        log.add_plan(ego.stamp_ns, Trajectory(ego.stamp_ns, 250_000_000, np.zeros(shape)))
    world.log = log
    assert world.value("frames_with_invalid_plan") == 2
    assert world.metric("tracking_error_mean").reason == "no valid plan's waypoint within 1 s falls into the drive"

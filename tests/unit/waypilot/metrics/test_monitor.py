"""When a drive is over: known answers on a straight road of 100 m."""

from __future__ import annotations

import math

import pytest

from waypilot.scenarios import TerminationRules


def drive(monitor, egos):
    """Feed states until the monitor ends the drive; return the termination and the number of states used."""
    for count, ego in enumerate(egos, start=1):
        termination = monitor.update(ego)
        if termination is not None:
            return termination, count
    return None, len(egos)


def test_completed_once_more_than_99_percent_is_passed(world):
    monitor = world.monitor()
    assert monitor.update(world.ego(0, 98.9)) is None
    assert monitor.update(world.ego(1, 99.0)) is None
    assert monitor.route_completion == pytest.approx(0.99)
    end = monitor.update(world.ego(2, 99.01))
    assert (end.status, end.stamp_ns) == ("completed", world.stamp(2))
    assert monitor.route_completion == 1.0


def test_stopping_exactly_at_the_goal_completes(world):
    end, _ = drive(
        world.monitor(), [world.ego(i, x) for i, x in enumerate([0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100])]
    )
    assert end.text == "completed"


def test_passing_the_end_of_the_route_too_far_from_the_goal_does_not_complete(world):
    monitor = world.monitor()
    assert monitor.update(world.ego(0, 99.5, y_m=10.1)) is None
    assert monitor.update(world.ego(1, 99.5, y_m=9.9)).status == "completed"


def test_goal_near_the_start_of_a_loop_does_not_complete_at_once(make_world):
    monitor = make_world(goal_m=(2.0, 1.0)).monitor()
    assert monitor.update(make_world().ego(0, 0.0)) is None


def test_time_out_at_the_first_frame_that_reaches_the_limit(world):
    egos = [world.ego(i, 0.01 * i) for i in range(100)]
    end, count = drive(world.monitor(time_limit_s=2.0), egos)
    assert end.text == "failed: time-out: goal not reached within 2 s"
    assert (count, end.stamp_ns) == (41, world.stamp(40))


def test_default_time_limit_is_the_leaderboards(world):
    # 300 s + 100 m at 10 % of 8 m/s
    assert world.scenario.time_limit_for(100.0) == 425.0


def test_standing_still_fails_as_blocked(world):
    moving = [world.ego(i, i * 0.4) for i in range(20)]
    standing = [world.ego(20 + i, 7.6, speed_mps=0.099) for i in range(200)]
    monitor = world.monitor(rules=TerminationRules(blocked_after_s=3.0))
    end, count = drive(monitor, moving + standing)
    assert end.text == "failed: blocked: slower than 0.1 m/s for 3 s"
    # the last moving frame is number 19 (from 0); 3 s later is frame 79
    assert (count, end.stamp_ns) == (80, world.stamp(79))


def test_creeping_is_not_blocked(world):
    monitor = world.monitor(rules=TerminationRules(blocked_after_s=3.0))
    assert drive(monitor, [world.ego(i, i * 0.005, speed_mps=-0.1) for i in range(200)])[0] is None


def test_a_car_that_never_moves_is_blocked_counting_from_the_first_frame(world):
    monitor = world.monitor(rules=TerminationRules(blocked_after_s=1.0))
    end, count = drive(monitor, [world.ego(i, 0.0, speed_mps=0.0) for i in range(40)])
    assert end.reason.startswith("blocked")
    assert count == 21


def test_far_from_the_route_fails(world):
    monitor = world.monitor()
    assert monitor.update(world.ego(0, 10.0, y_m=29.9)) is None
    end = monitor.update(world.ego(1, 10.0, y_m=30.1))
    assert end.text == "failed: route deviation: 30.10 m from the route, the limit is 30 m"


def test_overshooting_the_end_is_a_deviation_too(world):
    monitor = world.monitor(goal_m=(50.0, 0.0))
    xs = [90.0, 100.0, 110.0, 120.0, 129.0]
    assert drive(monitor, [world.ego(i, x) for i, x in enumerate(xs)])[0] is None
    assert monitor.update(world.ego(9, 131.0)).reason.startswith("route deviation: 31.00 m")


def test_thirty_percent_of_the_route_driven_off_it_fails(world):
    monitor = world.monitor()
    egos = [world.ego(i, float(i), y_m=20.0) for i in range(60)]
    end, count = drive(monitor, egos)
    assert end.reason == "route deviation: 31.0 % of the route's length driven off it, the limit is 30 %"
    assert count == 32
    assert monitor.route_completion == 0.0


def test_outcome_does_not_depend_on_when_the_drive_began(make_world):
    reasons = set()
    for start_ns in (0, 123_456_789_000_000_000):
        world = make_world(start_ns=start_ns, time_limit_s=1.0)
        end, count = drive(world.monitor(), [world.ego(i, 0.1 * i) for i in range(100)])
        reasons.add((end.text, count, end.stamp_ns - start_ns))
    assert len(reasons) == 1


def test_a_drive_ends_once(world):
    monitor = world.monitor()
    end = monitor.update(world.ego(0, 99.5))
    assert monitor.update(world.ego(1, 10.0, y_m=100.0)) is end
    assert monitor.termination is end


def test_a_state_seen_twice_changes_nothing(world):
    monitor = world.monitor()
    monitor.update(world.ego(0, 10.0))
    assert monitor.update(world.ego(0, 99.5)) is None
    assert monitor.route_completion == pytest.approx(0.1)


def test_states_out_of_order_are_refused(world):
    monitor = world.monitor()
    monitor.update(world.ego(5, 10.0))
    with pytest.raises(ValueError, match="feed states in order of stamps"):
        monitor.update(world.ego(4, 10.0))


@pytest.mark.parametrize(
    "change", [{"x_m": math.nan}, {"y_m": math.inf}, {"yaw_rad": math.nan}, {"speed_mps": math.nan}]
)
def test_a_state_that_is_no_number_is_refused_and_does_not_start_the_clock(world, change):
    monitor = world.monitor(time_limit_s=1.0)
    with pytest.raises(ValueError, match="not finite"):
        monitor.update(world.ego(0, **{"x_m": 0.0, **change}))
    assert monitor.update(world.ego(10, 0.0)) is None
    assert monitor.update(world.ego(29, 1.0)) is None
    assert monitor.update(world.ego(30, 1.0)).reason.startswith("time-out")

"""Steering activity and the age of plans."""

from __future__ import annotations

import numpy as np
import pytest

from waypilot.metrics import DriveLog
from waypilot.metrics.steering import count_reversals
from waypilot.types import Control


def steered(world, steer, planned=None):
    log = DriveLog()
    plan = world.drive([0.0]).log.plan_at(world.stamp(0))
    for frame, value in enumerate([*steer, 0.0]):
        log.add_ego(world.ego(frame, 0.4 * frame))
        log.add_control(world.stamp(frame), Control(steer=float(value)))
        if planned is None or frame in planned:
            stamp = world.stamp(frame)
            log.add_plan(stamp, type(plan)(stamp, plan.dt_ns, plan.waypoints_m))
    world.log, world.frames = log, len(steer) + 1
    return world


def test_a_steady_turn_of_the_wheel(world):
    steered(world, np.linspace(0.0, 0.5, 101))
    assert world.value("steering_rate_rms") == pytest.approx(0.1, rel=1e-4)
    assert world.value("steering_reversals_per_minute") == 0.0


def test_swinging_reverses_twice_per_period(world):
    # 1 Hz for 10 s: 20 extremes, and the last of them is followed by less than the gap only if it is the end.
    time_s = 0.05 * np.arange(201)
    steered(world, 0.2 * np.sin(2.0 * np.pi * time_s))
    assert world.value("steering_reversals_per_minute") == pytest.approx(120.0)
    assert world.value("steering_rate_rms") == pytest.approx(0.2 * 2.0 * np.pi / np.sqrt(2.0), rel=0.02)


@pytest.mark.parametrize(
    ("steer", "count"),
    [([0.0, 0.009, 0.0, 0.009], 0), ([0.0, 0.1, 0.095, 0.2], 0), ([0.0, 0.1, 0.08, 0.1], 2), ([0.0, -0.1, 0.1], 1)],
)
def test_only_movements_beyond_the_gap_are_reversals(steer, count):
    assert count_reversals(np.array(steer)) == count


def test_in_lock_step_every_control_has_its_own_plan(world):
    assert steered(world, [0.0] * 20).value("stamp_age_at_control_max") == 0.0


def test_plans_on_every_fourth_frame_are_up_to_three_frames_old(world):
    steered(world, [0.0] * 20, planned=range(0, 20, 4))
    assert world.value("stamp_age_at_control_max") == pytest.approx(0.15)
    assert world.value("stamp_age_at_control_mean") == pytest.approx(0.075)


def test_without_controls_there_is_nothing_to_measure(world):
    world.log.add_ego(world.ego(0, 0.0))
    world.frames = 1
    assert world.metric("steering_rate_rms").reason == "fewer than two controls were recorded"
    assert world.metric("stamp_age_at_control_max").reason == "no control with a plan before it was recorded"

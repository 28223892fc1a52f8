"""Comfort from stamps, in the right units, on motions whose derivatives are known."""

from __future__ import annotations

import numpy as np
import pytest

from waypilot.geometry import Pose
from waypilot.metrics import DriveLog, Termination, evaluate
from waypilot.metrics.smoothing import fit_locally
from waypilot.types import EgoState


def judged(world, time_s, speed_mps, yaw_rad=None, left_mps=None):
    """Judge a motion; the place does not matter for comfort."""
    log, zeros = DriveLog(), np.zeros(len(time_s))
    yaw_rad, left_mps = (zeros if values is None else values for values in (yaw_rad, left_mps))
    for t, v, w, yaw in zip(time_s, speed_mps, left_mps, yaw_rad, strict=True):
        pose = Pose.from_xyz_rpy(float(t), 0.0, 0.0, yaw_rad=float(yaw))
        log.add_ego(EgoState(round(t * 1e9), pose, (float(v), float(w), 0.0), (0.0, 0.0, 0.0)))
    end = Termination("completed", "goal reached", round(time_s[-1] * 1e9))
    result = evaluate(log, world.route, world.scenario, end, seed=0)
    return lambda name: result.metric(name).value


@pytest.mark.parametrize("rate_hz", [10, 20, 50])
def test_steady_acceleration_reads_the_same_at_every_rate(world, rate_hz):
    time_s = np.arange(0.0, 4.0, 1.0 / rate_hz)
    value = judged(world, time_s, 2.0 * time_s)
    assert value("acceleration_longitudinal_max") == pytest.approx(2.0)
    assert value("acceleration_longitudinal_min") == pytest.approx(2.0)
    assert value("jerk_max") == pytest.approx(0.0, abs=1e-9)
    assert value("comfortable_share") == 100.0


def test_missing_frames_do_not_change_what_stamps_say(world):
    time_s = np.delete(np.arange(0.0, 4.0, 0.05), [20, 21, 22, 40, 61])
    value = judged(world, time_s, 20.0 - 3.0 * time_s)
    assert value("acceleration_longitudinal_min") == pytest.approx(-3.0)
    assert value("acceleration_longitudinal_max") == pytest.approx(-3.0)


def test_growing_acceleration_is_jerk(world):
    time_s = np.arange(0.0, 2.0, 0.05)
    value = judged(world, time_s, 0.5 * 1.5 * time_s**2)
    assert value("jerk_longitudinal_max") == pytest.approx(1.5)
    assert value("jerk_max") == pytest.approx(1.5)


def test_a_circle_is_lateral_acceleration_and_yaw_rate_in_radians(world):
    # Radius 10 m at 5 m/s: 2.5 m/s2, 0.5 rad/s; the parabola flattens the turning velocity by (rate x window)^2 / 10.
    time_s = np.arange(0.0, 20.0, 0.05)
    value = judged(world, time_s, np.full(len(time_s), 5.0), yaw_rad=0.5 * time_s)
    assert value("acceleration_lateral_max") == pytest.approx(2.5, rel=0.01)
    assert value("yaw_rate_max") == pytest.approx(0.5)
    assert value("yaw_acceleration_max") == pytest.approx(0.0, abs=1e-9)
    assert value("comfortable_share") == 100.0


def test_a_yaw_rate_above_the_bound_is_uncomfortable(world):
    time_s = np.arange(0.0, 5.0, 0.05)
    value = judged(world, time_s, np.full(len(time_s), 0.5), yaw_rad=1.0 * time_s)
    assert value("yaw_rate_max") == pytest.approx(1.0)
    assert value("comfortable_share") == 0.0


def test_swinging_is_yaw_acceleration(world):
    time_s = np.arange(0.0, 3.0, 0.05)
    value = judged(world, time_s, np.ones(len(time_s)), yaw_rad=0.5 * 0.4 * time_s**2)
    assert value("yaw_acceleration_max") == pytest.approx(0.4)
    assert value("yaw_rate_max") == pytest.approx(0.4 * time_s[-1])


def test_sliding_sideways_faster_and_faster_is_lateral_acceleration(world):
    time_s = np.arange(0.0, 3.0, 0.05)
    value = judged(world, time_s, np.zeros(len(time_s)), left_mps=-5.0 * time_s)
    assert value("acceleration_lateral_max") == pytest.approx(5.0)
    assert value("acceleration_longitudinal_max") == pytest.approx(0.0, abs=1e-9)
    assert value("comfortable_share") == 0.0


def test_share_counts_the_frames_beyond_a_bound(world):
    # 10 s at 1 m/s2, then 10 s at 3 m/s2, which is beyond 2.40
    time_s = np.arange(0.0, 20.0, 0.05)
    speed_mps = np.where(time_s < 10.0, time_s, 10.0 + 3.0 * (time_s - 10.0))
    assert judged(world, time_s, speed_mps)("comfortable_share") == pytest.approx(50.0, abs=2.0)


def test_two_frames_say_nothing_about_comfort(world):
    assert "needs 3 frames" in world.drive([0.0, 0.4]).metric("acceleration_longitudinal_max").reason


def test_noise_is_damped_as_a_parabola_over_the_window_damps_it():
    random = np.random.default_rng(5)
    time_s = np.arange(0.0, 500.0, 0.05)
    slope = fit_locally(time_s, random.normal(0.0, 0.1, len(time_s)), 0.35).first[20:-20]
    # Variance of the slope of 15 evenly spaced frames: s^2 / (sum of squared offsets).
    offsets = 0.05 * np.arange(-7, 8)
    assert slope.std() == pytest.approx(0.1 / np.sqrt((offsets**2).sum()), rel=0.05)


def test_a_parabola_is_fitted_exactly_also_at_the_ends_and_at_low_rates():
    for step_s in (0.05, 0.5, 2.0):
        time_s = step_s * np.arange(9.0)
        fit = fit_locally(time_s, 1.0 - 2.0 * time_s + 3.0 * time_s**2, 0.35)
        np.testing.assert_allclose(fit.value, 1.0 - 2.0 * time_s + 3.0 * time_s**2, atol=1e-6)
        np.testing.assert_allclose(fit.first, -2.0 + 6.0 * time_s, atol=1e-6)
        np.testing.assert_allclose(fit.second, 6.0, atol=1e-6)

"""Expert and follower drive a vehicle that neither of them was written for."""

from __future__ import annotations

import math

import numpy as np
import pytest

from waypilot.expert import ExpertConfig, speed_profile
from waypilot.maneuvers import curvature

VEHICLES = {
    "nominal": {},
    "late and slow": {"delay_steps": 3, "steer_lag_s": 0.15},
    "neutral steering": {"understeer_s2pm": 0.0},
    "weak pedals": {"throttle_mps2": 3.0, "brake_mps2": 5.0},
    "strong pedals": {"throttle_mps2": 9.0, "brake_mps2": 10.0},
    "long wheelbase": {"wheelbase_m": 3.3, "rear_m": 1.65},
}


@pytest.mark.parametrize("vehicle", VEHICLES.values(), ids=VEHICLES.keys())
def test_a_town_route_is_driven_within_the_lane(drive, toy_car, town_route, vehicle) -> None:
    log = drive(town_route, toy_car(**vehicle))
    assert log.s_m[-1] > town_route.length_m - 1.0
    assert set(log.reasons) == {None}
    lateral = np.abs(log.lateral_m)
    assert lateral.mean() < 0.15
    assert lateral.max() < 0.4
    assert max(log.speed_mps) < 8.3


def test_the_speed_follows_the_profile_of_the_route(drive, toy_car, town_route) -> None:
    log = drive(town_route, toy_car())
    arcs = np.arange(0.0, town_route.length_m, 0.5)
    profile = speed_profile(curvature(town_route.sample, arcs), 0.5, ExpertConfig())
    wanted = np.interp(log.s_m, arcs, profile)
    rolling = np.array(log.s_m) > 25.0
    error = (np.array(log.speed_mps) - wanted)[rolling]
    # above the profile only by what braking lags; below it is right while accelerating out of a bend
    assert error.max() < 0.8
    on_straights = rolling & (wanted > 7.99) & (np.roll(wanted, 60) > 7.99)
    assert np.abs(np.array(log.speed_mps) - wanted)[on_straights].mean() < 0.15
    in_bends = wanted < 4.2
    assert in_bends.sum() > 50
    assert np.abs(np.array(log.speed_mps) - wanted)[in_bends].max() < 0.6


def test_old_plans_are_followed_from_the_present_pose(drive, toy_car, town_route) -> None:
    """Real time: a plan every 0.2 s, 0.2 s late, so it is 0.2 to 0.4 s old when followed."""
    log = drive(town_route, toy_car(), plan_every=4, plan_latency=4)
    assert set(log.reasons[4:]) == {None}
    assert np.abs(log.lateral_m).mean() < 0.15
    assert np.abs(log.lateral_m).max() < 0.4


@pytest.mark.parametrize("delay_steps", [1, 3])
@pytest.mark.parametrize(("speed", "settled_after_m"), [(8.0, 30.0), (15.0, 60.0)])
def test_a_kick_is_recovered_without_oscillation(
    drive, toy_car, make_route, speed: float, settled_after_m: float, delay_steps: int
) -> None:
    def kick(step: int, car) -> None:
        if step == 100:
            car.y_m += 0.5
            car.yaw_rad += math.radians(10.0)

    route = make_route((60.0 + speed * 12.0 + settled_after_m, 0))
    car = toy_car(speed_mps=speed, delay_steps=delay_steps)
    log = drive(route, car, ExpertConfig(target_speed_mps=speed), disturb=kick)
    s, lateral, steer = np.array(log.s_m), np.array(log.lateral_m), np.array(log.steer)
    assert np.abs(lateral[:100]).max() < 1e-6
    assert lateral[100:].max() > 0.5
    settled = s > s[100] + settled_after_m
    assert settled.sum() > 40
    assert np.abs(lateral[settled]).max() < 0.1
    assert lateral.min() > -0.1, "it swings past the centre line"
    assert np.abs(steer[settled]).max() < 0.01
    moving = steer[100:][np.abs(steer[100:]) > 0.005]
    assert np.count_nonzero(np.diff(np.sign(moving))) <= 3, "the steering swings to and fro"


@pytest.mark.parametrize(("speed", "radius"), [(8.0, 40.0), (15.0, 120.0)])
def test_an_s_curve_at_speed(drive, toy_car, make_route, speed: float, radius: float) -> None:
    route = make_route((50, 0), (60, 1 / radius), (60, -1 / radius), (60, 0))
    log = drive(route, toy_car(speed_mps=speed), ExpertConfig(target_speed_mps=speed))
    assert np.abs(log.lateral_m).mean() < 0.2
    assert np.abs(log.lateral_m).max() < 0.6
    wheel_rate = np.abs(np.diff(log.wheel_rad)) / 0.05
    assert wheel_rate.max() < 0.5


def test_noisy_plans_do_not_shake_the_vehicle(drive, toy_car, make_route, monkeypatch) -> None:
    """Independent errors of 5 cm per waypoint, as a learned policy makes, move the vehicle by less than that."""
    from waypilot.expert import ExpertPolicy
    from waypilot.types import Plan, Trajectory

    noise = np.random.default_rng(1)
    true_plan = ExpertPolicy.plan

    def noisy_plan(self, observation) -> Plan:
        plan = true_plan(self, observation).final
        return Plan(Trajectory(plan.stamp_ns, plan.dt_ns, plan.waypoints_m + noise.normal(0.0, 0.05, (20, 2))))

    monkeypatch.setattr(ExpertPolicy, "plan", noisy_plan)
    log = drive(make_route((200, 0)), toy_car(speed_mps=8.0))
    assert set(log.reasons) == {None}
    assert np.abs(log.lateral_m).max() < 0.15
    assert np.ptp(log.speed_mps) < 0.4


def test_the_same_drive_twice_is_the_same_to_the_last_bit(drive, toy_car, make_route) -> None:
    route = make_route((60, 0), (40, 1 / 20))
    assert drive(route, toy_car()) == drive(route, toy_car())


def test_the_follower_reaches_cruise_speed_from_rest_and_holds_it(drive, toy_car, make_route) -> None:
    log = drive(make_route((150, 0)), toy_car())
    speed = np.array(log.speed_mps)
    reached = int(np.argmax(speed > 7.6))
    assert 3.5 < reached * 0.05 < 7.0
    assert speed[-60:] == pytest.approx(8.0, abs=0.05)

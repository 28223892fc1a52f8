"""Driving scores with every factor, success, speed keeping and how drives end."""

from __future__ import annotations

import numpy as np
import pytest

from tests.unit.waypilot.metrics.conftest import car, stop_line
from waypilot.metrics.penalties import COLLISION_OFFENCES, RED_LIGHT, STOP_SIGN, TOO_SLOW, Penalties
from waypilot.surroundings import LightState, SignalKind
from waypilot.types import ActorKind

WHOLE_ROAD = np.linspace(0.0, 100.0, 251)  # 8 m/s
PEDESTRIAN, VEHICLE, STATIC = (
    COLLISION_OFFENCES[k] for k in (ActorKind.PEDESTRIAN, ActorKind.VEHICLE, ActorKind.STATIC)
)


def test_penalties_of_collisions_mix():
    penalties = Penalties(((PEDESTRIAN, 1), (VEHICLE, 1), (STATIC, 2)), 0.0, ())
    assert penalties.under_2_0() == pytest.approx(0.5 * 0.6 * 0.65**2)
    assert penalties.under_2_1() == pytest.approx(1.0 / (1.0 + 1.0 + 0.7 + 1.2))


def test_share_outside_the_lanes_is_a_factor_under_both_rules():
    penalties = Penalties(((RED_LIGHT, 1), (STOP_SIGN, 1)), 0.25, ())
    assert penalties.under_2_0() == pytest.approx(0.7 * 0.8 * 0.75)
    assert penalties.under_2_1() == pytest.approx(0.75 / 1.65)


def test_half_the_speed_of_traffic_costs_half_of_the_factor():
    penalties = Penalties(((TOO_SLOW, 0.5), (TOO_SLOW, 0.25)), 0.0, ())
    assert penalties.under_2_0() == pytest.approx(0.85 * 0.925)
    assert penalties.under_2_1() == pytest.approx(1.0 / 1.3)


def test_every_contribution_stands_in_the_notes(world):
    lines = [stop_line(30.0), stop_line(60.0, SignalKind.STOP_SIGN, signal_id=8)]
    world.observe(lines, lambda _: LightState.RED).drive(WHOLE_ROAD).hit(10, 1).hit(50, 2)
    assert world.value("driving_score_2_0") == pytest.approx(100.0 * 0.6**2 * 0.7 * 0.8)
    assert world.value("driving_score_2_1") == pytest.approx(100.0 / (1.0 + 1.4 + 0.4 + 0.25))
    assert world.metric("driving_score_2_0").note == (
        "factors: 0.36 2 x collision with a vehicle, 0.7 red light, 0.8 stop sign; "
        "not observed: yielding to emergency vehicles"
    )
    assert "coefficients: +1.4 2 x collision with a vehicle, +0.4 red light" in world.metric("driving_score_2_1").note
    assert world.value("infraction_penalty_2_0") == world.value("driving_score_2_0")
    assert world.value("infractions_per_km") == pytest.approx(40.0)


def test_slower_than_traffic_is_judged_on_each_quarter_of_the_route(world):
    # Traffic at 8 m/s on the first half, none on the third quarter, 32 m/s on the last one.
    def others(time_s):
        x_m = 8.0 * time_s
        return [] if 50.0 <= x_m < 75.0 else [car(x_m + 20.0, 4.0, vx_mps=8.0 if x_m < 50.0 else 32.0)]

    world.observe(actors=others).drive(WHOLE_ROAD)
    assert world.value("driving_score_2_0") == pytest.approx(100.0 * (1.0 - 0.3 * 0.75))
    assert world.value("driving_score_2_1") == pytest.approx(100.0 / (1.0 + 0.4 * 0.75))
    assert world.value("success") == 1.0


def test_being_faster_than_traffic_earns_nothing(world):
    world.observe(actors=lambda t: [car(8.0 * t + 20.0, 4.0, vx_mps=4.0)]).drive(WHOLE_ROAD)
    assert world.value("speed_of_traffic_share") == pytest.approx(200.0)
    assert world.value("driving_score_2_0") == 100.0


def test_standing_traffic_is_no_measure_of_speed(world):
    world.observe(actors=lambda _: [car(150.0)]).drive(WHOLE_ROAD)
    assert world.metric("speed_of_traffic_share").reason == "no moving vehicle was near"
    assert world.value("driving_score_2_0") == 100.0


def test_speed_against_target_and_limit(world):
    # Target 8 m/s; the road allows 10 m/s.
    world.observe().drive(np.linspace(0.0, 50.0, 100), speed_mps=4.0).drive(
        np.linspace(50.0, 100.0, 100), speed_mps=12.0
    )
    assert world.value("speed_of_target_share") == pytest.approx(100.0)
    assert world.value("speeding_share") == pytest.approx(50.0)
    assert world.value("speed_over_limit_max") == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("reason", "metric", "kind"),
    [
        ("blocked: slower than 0.1 m/s for 60 s", "blocked", "blocked"),
        ("time-out: goal not reached within 9 s", "timed_out", "time_out"),
        ("route deviation: 31.00 m from the route", "route_deviated", "route_deviation"),
    ],
)
def test_an_end_before_the_goal_is_a_metric_and_an_infraction(world, reason, metric, kind):
    result = world.drive(WHOLE_ROAD[:100]).result("failed", reason)
    values = {name: result.metric(name).value for name in ("blocked", "timed_out", "route_deviated")}
    assert values == {**dict.fromkeys(values, 0.0), metric: 1.0}
    assert [(i.kind, i.detail) for i in result.infractions] == [(kind, reason)]
    assert result.metric("success").value == 0.0


def test_only_a_limit_of_the_scenario_itself_is_a_scenario_time_out(make_world):
    scores = []
    for limit_s in (None, 9.0):
        result = make_world(time_limit_s=limit_s).drive(WHOLE_ROAD[:126]).result("failed", "time-out: whatever")
        scores.append([round(result.metric(name).value, 4) for name in ("driving_score_2_0", "driving_score_2_1")])
    assert scores == [[50.0, 50.0], [35.0, 35.7143]]


def test_success_needs_the_goal_and_no_infraction_but_may_cross_markings(make_world):
    assert make_world().observe().drive(WHOLE_ROAD).value("success") == 1.0
    assert make_world().observe().drive(WHOLE_ROAD).hit(5, 1).value("success") == 0.0
    assert make_world().observe().drive(WHOLE_ROAD, y_m=4.0).value("success") == 0.0
    assert make_world().observe([stop_line(50.0)], lambda _: LightState.RED).drive(WHOLE_ROAD).value("success") == 0.0
    assert make_world().drive(WHOLE_ROAD).metric("success").note.startswith("red lights, stop signs")

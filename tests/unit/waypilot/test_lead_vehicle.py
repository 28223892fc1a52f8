"""Who is in the way, and following them in closed loop."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypilot.expert import ExpertConfig, ExpertPolicy
from waypilot.geometry import SE2, Pose
from waypilot.lead_vehicle import Lead, find_lead, following_speed
from waypilot.route import Route
from waypilot.surroundings import ActorState, Footprint
from waypilot.types import ActorKind, EgoState, Observation, RouteCommand

EGO = Footprint(2.4, 0.9, centre_x_m=0.1)


def car(x_m: float, y_m: float, yaw_rad: float = 0.0, speed_mps: float = 5.0) -> ActorState:
    velocity = (speed_mps * math.cos(yaw_rad), speed_mps * math.sin(yaw_rad))
    return ActorState(7, ActorKind.VEHICLE, "vehicle.test", SE2(x_m, y_m, yaw_rad), velocity, 2.0, 1.0)


def lead_of(*actors: ActorState, s_m: float = 10.0) -> Lead | None:
    return find_lead(Route(np.array([[0.0, 0.0], [200.0, 0.0]])), s_m, actors, EGO)


def test_the_nearest_in_the_way_leads_from_bumper_to_bumper() -> None:
    lead = lead_of(car(40.0, 0.5), car(30.0, -1.0, speed_mps=3.0))
    assert lead is not None
    assert lead.gap_m == pytest.approx(30.0 - 2.0 - (10.0 + 0.1 + 2.4))
    assert lead.speed_mps == pytest.approx(3.0)


@pytest.mark.parametrize(
    "actor",
    [car(40.0, 3.5), car(-5.0, 0.0), car(80.0, 0.0), car(40.0, -2.3)],
    ids=["other lane", "behind", "far", "kerb"],
)
def test_who_is_not_in_the_way_does_not_lead(actor: ActorState) -> None:
    assert lead_of(actor) is None


def test_who_crosses_leads_with_its_width_and_no_speed() -> None:
    lead = lead_of(car(40.0, 2.5, yaw_rad=math.pi / 2))
    assert lead is not None
    assert lead.gap_m == pytest.approx(40.0 - 1.0 - 12.5)
    assert lead.speed_mps == pytest.approx(0.0, abs=1e-9)
    assert lead_of(car(40.0, 0.0, yaw_rad=math.pi)) == Lead(pytest.approx(25.5), 0.0)  # oncoming


@given(gap=st.floats(0.0, 60.0), lead=st.floats(0.0, 20.0))
def test_following_speed_is_that_from_which_one_can_still_brake(gap: float, lead: float) -> None:
    speed = following_speed(gap, lead, 4.0, 1.2, 1.5)
    assert speed >= 0.0
    assert following_speed(4.0 + 1.2 * lead, lead, 4.0, 1.2, 1.5) == pytest.approx(lead)
    assert following_speed(gap + 1.0, lead, 4.0, 1.2, 1.5) >= speed
    if speed > 0.0:
        braking_m = (speed**2 - lead**2) / (2.0 * 1.5)
        assert gap - braking_m == pytest.approx(4.0 + 1.2 * speed, abs=1e-6)


def follow(lead_speed_mps: float, start_gap_m: float, seconds: float) -> tuple[float, float]:
    """Drive the plans exactly behind a car of constant speed; return the gap and the speed at the end."""
    config, dt_s = ExpertConfig(), 0.25
    expert = ExpertPolicy(config)
    expert.reset(Route(np.array([[0.0, 0.0], [2000.0, 0.0]])), seed=0)
    x_m, speed_mps, gap_m = 0.0, 8.0, start_gap_m
    for step in range(round(seconds / dt_s)):
        ego = EgoState(step, Pose.from_xyz_rpy(x_m, 0.0, 0.0), (speed_mps, 0.0, 0.0), (0.0, 0.0, 0.0))
        observation = Observation(step, ego, RouteCommand.LANE_FOLLOW, (0.0, 0.0))
        moved_m = float(expert.plan(observation, Lead(gap_m, lead_speed_mps)).final.waypoints_m[0, 0])
        speed_mps = max(2.0 * moved_m / dt_s - speed_mps, 0.0)
        x_m, gap_m = x_m + moved_m, gap_m + lead_speed_mps * dt_s - moved_m
        assert gap_m > 0.0
    return gap_m, speed_mps


def test_the_expert_follows_at_its_gap_stops_behind_who_stands_and_is_not_held_up_by_who_is_far() -> None:
    gap_m, speed_mps = follow(lead_speed_mps=5.0, start_gap_m=30.0, seconds=60.0)
    assert gap_m == pytest.approx(4.0 + 1.2 * 5.0, abs=0.5)
    assert speed_mps == pytest.approx(5.0, abs=0.1)
    gap_m, speed_mps = follow(lead_speed_mps=0.0, start_gap_m=40.0, seconds=60.0)
    assert gap_m == pytest.approx(4.0, abs=0.5)
    assert speed_mps == pytest.approx(0.0, abs=0.1)
    assert follow(lead_speed_mps=12.0, start_gap_m=10.0, seconds=20.0)[1] == pytest.approx(8.0)

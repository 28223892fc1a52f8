"""Other road users: time to collision, clearance, fault, and the score made of them."""

from __future__ import annotations

import numpy as np
import pytest

from tests.unit.waypilot.metrics.conftest import car, walker
from waypilot.types import ActorKind

WHOLE_ROAD = np.linspace(0.0, 100.0, 251)  # 8 m/s
HALF_ROAD = np.linspace(0.0, 50.0, 126)


def test_time_to_collision_with_a_standing_car(world):
    # Ends with the front at 52 m, the other's rear at 60 m: 8 m at 8 m/s. Below 0.95 s never.
    world.observe(actors=lambda _: [car(62.0)]).drive(HALF_ROAD)
    assert world.value("time_to_collision_min") == pytest.approx(1.0)
    assert world.value("time_to_collision_short_share") == 0.0
    assert world.value("pdms_time_to_collision") == 100.0


def test_share_of_frames_with_a_short_time_to_collision(world):
    # The other's rear at 54.1 m: 2.1 m to go at the end; below 0.95 s from x > 44.5 m on, 14 of 126 frames.
    world.observe(actors=lambda _: [car(56.1)]).drive(HALF_ROAD)
    assert world.value("time_to_collision_min") == pytest.approx(2.1 / 8.0)
    assert world.value("time_to_collision_short_share") == pytest.approx(100.0 * 14 / 126)
    assert world.value("pdms_time_to_collision") == 0.0


def test_a_leader_as_fast_as_we_are_is_no_collision_course(world):
    world.observe(actors=lambda t: [car(8.0 * t + 6.0, vx_mps=8.0)]).drive(WHOLE_ROAD)
    assert world.metric("time_to_collision_min").reason == "nothing was on a collision course within 3 s"
    assert world.value("distance_to_vehicles_min") == pytest.approx(2.0)


def test_a_pedestrian_who_will_have_crossed_in_time_is_no_collision_course(make_world):
    # Our lane is 2 m wide here. The vehicle stands at x = 0 and claims 8 m/s, so its front meets x = 20 in 2.25 s.
    def shortest(y_m, vy_mps):
        world = make_world().observe(actors=lambda _: [walker(20.25, y_m, vy_mps)]).drive([0.0])
        return world.metric("time_to_collision_min").value

    assert shortest(-1.0, 0.0) == pytest.approx(2.25)
    assert shortest(-1.0, 3.0) is None
    assert shortest(-8.0, 3.0) == pytest.approx(2.25)
    assert shortest(-12.0, 1.0) is None


@pytest.mark.parametrize(("x_m", "vx_mps"), [(-8.0, 20.0), (20.0, -20.0)])
def test_who_comes_from_behind_or_while_we_stand_does_not_count(world, x_m, vx_mps):
    behind = x_m < 0
    world.observe(actors=lambda _: [car(x_m, vx_mps=vx_mps)]).drive([0.0] * 10, speed_mps=4.0 if behind else 0.0)
    assert not world.metric("time_to_collision_min").valid
    assert world.value("time_to_collision_short_share") == 0.0


def test_clearance_by_kind(world):
    world.observe(actors=lambda _: [car(50.0, 4.0), walker(60.0, -3.0)]).drive(WHOLE_ROAD)
    assert world.value("distance_to_vehicles_min") == pytest.approx(2.0)
    assert world.value("distance_to_pedestrians_min") == pytest.approx(1.75)


def test_clearance_without_anybody_is_invalid(world):
    world.observe().drive(WHOLE_ROAD)
    assert world.metric("distance_to_vehicles_min").reason == "no other vehicle came near"
    assert world.metric("distance_to_pedestrians_min").reason == "no pedestrian came near"


def collide(world, other, speed_mps=8.0, y_m=0.0, kind=ActorKind.VEHICLE):
    """Drive to x = 50 beside or into ``other`` and report a contact there."""
    world.observe(actors=lambda _: [other]).drive(HALF_ROAD, y_m=y_m, speed_mps=speed_mps)
    return world.hit(125, other.actor_id, kind).value("pdms_no_at_fault_collision")


@pytest.mark.parametrize(
    ("other", "speed_mps", "y_m", "left"),
    [
        (car(54.0, vx_mps=3.0), 8.0, 0.0, 0.0),  # ran into a slower one
        (car(46.0, vx_mps=12.0), 8.0, 0.0, 100.0),  # run into from behind
        (car(50.0, 2.0, vx_mps=8.0), 8.0, 0.0, 100.0),  # touched from the side in our own lane
        (car(50.0, 3.2, vx_mps=8.0), 8.0, 1.2, 0.0),  # touched while we were leaving our lane
        (car(50.0, 2.0), 8.0, 0.0, 0.0),  # scraped along one that stood
        (car(54.0, vx_mps=-5.0), 0.0, 0.0, 100.0),  # we stood
        (walker(52.2, 0.0, vy_mps=1.0), 8.0, 0.0, 0.0),
    ],
)
def test_whose_fault_a_collision_is(world, other, speed_mps, y_m, left):
    assert collide(world, other, speed_mps, y_m, other.kind) == left


def test_a_wall_costs_half_and_an_unseen_partner_counts_as_hit(make_world):
    wall = make_world().observe().drive(HALF_ROAD).hit(100, 0, ActorKind.STATIC)
    assert wall.value("pdms_no_at_fault_collision") == 50.0
    assert make_world().observe().drive(HALF_ROAD).hit(100, 99).value("pdms_no_at_fault_collision") == 0.0


def test_pdms_like_of_a_clean_drive_and_of_half_the_way(make_world):
    assert make_world().observe().drive(WHOLE_ROAD).value("pdms_like") == pytest.approx(100.0)
    half = make_world().observe().drive(HALF_ROAD)
    assert half.value("pdms_ego_progress") == pytest.approx(50.0)
    assert half.value("pdms_like") == pytest.approx(100.0 * (2.5 + 5.0 + 2.0) / 12.0)


def test_pdms_like_is_a_product_of_what_must_not_happen(make_world):
    off = make_world().observe().drive(WHOLE_ROAD, y_m=-1.2)
    assert (off.value("pdms_drivable_area_compliance"), off.value("pdms_like")) == (0.0, 0.0)
    rough = make_world().observe().drive(WHOLE_ROAD[:100], speed_mps=2.0).drive(WHOLE_ROAD[100:])
    assert (rough.value("pdms_comfort"), rough.value("pdms_like")) == (0.0, pytest.approx(1000.0 / 12.0))


def test_pdms_like_without_surroundings_names_what_is_missing(world):
    reason = world.drive(WHOLE_ROAD).metric("pdms_like").reason
    assert reason.startswith("pdms_no_at_fault_collision: the surroundings were not observed")

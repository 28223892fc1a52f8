"""Actors in a tiny world without a simulator: they obey at once, on a straight route of 200 m."""

from __future__ import annotations

import math

import numpy as np
import pytest

from waypilot.geometry import SE2
from waypilot.route import Route
from waypilot.scenarios.actors import ActorSpec, Brake, Cross, CutIn, Drive, OnMap, OnRoute, Stand, When
from waypilot.scenarios.cast import ActorMotion, Cast

DT_S = 0.05
ROUTE = Route(np.stack([np.linspace(0.0, 200.0, 201), np.zeros(201)], axis=1))
CAR, WALKER = "vehicle.audi.a2", "walker.pedestrian.0001"


def play(spec: ActorSpec, seconds: float, ego_mps: float = 8.0, wall_x_m: float = math.inf) -> list[ActorMotion]:
    """Let one actor act while the ego drives along the route; what is beyond the wall cannot be entered."""
    cast = Cast((spec,), ROUTE)
    motion = ActorMotion(cast.starts[spec.name], 0.0)
    seen = [motion]
    for step in range(round(seconds / DT_S)):
        time_s = step * DT_S
        command = cast.step(time_s, SE2(ego_mps * time_s, 0.0, 0.0), {spec.name: motion})[spec.name]
        heading = command.heading_rad if spec.is_walker else motion.pose.yaw_rad
        way_m = command.speed_mps * DT_S
        moved = SE2(
            motion.pose.x_m + way_m * math.cos(heading),
            motion.pose.y_m + way_m * math.sin(heading),
            heading + (0.0 if spec.is_walker else way_m * command.curvature_radpm),
        )
        motion = ActorMotion(moved, command.speed_mps) if moved.x_m < wall_x_m else ActorMotion(motion.pose, 0.0)
        seen.append(motion)
    return seen


def at(seen: list[ActorMotion], time_s: float) -> ActorMotion:
    return seen[round(time_s / DT_S)]


def test_a_standing_car_stands_and_faces_the_way_it_was_turned():
    seen = play(ActorSpec("a", CAR, OnRoute(50.0, 3.5, 180.0), Stand()), 5.0)
    assert {motion.pose for motion in seen} == {seen[0].pose}
    pose = seen[0].pose
    assert (pose.x_m, pose.y_m, math.cos(pose.yaw_rad)) == pytest.approx((50.0, 3.5, -1.0))


def test_a_place_on_the_map_is_in_degrees():
    pose = Cast((ActorSpec("a", CAR, OnMap(1.0, 2.0, 90.0), Stand()),), ROUTE).starts["a"]
    assert (pose.x_m, pose.y_m, pose.yaw_rad) == pytest.approx((1.0, 2.0, math.pi / 2))


def test_a_lead_car_speeds_up_brakes_stands_and_goes_on():
    brake = Brake(When(ego_at_m=40.0), deceleration_mps2=6.0, for_s=2.0)
    seen = play(ActorSpec("lead", CAR, OnRoute(20.0), Drive(6.0, brake, acceleration_mps2=3.0)), 12.0)
    speeds = [motion.speed_mps for motion in seen]
    assert at(seen, 1.0).speed_mps == pytest.approx(3.0, abs=0.2)
    assert at(seen, 4.9).speed_mps == pytest.approx(6.0)  # the ego passes 40 m after 5 s
    assert at(seen, 6.2).speed_mps == 0.0
    assert at(seen, 7.7).speed_mps == 0.0
    assert at(seen, 11.0).speed_mps == pytest.approx(6.0)
    steps = np.diff(speeds) / DT_S
    assert (steps.min(), steps.max()) == pytest.approx((-6.0, 3.0))


def test_brakes_for_good_without_a_time():
    seen = play(ActorSpec("lead", CAR, OnRoute(20.0), Drive(6.0, Brake(When(after_s=3.0)))), 20.0)
    assert {motion.speed_mps for motion in seen[100:]} == {0.0}


def test_oncoming_traffic_keeps_to_its_side_and_stands_beyond_the_start():
    seen = play(ActorSpec("a", CAR, OnRoute(60.0, 3.5, 180.0), Drive(8.0), When(ego_at_m=8.0)), 20.0)
    assert at(seen, 0.9).speed_mps == 0.0
    assert at(seen, 5.0).pose.x_m < 50.0
    assert max(abs(motion.pose.y_m - 3.5) for motion in seen) < 0.01
    assert seen[-1].speed_mps < 0.1
    assert seen[-1].pose.x_m == pytest.approx(-20.0, abs=1.0)


def test_a_cut_in_ends_on_the_route_and_slows_down():
    cut_in = CutIn(9.0, When(after_s=4.0), then_mps=5.0, over_m=15.0)
    seen = play(ActorSpec("a", CAR, OnRoute(10.0, 3.5), cut_in), 14.0)
    assert at(seen, 3.9).pose.y_m == pytest.approx(3.5, abs=0.01)
    assert (at(seen, 3.9).speed_mps, at(seen, 8.0).speed_mps) == pytest.approx((9.0, 5.0))
    assert abs(seen[-1].pose.y_m) < 0.1
    assert min(motion.pose.y_m for motion in seen) > -0.5


@pytest.mark.parametrize(("kind", "speed_mps"), [(CAR, 7.0), (WALKER, 1.5)])
def test_who_crosses_goes_straight_on_and_stops_after_its_way(kind, speed_mps):
    place = OnRoute(60.0, -20.0, 90.0)
    seen = play(ActorSpec("a", kind, place, Cross(speed_mps, 15.0), When(ego_within_m=30.0)), 25.0)
    moving = [motion for motion in seen if motion.speed_mps > 0.0]
    first = seen.index(moving[0])
    ego_x_m = 8.0 * (first - 1) * DT_S
    assert math.hypot(60.0 - ego_x_m, 20.0) == pytest.approx(30.0, abs=0.5)
    assert max(motion.speed_mps for motion in seen) == pytest.approx(speed_mps, abs=0.1)
    assert seen[-1].speed_mps < 0.1
    assert (seen[-1].pose.x_m, seen[-1].pose.y_m) == pytest.approx((60.0, -5.0), abs=0.2)


def test_whoever_is_held_up_gives_in():
    seen = play(ActorSpec("a", CAR, OnRoute(10.0), Drive(8.0)), 10.0, wall_x_m=30.0)
    cast = Cast((ActorSpec("a", CAR, OnRoute(10.0), Drive(8.0)),), ROUTE)
    for step, motion in enumerate(seen):
        command = cast.step(step * DT_S, SE2(0.0, 0.0, 0.0), {"a": motion})["a"]
    assert command.speed_mps == 0.0


def test_equal_states_give_equal_commands():
    spec = ActorSpec("a", CAR, OnRoute(10.0, 3.5), CutIn(9.0, When(ego_at_m=20.0)))
    assert play(spec, 8.0) == play(spec, 8.0)

from __future__ import annotations

import math

import carla
import numpy as np
import pytest

from carla_lite.maps import load_town
from waypilot.geometry import SE2
from waypilot.scenarios import load_suite
from waypilot.types import RouteCommand
from waypilot_carla.route_planner import RouteNotFoundError, plan_route


@pytest.fixture(scope="module")
def town() -> carla.Map:
    return carla.Map("Lite01", load_town("Lite01").xodr)


def plan(town: carla.Map, name: str):
    scenario = next(scenario for scenario in load_suite("standard") if scenario.name == name)
    return scenario, plan_route(town, scenario.start_pose, scenario.goal_m, scenario.via_m)


def test_straight_route_is_the_straight_line(town):
    scenario, route = plan(town, "straight_clear")
    start, goal = (scenario.start_pose.x_m, scenario.start_pose.y_m), scenario.goal_m
    assert route.length_m == pytest.approx(math.dist(start, goal), abs=0.05)
    assert np.abs(route.points_m[:, 1] - start[1]).max() < 0.01
    assert route.points_m[0] == pytest.approx(start, abs=0.01)
    assert route.points_m[-1] == pytest.approx(goal, abs=0.01)
    assert len(route.junctions) >= 1
    begin, end = route.junctions[0]
    assert route.command_at((begin + end) / 2) == RouteCommand.STRAIGHT


def test_turn_route_turns_once(town):
    _, route = plan(town, "turn_clear")
    change = np.unwrap(route.headings_rad)
    assert abs(change[-1] - change[0]) == pytest.approx(math.pi / 2, abs=0.02)
    commands = {route.command_at(s) for s in np.arange(0.0, route.length_m)}
    assert commands & {RouteCommand.LEFT, RouteCommand.RIGHT}


def test_points_are_about_a_metre_apart_and_headings_smooth_all_over_the_town(town):
    spawn_points = load_town("Lite01").spawn_points
    for i in range(0, len(spawn_points), 5):
        goal = spawn_points[(7 * i + 13) % len(spawn_points)]
        route = plan_route(town, spawn_points[i].planar, (goal.x_m, goal.y_m))
        gaps = np.hypot(*np.diff(route.points_m, axis=0).T)
        assert gaps.min() > 0.2
        assert gaps.max() < 1.4
        assert np.abs(np.diff(np.unwrap(route.headings_rad))).max() < 0.3
        assert route.points_m[-1] == pytest.approx((goal.x_m, goal.y_m), abs=0.1)


def test_a_goal_just_behind_the_start_is_reached_by_driving_round(town):
    scenario, _ = plan(town, "straight_clear")
    start = scenario.start_pose
    route = plan_route(town, start, (start.x_m - 5.0, start.y_m))
    assert route.length_m > 100.0
    assert route.points_m[-1] == pytest.approx((start.x_m - 5.0, start.y_m), abs=0.05)


def test_via_points_are_passed_in_order(town):
    scenario, direct = plan(town, "straight_clear")
    _, turn = plan(town, "turn_clear")
    detour = tuple(turn.points_m[-1])
    route = plan_route(town, scenario.start_pose, scenario.goal_m, [detour])
    assert route.length_m > direct.length_m
    assert route.project(*detour).distance_m < 0.05


def test_the_same_places_give_the_same_route(town):
    _, once = plan(town, "turn_clear")
    _, again = plan(town, "turn_clear")
    assert once.points_m.tobytes() == again.points_m.tobytes()


def test_places_off_the_lanes_and_wrong_headings_are_refused(town):
    scenario, _ = plan(town, "straight_clear")
    start = scenario.start_pose
    with pytest.raises(RouteNotFoundError, match=r"the goal at .* from the nearest driving lane"):
        plan_route(town, start, (start.x_m, start.y_m - 40.0))
    with pytest.raises(RouteNotFoundError, match=r"the start at .* from the nearest driving lane"):
        plan_route(town, SE2(start.x_m, start.y_m - 40.0, 0.0), scenario.goal_m)
    with pytest.raises(RouteNotFoundError, match="faces 90 degrees"):
        plan_route(town, SE2(start.x_m, start.y_m, math.pi / 2), scenario.goal_m)


def test_a_goal_at_the_start_is_refused_unless_the_route_leads_away_and_back(town):
    scenario, _ = plan(town, "straight_clear")
    start = scenario.start_pose
    with pytest.raises(RouteNotFoundError, match="is where the drive starts"):
        plan_route(town, start, (start.x_m, start.y_m))
    round_trip = plan_route(town, start, (start.x_m, start.y_m), [scenario.goal_m])
    assert round_trip.length_m > 2 * math.dist((start.x_m, start.y_m), scenario.goal_m)


def test_a_goal_that_no_lane_leads_to_is_refused():
    # One street of 200 m without any connection: the opposite lane cannot be reached.
    lane = '<lane id="{}" type="driving" level="false"><link/><width sOffset="0" a="3.5" b="0" c="0" d="0"/></lane>'
    text = f"""<?xml version="1.0"?><OpenDRIVE><header revMajor="1" revMinor="4" name="street"/>
    <road name="r" length="200" id="1" junction="-1"><link/><planView>
    <geometry s="0" x="0" y="0" hdg="0" length="200"><line/></geometry></planView>
    <elevationProfile/><lateralProfile/><lanes><laneSection s="0"><left>{lane.format(1)}</left>
    <center><lane id="0" type="none" level="false"><link/></lane></center><right>{lane.format(-1)}</right>
    </laneSection></lanes></road></OpenDRIVE>"""
    street = carla.Map("street", text)
    with pytest.raises(RouteNotFoundError, match=r"no lanes lead from \(10.0, -1.8\) to the goal at \(100.0, 1.8\)"):
        plan_route(street, SE2(10.0, -1.75, 0.0), (100.0, 1.75))

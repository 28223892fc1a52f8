"""Every scenario that comes with Waypilot has a route on its map, over junctions where the suite is about them."""

from __future__ import annotations

from collections import Counter
from functools import cache

import carla
import pytest

from carla_lite.maps import load_town
from waypilot.scenarios import WEATHER_PRESETS, Scenario, available_suites, load_suite, vary
from waypilot.scenarios.cast import place_of
from waypilot.types import RouteCommand
from waypilot_carla import convert
from waypilot_carla.route_planner import plan_route

SCENARIOS = {f"{suite}/{scenario.name}": scenario for suite in available_suites() for scenario in load_suite(suite)}
TURNS = {"left": RouteCommand.LEFT, "right": RouteCommand.RIGHT, "straight": RouteCommand.STRAIGHT}


@cache
def town_of(name: str) -> carla.Map:
    return carla.Map(name, load_town(name).xodr)


def route_of(scenario: Scenario):
    return plan_route(town_of(scenario.map), scenario.start_pose, scenario.goal_m, scenario.via_m)


@pytest.mark.parametrize("name", SCENARIOS)
def test_there_is_a_route_for_every_seed_and_vehicles_start_on_lanes(name):
    for seed in (0, 1, 2, 3):
        scenario = vary(SCENARIOS[name], seed)
        route = route_of(scenario)
        assert 60.0 < route.length_m < 1500.0
        for actor in scenario.actors:
            place = place_of(actor, route)
            at = convert.location(place.x_m, place.y_m)
            lane = town_of(scenario.map).get_waypoint(at, project_to_road=False, lane_type=carla.LaneType.Driving)
            assert actor.is_walker or lane is not None, f"{actor.name} stands beside the road"


@pytest.mark.parametrize("scenario", load_suite("town"), ids=lambda scenario: scenario.name)
def test_town_routes_do_at_their_junctions_what_their_names_say(scenario):
    route = route_of(scenario)
    wanted = [TURNS[word] for word in scenario.name.split("_") if word in TURNS]
    found = [route.command_at((start + end) / 2.0) for start, end in route.junctions or ()]
    assert found == wanted


def test_the_town_suite_is_wide_enough():
    suite = load_suite("town")
    assert len(suite) >= 20
    presets = {id(preset): name for name, preset in WEATHER_PRESETS.items()}
    assert min(Counter(presets[id(scenario.weather)] for scenario in suite).values()) >= 4
    assert set(Counter(scenario.weather for scenario in suite)) == set(WEATHER_PRESETS.values())


def test_the_traffic_suite_holds_the_eight_kinds():
    assert [scenario.name for scenario in load_suite("traffic")] == [
        "lead_brakes",
        "cut_in",
        "crossing_vehicle",
        "pedestrian",
        "stopped_vehicle",
        "red_light",
        "stop_sign",
        "dense_traffic",
    ]

"""Lights, signs and the road, on worlds whose answer is known beforehand."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

from tests.unit.waypilot.metrics.conftest import lane_of_road, stop_line
from waypilot.surroundings import LightState, RoadType, SignalKind

WHOLE_ROAD = np.linspace(0.0, 100.0, 251)  # 0.4 m per frame: 8 m/s
RED, GREEN, YELLOW = LightState.RED, LightState.GREEN, LightState.YELLOW
SIGN = SignalKind.STOP_SIGN


@pytest.mark.parametrize(("shown", "run"), [(RED, 1), (YELLOW, 0), (GREEN, 0), (LightState.OFF, 0)])
def test_a_red_light_is_run_when_the_line_is_passed_while_it_is_red(world, shown, run):
    world.observe([stop_line(50.0)], lambda _: shown).drive(WHOLE_ROAD)
    assert world.value("red_lights_run") == run
    assert world.kinds() == ["red_light"] * run


def test_what_counts_is_the_rear_of_the_vehicle(world):
    # Front at 50 m after 6.0 s, rear (2 m behind the origin) after 6.5 s.
    world.observe([stop_line(50.0)], lambda t: RED if t > 6.25 else GREEN).drive(WHOLE_ROAD)
    (infraction,) = world.result().infractions
    assert (infraction.time_s, infraction.actor_id) == (6.5, 1)
    assert infraction.x_m == pytest.approx(52.0)


def test_stopping_with_the_bonnet_over_a_red_line_and_leaving_on_green_is_no_infraction(world):
    world.observe([stop_line(50.0)], lambda t: RED if t < 20.0 else GREEN)
    world.drive(np.linspace(0.0, 49.0, 123)).drive([49.0] * 300, speed_mps=0.0).drive(np.linspace(49.0, 100.0, 128))
    assert world.value("red_lights_run") == 0


@pytest.mark.parametrize("y_m", [4.5, -2.5])
def test_the_line_of_another_lane_does_not_count(world, y_m):
    assert world.observe([stop_line(50.0)], lambda _: RED).drive(WHOLE_ROAD, y_m=y_m).value("red_lights_run") == 0


def test_the_line_of_the_other_direction_does_not_count(world):
    world.observe([dataclasses.replace(stop_line(50.0), heading_rad=math.pi)], lambda _: RED).drive(WHOLE_ROAD)
    assert world.value("red_lights_run") == 0


def test_a_light_over_two_lanes_counts_once_when_the_vehicle_straddles_them(world):
    left = dataclasses.replace(stop_line(50.0), left_m=(50.0, 6.0), right_m=(50.0, 2.0))
    world.observe([stop_line(50.0), left], lambda _: RED).drive(WHOLE_ROAD, y_m=2.0)
    assert world.value("red_lights_run") == 1


def test_two_lights_on_the_way_count_twice(world):
    world.observe([stop_line(30.0, signal_id=1), stop_line(60.0, signal_id=2)], lambda _: RED).drive(WHOLE_ROAD)
    assert world.value("red_lights_run") == 2
    assert [i.actor_id for i in world.result().infractions] == [1, 2]


def test_driving_through_a_stop_sign(world):
    world.observe([stop_line(50.0, SIGN)]).drive(WHOLE_ROAD)
    assert world.value("stop_signs_ignored") == 1
    assert world.kinds() == ["stop_sign"]


@pytest.mark.parametrize(
    ("stop_x_m", "speed_mps", "ignored"),
    [
        (47.0, 0.0, 0),  # front 1 m before the line
        (44.1, 0.0, 0),  # front 3.9 m before it
        (43.9, 0.0, 1),  # front 4.1 m before it
        (49.5, 0.05, 0),  # bonnet over the line, origin before it
        (47.0, 0.2, 1),  # rolling
        (51.0, 0.0, 1),  # beyond it
    ],
)
def test_a_stop_counts_near_the_line_and_below_a_tenth_of_a_metre_per_second(world, stop_x_m, speed_mps, ignored):
    world.observe([stop_line(50.0, SIGN)])
    world.drive(np.linspace(0.0, stop_x_m, 100)).drive([stop_x_m] * 5, speed_mps=speed_mps)
    world.drive(np.linspace(stop_x_m, 100.0, 100))
    assert world.value("stop_signs_ignored") == ignored


def test_a_stop_in_an_earlier_approach_does_not_count(world):
    world.observe([stop_line(50.0, SIGN)])
    world.drive([47.0] * 5, speed_mps=0.0).drive(np.linspace(47.0, 30.0, 50), speed_mps=-4.0)
    world.drive(np.linspace(30.0, 100.0, 175))
    assert world.value("stop_signs_ignored") == 1


def test_off_road_share_is_a_share_of_the_distance(world):
    # A quarter of the way with the right wheels on the grass, then a long stand there, which is no distance.
    world.observe().drive(np.linspace(0.0, 75.0, 100)).drive(np.linspace(75.0, 100.0, 50), y_m=-1.2)
    world.drive([100.0] * 100, y_m=-1.2, speed_mps=0.0)
    assert world.value("off_road_share") == pytest.approx(100.0 * (25.0 + 1.2) / (100.0 + 1.2), abs=0.5)
    assert world.value("outside_route_lanes_share") == 0.0
    assert world.value("off_road_events") == 1
    assert world.kinds() == ["off_road"]


def test_leaving_the_road_twice_are_two_events_and_flutter_is_one(world):
    world.observe()
    world.drive(np.linspace(0, 20, 30)).drive(np.linspace(20, 25, 10), y_m=-1.2).drive([26.0, 27.0])
    world.drive(np.linspace(28, 30, 10), y_m=-1.2).drive(np.linspace(30, 60, 60)).drive([61.0, 62.0], y_m=-1.2)
    assert world.value("off_road_events") == 2


def test_beside_the_road_everything_is_outside(world):
    world.observe().drive(WHOLE_ROAD, y_m=-5.0)
    assert world.value("off_road_share") == 100.0
    assert world.value("outside_route_lanes_share") == 100.0
    assert world.value("wrong_way_share") == 0.0
    assert world.value("driving_score_2_0") == 0.0


def test_the_oncoming_lane_is_outside_the_route_and_the_wrong_way(world):
    world.observe().drive(np.linspace(0.0, 80.0, 200)).drive(np.linspace(80.4, 100.0, 50), y_m=4.0)
    share = world.value("wrong_way_share")
    assert share == pytest.approx(20.0, abs=4.0)
    assert world.value("outside_route_lanes_share") == share
    assert world.value("driving_score_2_1") == pytest.approx(100.0 - share)
    assert world.kinds() == ["outside_route_lanes"]


def test_in_a_junction_lanes_have_no_direction_and_asphalt_between_them_is_no_fault(world):
    def junction(at):
        corners = (RoadType.OFF_ROAD, RoadType.DRIVING, RoadType.DRIVING, RoadType.DRIVING)
        return dataclasses.replace(lane_of_road(at), in_junction=True, lane_heading_rad=math.pi, corners=corners)

    world.observe(road=junction).drive(WHOLE_ROAD)
    for name in ("off_road_share", "wrong_way_share", "outside_route_lanes_share"):
        assert world.value(name) == 0.0


def test_a_sidewalk_is_off_road_even_in_a_junction(world):
    corners = (RoadType.SIDEWALK, RoadType.DRIVING, RoadType.DRIVING, RoadType.DRIVING)
    road = dataclasses.replace(lane_of_road((0.0, 0.0)), in_junction=True, corners=corners)
    assert world.observe(road=lambda _: road).drive(WHOLE_ROAD).value("off_road_share") == 100.0


@pytest.mark.parametrize(
    "name", ["red_lights_run", "stop_signs_ignored", "off_road_share", "wrong_way_share", "speed_of_traffic_share"]
)
def test_without_surroundings_nothing_is_claimed(world, name):
    assert world.drive(WHOLE_ROAD).metric(name).reason == "the surroundings were not observed"


def test_missing_surroundings_of_one_frame_are_told(world):
    world.observe([stop_line(50.0)], lambda _: RED).drive(WHOLE_ROAD)
    world.look = None
    world.drive([100.0])
    assert world.metric("red_lights_run").reason == "the surroundings of 1 of 252 frames are missing"
    assert world.kinds() == []
    assert "not observed: yielding to emergency vehicles, red lights" in world.metric("driving_score_2_0").note


def test_without_a_map_the_road_cannot_be_judged_but_lights_can(world):
    world.observe([stop_line(50.0)], lambda _: RED, road=lambda _: None).drive(WHOLE_ROAD)
    assert world.metric("off_road_share").reason == "the simulator gave no map of the road"
    assert world.metric("speeding_share").reason == "the simulator knows no speed limit"
    assert world.value("red_lights_run") == 1

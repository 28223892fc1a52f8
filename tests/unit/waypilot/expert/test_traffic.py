"""The expert in traffic: closed loops on small worlds, judged by the metrics."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tests.unit.waypilot.metrics.conftest import car, stop_line, walker
from waypilot.surroundings import LightState, SignalKind

RED, YELLOW, GREEN = LightState.RED, LightState.YELLOW, LightState.GREEN


def value(result, name):
    metric = result.metric(name)
    assert metric.valid, metric
    return metric.value


def speeds_at(result, x_m):
    """Speed when the car passes a place."""
    columns = result.series.columns
    return float(np.interp(x_m, columns["x_m"], columns["speed_mps"]))


def stood_at(result):
    """Where the car came to its first stop."""
    columns = result.series.columns
    return next(x for x, v in zip(columns["x_m"], columns["speed_mps"], strict=True) if v < 0.05)


def along(time_s, start_m, phases):
    """Place and speed of a car with phases of (acceleration, duration)."""
    x_m, v, left = start_m, phases[0], time_s
    for acceleration, duration in phases[1:]:
        t = min(left, duration)
        x_m, v, left = x_m + v * t + 0.5 * acceleration * t * t, v + acceleration * t, left - t
    return x_m + v * left, v


def test_on_an_empty_road_it_drives_as_if_it_knew_nothing(drive_expert):
    seen, blind = drive_expert(), drive_expert(privileged=False)
    assert seen.series == blind.series
    assert value(seen, "success") == 1.0


def test_what_it_would_do_without_privileges_shows_that_these_tests_can_fail(drive_expert):
    blind = drive_expert(actors=lambda _: [car(60.0)], privileged=False)
    assert value(blind, "distance_to_vehicles_min") == 0.0


def test_it_waits_behind_a_car_that_stands(drive_expert):
    result = drive_expert(actors=lambda _: [car(60.0)])
    assert result.status.startswith("failed: blocked")
    assert 1.0 < value(result, "distance_to_vehicles_min") < 3.5
    assert value(result, "acceleration_longitudinal_min") > -4.05


def test_it_follows_a_slower_car_at_a_distance(drive_expert):
    result = drive_expert(actors=lambda t: [car(30.0 + 4.0 * t, vx_mps=4.0)])
    assert result.completed
    assert speeds_at(result, 105.0) == pytest.approx(4.0, abs=0.3)
    # 2 m and 1.2 s at 4 m/s
    assert value(result, "distance_to_vehicles_min") == pytest.approx(6.8, abs=1.5)
    assert value(result, "time_to_collision_short_share") == 0.0


def test_it_stops_behind_a_leader_that_brakes_hard_and_follows_it_on(drive_expert):
    def leader(time_s):
        x_m, v = along(time_s, 16.0, [8.0, (0.0, 3.0), (-6.0, 8.0 / 6.0), (0.0, 4.0), (2.0, 4.0)])
        return [car(x_m, vx_mps=v)]

    result = drive_expert(actors=leader)
    assert result.completed
    assert value(result, "distance_to_vehicles_min") > 1.0


def test_it_makes_room_for_a_car_that_cuts_in(drive_expert):
    def cutting(time_s):
        y_m = 4.0 - 1.5 * min(max(time_s - 2.0, 0.0), 4.0 / 1.5)
        vy = -1.5 if 2.0 <= time_s < 2.0 + 4.0 / 1.5 else 0.0
        return [car(10.0 + 6.0 * time_s, y_m, vx_mps=6.0, vy_mps=vy)]

    result = drive_expert(actors=cutting)
    assert result.completed
    assert value(result, "distance_to_vehicles_min") > 1.0


@pytest.mark.parametrize("arrives_s", [3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0])
def test_it_lets_crossing_cars_pass_or_passes_before_them(drive_expert, arrives_s):
    def crossing(time_s):
        return [car(50.0, -7.0 * (arrives_s - time_s), vy_mps=7.0)]

    result = drive_expert(actors=crossing)
    assert result.completed
    assert value(result, "distance_to_vehicles_min") > 0.5


@pytest.mark.parametrize("steps_out_s", [0.0, 1.0, 2.0, 3.0, 4.0])
def test_it_brakes_for_a_pedestrian_who_steps_out(drive_expert, steps_out_s):
    """From 4 m beside the lane's centre at 1.4 m/s; 2.1 s pass until they are within our width."""

    def crossing(time_s):
        walks = time_s >= steps_out_s
        y_m = -4.0 + 1.4 * max(time_s - steps_out_s, 0.0)
        return [walker(45.0, y_m, vy_mps=1.4 if walks else 0.0)]

    result = drive_expert(actors=crossing)
    assert result.completed
    assert value(result, "distance_to_pedestrians_min") > 0.3


def test_it_slows_beside_a_pedestrian_near_its_way_and_not_for_one_further_off(drive_expert):
    near, far = (drive_expert(actors=lambda _, y=y: [walker(60.0, y)]) for y in (-2.0, -4.0))
    assert speeds_at(near, 58.0) == pytest.approx(5.0, abs=0.4)
    assert speeds_at(far, 58.0) == pytest.approx(8.0, abs=0.2)


def test_oncoming_and_following_traffic_does_not_slow_it(drive_expert):
    free = drive_expert()
    busy = drive_expert(
        actors=lambda t: [car(100.0 - 8.0 * t, 4.0, vx_mps=-8.0), car(-10.0 + 8.5 * t, vx_mps=8.5, actor_id=13)]
    )
    until = min(len(free.series.columns["speed_mps"]), 60)
    assert busy.series.columns["speed_mps"][:until] == free.series.columns["speed_mps"][:until]


def test_oncoming_traffic_in_a_bend_follows_the_road(drive_expert, make_route):
    """Predicted straight on, a car in the opposite lane of a bend would come into our own."""
    route = make_route((40, 0), (20 * math.pi, 1 / 40), (40, 0))

    def oncoming(time_s):
        place = route.pose_at(130.0 - 8.0 * time_s)
        x_m, y_m = place.x_m - 3.6 * math.sin(place.yaw_rad), place.y_m + 3.6 * math.cos(place.yaw_rad)
        vx, vy = -8.0 * math.cos(place.yaw_rad), -8.0 * math.sin(place.yaw_rad)
        other = car(x_m, y_m, vx, vy)
        pose = type(other.pose_map_from_box)(x_m, y_m, place.yaw_rad + math.pi)
        return [type(other)(11, other.kind, other.type_id, pose, (vx, vy), 2.0, 0.9)]

    assert drive_expert(actors=oncoming, route=route).series == drive_expert(route=route).series


def test_it_stops_at_red_and_goes_on_at_green(drive_expert):
    result = drive_expert(lines=[stop_line(60.0)], lights=lambda t: RED if t < 15.0 else GREEN)
    assert value(result, "success") == 1.0
    assert stood_at(result) + 2.0 == pytest.approx(59.0, abs=0.8)
    assert value(result, "acceleration_longitudinal_min") > -3.0


def test_it_stops_at_yellow_when_it_can_and_goes_on_when_it_cannot(drive_expert):
    """The light turns yellow with 25 m and with 6 m to go, and red 3 s later."""
    for way_m, stops in ((25.0, True), (6.0, False)):
        turns_s = (60.0 - 2.0 - way_m) / 8.0

        def lights(time_s, turns_s=turns_s):
            return GREEN if time_s < turns_s else YELLOW if time_s < turns_s + 3.0 else RED if time_s < 15.0 else GREEN

        result = drive_expert(lines=[stop_line(60.0)], lights=lights)
        assert value(result, "success") == 1.0
        assert (value(result, "duration") > 17.0) is stops


def test_it_stops_at_a_light_that_turns_red_without_warning_if_braking_can_do_it(drive_expert):
    result = drive_expert(lines=[stop_line(60.0)], lights=lambda t: RED if 5.5 < t < 14.0 else GREEN)
    assert value(result, "red_lights_run") == 0.0
    assert result.completed


def test_it_stops_once_at_a_stop_sign(drive_expert):
    result = drive_expert(lines=[stop_line(60.0, SignalKind.STOP_SIGN)])
    assert value(result, "success") == 1.0
    assert value(result, "stop_signs_ignored") == 0.0
    assert 55.5 < stood_at(result) + 2.0 < 60.0
    assert value(result, "duration") < 30.0


def test_the_line_of_another_lane_is_not_its_line(drive_expert):
    other = stop_line(60.0)
    other = type(other)(7, other.kind, (60.0, 6.0), (60.0, 2.0), math.pi)
    assert drive_expert(lines=[other], lights=lambda _: RED).series == drive_expert().series


def test_the_same_drive_twice_is_the_same_to_the_last_bit(drive_expert):
    def busy(time_s):
        return [car(30.0 + 5.0 * time_s, vx_mps=5.0), walker(70.0, -8.0 + time_s, 1.0)]

    assert drive_expert(actors=busy).metrics == drive_expert(actors=busy).metrics

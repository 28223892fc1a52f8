"""Each metric on worlds whose answer is known beforehand."""

from __future__ import annotations

import math

import numpy as np
import pytest

from waypilot.metrics import DriveLog
from waypilot.types import ActorKind, Control, LaneInvasionEvent, Trajectory

WHOLE_ROAD = np.linspace(0.0, 100.0, 251)  # 0.4 m per frame: 8 m/s


def test_route_completion(world):
    assert world.drive(np.linspace(0.0, 40.0, 101)).value("route_completion") == pytest.approx(40.0)


def test_route_completion_keeps_the_furthest_point_when_reversing(world):
    world.drive([0.0, 10.0, 20.0, 30.0, 26.0, 22.0])
    assert world.value("route_completion") == pytest.approx(30.0)


def test_route_completion_does_not_count_what_was_passed_off_the_route(world):
    world.drive([0.0, 10.0, 20.0]).drive([25.0, 30.0, 35.0, 40.0], y_m=15.1)
    assert world.value("route_completion") == pytest.approx(20.0)


def test_offset_of_half_a_metre(world):
    world.drive(WHOLE_ROAD, y_m=-0.5)
    for name in ("mean", "p95", "max"):
        assert world.value(f"lateral_deviation_{name}") == 0.5


def test_lateral_deviation_of_a_ramp(world):
    for x_m in WHOLE_ROAD:
        world.drive([x_m], y_m=0.01 * x_m)
    assert world.value("lateral_deviation_mean") == pytest.approx(0.5)
    assert world.value("lateral_deviation_p95") == pytest.approx(0.95)
    assert world.value("lateral_deviation_max") == pytest.approx(1.0)


def test_heading_error_is_a_magnitude_in_radians(world):
    world.drive([0.0, 1.0], yaw_rad=-0.2).drive([2.0, 3.0], yaw_rad=0.1)
    assert world.value("heading_error_mean") == pytest.approx(0.15)
    assert world.value("heading_error_max") == pytest.approx(0.2)


def test_heading_error_wraps(world):
    assert world.drive([0.0], yaw_rad=2 * math.pi - 0.1).value("heading_error_max") == pytest.approx(0.1)


def test_speed_distance_duration(world):
    world.drive(WHOLE_ROAD[:101], speed_mps=8.0).drive([40.0] * 100, speed_mps=0.0)
    assert world.value("speed_mean") == pytest.approx(8.0 * 101 / 201)
    assert world.value("speed_max") == 8.0
    assert world.value("distance_driven") == pytest.approx(40.0)
    assert world.value("duration") == 10.0


def test_two_hits_of_one_actor_within_5_s_count_once(world):
    world.drive(WHOLE_ROAD).hit(10, 42, impulse_ns=50.0).hit(109, 42, impulse_ns=900.0)
    assert world.value("collisions") == 1
    assert [i.impulse_ns for i in world.result().infractions] == [900.0]


def test_hits_of_one_actor_5_s_apart_count_twice(world):
    assert world.drive(WHOLE_ROAD).hit(10, 42).hit(110, 42).value("collisions") == 2


def test_lasting_contact_counts_every_5_s(world):
    world.drive(WHOLE_ROAD)
    for frame in range(250):
        world.hit(frame, 42)
    assert world.value("collisions") == 3


def test_collisions_by_kind_and_per_km(world):
    world.drive(WHOLE_ROAD).hit(10, 1).hit(10, 2, ActorKind.PEDESTRIAN).hit(11, 0, ActorKind.STATIC)
    for kind in ("vehicle", "pedestrian", "static"):
        assert world.value(f"collisions_{kind}") == 1
    assert world.value("collisions") == 3
    assert world.value("collisions_per_km") == pytest.approx(30.0)


def test_collisions_carry_place_and_time_from_the_start(world):
    world.drive(WHOLE_ROAD, y_m=0.25).hit(50, 9)
    (infraction,) = world.result().infractions
    assert infraction.kind == "collision_vehicle"
    assert (infraction.time_s, infraction.x_m, infraction.y_m, infraction.actor_id) == (2.5, 20.0, 0.25, 1)
    assert infraction.s_m == pytest.approx(20.0)


def test_whom_the_drive_met_has_a_number_that_does_not_depend_on_the_simulators_ids(world):
    world.drive(WHOLE_ROAD).hit(10, 470).hit(30, 0).hit(50, 461).hit(200, 470)
    assert [infraction.actor_id for infraction in world.result().infractions] == [2, 0, 1, 2]


def test_collisions_before_the_first_frame_and_after_the_end_do_not_count(world):
    world.drive(WHOLE_ROAD).hit(-1, 1).hit(251, 2)
    assert world.value("collisions") == 0


def test_collisions_per_km_of_a_standing_car_is_invalid(world):
    metric = world.drive([5.0, 5.0, 5.0]).hit(1, 3).metric("collisions_per_km")
    assert (metric.valid, metric.value, metric.reason) == (False, None, "the vehicle did not move")


def test_without_a_collision_sensor_nothing_is_claimed_about_collisions(world):
    world.log = DriveLog(observes_collisions=False, observes_lane_invasions=False)
    world.drive(WHOLE_ROAD)
    for name in ("collisions", "collisions_static", "collisions_per_km", "driving_score_2_0", "driving_score_2_1"):
        assert world.metric(name).reason == "no collision sensor was attached"
    assert world.metric("lane_invasions").reason == "no lane invasion sensor was attached"
    assert world.value("route_completion") == 100.0


def test_lane_invasions(world):
    world.drive(WHOLE_ROAD)
    world.log.add_lane_invasion(LaneInvasionEvent(world.stamp(20), (1, 2)))
    world.log.add_lane_invasion(LaneInvasionEvent(world.stamp(30), (99,)))
    assert world.value("lane_invasions") == 2
    assert [i.detail for i in world.result().infractions] == ["crossed: broken, solid", "crossed: type 99"]


def test_driving_score_of_a_clean_drive_is_its_completion(world):
    world.drive(np.linspace(0.0, 50.0, 126))
    assert world.value("driving_score_2_0") == pytest.approx(50.0)
    assert world.value("driving_score_2_1") == pytest.approx(50.0)


def test_driving_score_says_what_it_does_not_observe(world):
    note = world.drive(WHOLE_ROAD).metric("driving_score_2_1").note
    assert note.startswith("no penalty; not observed: yielding to emergency vehicles, red lights")


def test_five_vehicle_collisions_under_both_rules(world):
    world.drive(WHOLE_ROAD)
    for actor in range(1, 6):
        world.hit(10 * actor, actor)
    assert world.value("driving_score_2_0") == pytest.approx(100.0 * 0.6**5)
    assert world.value("driving_score_2_1") == pytest.approx(100.0 / 4.5)


def test_tracking_error_of_a_car_that_does_what_was_planned(world):
    assert world.drive(WHOLE_ROAD).value("tracking_error_max") == pytest.approx(0.0, abs=1e-9)


def test_tracking_error_of_plans_beside_the_path(world, make_plan):
    world.drive(WHOLE_ROAD)
    log = DriveLog()
    for ego in world.log.egos(world.stamp(999)):
        log.add_ego(ego)
        log.add_plan(ego.stamp_ns, make_plan(ego.stamp_ns, 8.0, left_m=0.3))
    world.log = log
    assert world.value("tracking_error_mean") == pytest.approx(0.3)


def test_tracking_error_looks_one_second_ahead(world):
    # plans say 8 m/s, the car stands: 2, 4, 6, 8 m at the four waypoints up to 1 s
    world.drive([5.0] * 200)
    assert world.value("tracking_error_max") == pytest.approx(8.0)


@pytest.mark.parametrize("dt_ns", [2 * 10**9, 2**62, 10**30])
def test_tracking_error_of_plans_that_look_only_further_ahead_is_invalid(world, dt_ns):
    log = DriveLog()
    for frame in range(100):
        log.add_ego(world.ego(frame, 0.4 * frame))
        log.add_plan(world.stamp(frame), Trajectory(world.stamp(frame), dt_ns, np.ones((20, 2))))
    world.log, world.frames = log, 100
    assert world.metric("tracking_error_mean").reason == "no valid plan's waypoint within 1 s falls into the drive"


def test_tracking_error_without_plans_is_invalid(world):
    world.log.add_ego(world.ego(0, 1.0))
    world.frames = 1
    assert world.metric("tracking_error_mean").reason == "no plan was recorded"


def test_completeness(world):
    world.log.add_ego(world.ego(0, 0.0))
    world.log.add_ego(world.ego(1, 0.4))
    world.log.add_control(world.stamp(1), Control())
    world.frames = 2
    world.drive([0.8, 1.2, 1.6])
    assert world.value("frames") == 5
    assert world.value("frames_without_plan") == 2
    assert world.value("frames_without_control") == 1
    assert world.value("frames_with_invalid_plan") == 0
    assert world.value("frames_missing") == 0


def test_missing_frames_are_counted_and_noted(world):
    world.drive(np.arange(10) * 0.4)
    world.frames += 3
    world.drive(np.arange(13, 20) * 0.4)
    assert world.value("frames_missing") == 3
    assert world.result().notes == ("3 frames are missing from the record: means and maxima do not cover them",)

"""Plans are judged with what belongs to their own drive, as the bag is read, and nothing piles up."""

from __future__ import annotations

import numpy as np
import pytest

from carla_lite.maps import load_town
from training.eval.plan_scores import NO_SETUP, JudgedPlan, PlanScores
from waypilot.bags.events import MapTold, Staged, Surrounded
from waypilot.geometry import SE2, Pose
from waypilot.route import Route
from waypilot.scenarios import load_suite
from waypilot.surroundings import ActorState, Footprint, SceneInfo, Surroundings
from waypilot.types import ActorKind, EgoState

DT_NS, STEP_NS, COUNT, SPEED_MPS = 250_000_000, 50_000_000, 16, 8.0
SCENARIO = next(scenario for scenario in load_suite("standard") if scenario.name == "straight_clear")
START = SCENARIO.start_pose
SCENE = SceneInfo(Footprint(2.4, 1.0))


def pose_after(time_s, speed_mps=SPEED_MPS):
    x_m, y_m = START.transform_points(np.array([speed_mps * time_s, 0.0])).tolist()
    return Pose.from_xyz_rpy(x_m, y_m, 0.0, yaw_rad=START.yaw_rad)


def staged():
    goal = pose_after(30.0)
    return Staged(SCENARIO, Route(np.array([(START.x_m, START.y_m), (goal.x_m, goal.y_m)])), SCENE)


def around(stamp_ns, obstacle_m=None):
    place = pose_after((obstacle_m or 0.0) / SPEED_MPS).planar
    car = ActorState(5, ActorKind.VEHICLE, "vehicle.tesla.model3", SE2(place.x_m, place.y_m, 0.0), (0.0, 0.0), 2.0, 1.0)
    return Surrounded(Surroundings(stamp_ns, (car,) if obstacle_m is not None else ()))


def drive(scores, seconds, obstacle_m=None, before=(), after=()):
    """Drive straight on for some seconds, planning to do just that; plans are added when their future is known."""
    for event in before:
        scores.on_event(event)
    horizon_ns = COUNT * DT_NS
    plan_m = np.stack([SPEED_MPS * 0.25 * np.arange(1, COUNT + 1), np.zeros(COUNT)], axis=-1)
    most = 0
    for stamp_ns in range(0, int(seconds * 1e9) + 1, STEP_NS):
        scores.on_event(around(stamp_ns, obstacle_m))
        begin_ns = stamp_ns - horizon_ns
        if begin_ns >= 0 and scores.wants(begin_ns):
            pose = pose_after(begin_ns / 1e9)
            ego = EgoState(begin_ns, pose, (SPEED_MPS, 0.0, 0.0), (0.0, 0.0, 0.0))
            scores.add(JudgedPlan(ego, plan_m, pose.planar.transform_points(plan_m)))
        scores.forget_before(begin_ns)
        most = max(most, len(scores._around))
        if stamp_ns == 0:
            for event in after:
                scores.on_event(event)
    scores.finish()
    return most


@pytest.fixture
def scores():
    return PlanScores(500_000_000, DT_NS)


@pytest.fixture(scope="module")
def lite01():
    return MapTold("Carla/Maps/Lite01", load_town("Lite01").xodr)


def terms(scores):
    return scores.result()["terms"]


def test_plans_are_judged_twice_a_second_on_the_map_that_the_bag_tells(scores, lite01):
    drive(scores, 6.0, before=(lite01, staged()))
    assert {name: (sums["mean"], sums["plans"]) for name, sums in terms(scores).items()} == dict.fromkeys(
        terms(scores), (pytest.approx(100.0), 5)
    )


def test_a_set_up_may_come_after_the_first_frames(scores, lite01):
    drive(scores, 6.0, before=(lite01,), after=(staged(),))
    assert terms(scores)["pdms_like"]["plans"] == 5


def test_every_drive_is_judged_by_its_own_set_up_and_without_one_it_is_said(scores, lite01):
    drive(scores, 5.0, before=(lite01, staged()))
    drive(scores, 5.0)
    assert terms(scores)["pdms_like"] == {"mean": pytest.approx(100.0), "plans": 3, "unknown": {NO_SETUP: 3}}


def test_without_a_map_the_road_is_unknown_and_the_rest_is_not(scores):
    drive(scores, 5.0, before=(staged(),))
    found = terms(scores)
    assert found["pdms_drivable_area_compliance"]["mean"] is None
    assert sum(found["pdms_drivable_area_compliance"]["unknown"].values()) == 3
    assert found["pdms_time_to_collision"] == {"mean": 100.0, "plans": 3, "unknown": {}}


def test_a_map_whose_text_is_damaged_is_none(scores, lite01):
    drive(scores, 5.0, before=(MapTold(lite01.name, lite01.xodr[: len(lite01.xodr) // 2]), staged()))
    found = terms(scores)
    assert (found["pdms_drivable_area_compliance"]["plans"], found["pdms_comfort"]["plans"]) == (0, 3)


def test_a_car_in_the_way_costs_the_plans_that_reach_it(scores, lite01):
    """It stands 60 m ahead; a plan of 32 m touches it from 24 m on, so that of 3 s does and those before do not."""
    drive(scores, 7.0, obstacle_m=60.0, before=(lite01, staged()))
    assert terms(scores)["pdms_no_at_fault_collision"] == {
        "mean": pytest.approx(600.0 / 7.0),
        "plans": 7,
        "unknown": {},
    }


def test_memory_holds_the_horizon_however_long_the_drive_is(scores):
    long, longer = (drive(scores, seconds, before=(staged(),)) for seconds in (10.0, 40.0))
    assert long == longer < 100


def test_nothing_to_judge_is_no_result(scores, lite01):
    scores.on_event(lite01)
    scores.finish()
    assert scores.result() is None

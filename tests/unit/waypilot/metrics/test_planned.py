"""Plans judged in tiny worlds: a straight road along +x, whose lane is 3.5 m wide, and others that do what they did."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from waypilot.geometry import SE2, Pose
from waypilot.metrics.planned import RecordedPlace, judge_plan, planned_egos, progress_share
from waypilot.surroundings import ActorState, Footprint, RoadSample, RoadType, SceneInfo, Surroundings
from waypilot.types import ActorKind, EgoState

DT_NS, COUNT, START_NS = 250_000_000, 16, 7_000_000_000
EGO = Footprint(half_length_m=2.0, half_width_m=1.0)
TIMES_S = 0.25 * np.arange(1, COUNT + 1)


def state(speed_mps=8.0, x_m=20.0, y_m=0.0, yaw_rad=0.0):
    pose = Pose.from_xyz_rpy(x_m, y_m, 0.0, yaw_rad=yaw_rad)
    return EgoState(START_NS, pose, (speed_mps, 0.0, 0.0), (0.0, 0.0, 0.0))


def straight_on(speed_mps=8.0, left_m=0.0):
    return np.stack([speed_mps * TIMES_S, np.full(COUNT, left_m)], axis=-1)


DRIVEN_M = straight_on() + np.array([20.0, 0.0])


def road(pose):
    """The road at a pose: 3.5 m to either side of the x axis is drivable."""
    corners = tuple(RoadType.DRIVING if abs(y_m) <= 3.5 else RoadType.OFF_ROAD for _, y_m in EGO.corners(pose))
    return RoadSample(RoadType.DRIVING, 1, -1, False, 7.0, pose.y_m, 0.0, corners)


def standing(x_m, y_m=0.0, speed_mps=0.0, kind=ActorKind.VEHICLE):
    """A car that stands, or drives along the road, in the recording of 20 frames per second."""
    around = {}
    for frame in range(101):
        pose = SE2(x_m + 0.05 * frame * speed_mps, y_m, 0.0)
        stamp_ns = START_NS + 50_000_000 * frame
        actor = ActorState(5, kind, "vehicle.tesla.model3", pose, (speed_mps, 0.0), 2.0, 1.0)
        around[stamp_ns] = Surroundings(stamp_ns, (actor,))
    return around


@pytest.fixture
def place(world):
    return RecordedPlace(world.scenario, world.route, SceneInfo(EGO), road)


def judge(place, plan_m, around, ego=None, driven_m=None):
    ego = ego or state()
    driven_m = DRIVEN_M if driven_m is None else driven_m
    return {metric.name: metric for metric in judge_plan(place, ego, plan_m, driven_m, DT_NS, around)}


def values(metrics):
    return {name.removeprefix("pdms_"): metric.value for name, metric in metrics.items()}


def test_driving_on_as_it_was_driven_loses_nothing(place):
    metrics = judge(place, straight_on(), standing(90.0))
    assert values(metrics) == {
        "no_at_fault_collision": 100.0,
        "drivable_area_compliance": 100.0,
        "ego_progress": pytest.approx(100.0),
        "time_to_collision": 100.0,
        "comfort": 100.0,
        "like": pytest.approx(100.0),
    }


def test_a_plan_through_a_standing_car_is_a_collision_and_one_that_stops_before_it_is_none(place):
    ahead = standing(40.0)
    assert values(judge(place, straight_on(), ahead))["no_at_fault_collision"] == 0.0
    assert values(judge(place, straight_on(), ahead))["like"] == 0.0
    stop_m = np.minimum(8.0 * TIMES_S - 1.1 * TIMES_S**2, 14.5)
    stop_m = np.maximum.accumulate(stop_m)
    found = values(judge(place, np.stack([stop_m, np.zeros(COUNT)], axis=-1), ahead))
    assert found["no_at_fault_collision"] == 100.0
    assert found["ego_progress"] == pytest.approx(100.0 * stop_m[-1] / 32.0)


def test_being_run_into_from_behind_is_not_the_plans_fault(place):
    """8 m/s against 16 m/s of who comes 20 m behind."""
    assert values(judge(place, straight_on(), standing(0.0, speed_mps=16.0)))["no_at_fault_collision"] == 100.0


def test_who_is_touched_at_the_beginning_does_not_count(place):
    assert values(judge(place, straight_on(), standing(23.5)))["no_at_fault_collision"] == 100.0


def test_driving_towards_somebody_without_touching_is_a_short_time_to_collision(place):
    """After 4 s at 8 m/s 1 m is left to the car's rear."""
    found = values(judge(place, straight_on(), standing(57.0)))
    assert (found["no_at_fault_collision"], found["time_to_collision"]) == (100.0, 0.0)


def test_a_plan_off_the_road_loses_all(place):
    sideways = straight_on() + np.stack([np.zeros(COUNT), np.linspace(0.0, 5.0, COUNT)], axis=-1)
    found = values(judge(place, sideways, standing(90.0)))
    assert (found["drivable_area_compliance"], found["like"]) == (0.0, 0.0)


def test_a_plan_that_jerks_is_not_comfortable(place):
    jerking = straight_on() + np.stack([np.zeros(COUNT), 0.4 * (-1.0) ** np.arange(COUNT)], axis=-1)
    assert values(judge(place, jerking, standing(90.0)))["comfort"] == 0.0


def test_what_is_not_known_is_said(place):
    blind = judge(dataclasses.replace(place, road=None), straight_on(), standing(90.0))
    assert not blind["pdms_drivable_area_compliance"].valid
    assert "no map" in blind["pdms_drivable_area_compliance"].reason
    assert not blind["pdms_like"].valid
    assert blind["pdms_time_to_collision"].value == 100.0
    gone = {stamp_ns: seen for stamp_ns, seen in standing(90.0).items() if stamp_ns < START_NS + 2_000_000_000}
    lost = judge(place, straight_on(), gone)
    # The frame of 1.95 s stands for the waypoint of 2 s.
    assert "surroundings of 8 of 17 frames are missing" in lost["pdms_no_at_fault_collision"].reason
    assert not judge(dataclasses.replace(place, scene=None), straight_on(), {})["pdms_time_to_collision"].valid


def test_frames_next_to_a_waypoints_time_stand_for_it(place):
    """Recorded at 12.5 Hz and out of step with the plan."""
    ahead = standing(40.0)
    shifted = {stamp_ns + 30_000_000: seen for stamp_ns, seen in list(ahead.items())[::2]}
    assert values(judge(place, straight_on(), shifted))["no_at_fault_collision"] == 0.0


def test_states_along_a_plan_turn_with_it_and_keep_their_heading_when_it_stands():
    ego = state(x_m=3.0, y_m=4.0, yaw_rad=np.pi / 2)
    egos = planned_egos(ego, straight_on(8.0), DT_NS)
    assert egos[0] is ego
    assert [round(each.pose_map_from_base_link.y_m, 9) for each in egos[:3]] == [4.0, 6.0, 8.0]
    assert all(each.pose_map_from_base_link.planar.yaw_rad == pytest.approx(np.pi / 2) for each in egos)
    assert all(each.speed_mps == pytest.approx(8.0) for each in egos)
    still = planned_egos(ego, np.zeros((COUNT, 2)), DT_NS)
    assert all(each.pose_map_from_base_link.planar.yaw_rad == pytest.approx(np.pi / 2) for each in still)
    assert still[1].speed_mps == 0.0


@pytest.mark.parametrize(("speed_mps", "share"), [(0.0, 0.0), (4.0, 0.5), (8.0, 1.0), (12.0, 1.0), (-4.0, 0.0)])
def test_progress_is_measured_along_what_was_driven(speed_mps, share):
    egos = planned_egos(state(), straight_on(speed_mps, left_m=1.0), DT_NS)
    assert progress_share(egos, DRIVEN_M) == pytest.approx(share)


def test_where_nothing_was_driven_progress_tells_nothing():
    assert progress_share(planned_egos(state(), np.zeros((COUNT, 2)), DT_NS), np.full((COUNT, 2), (20.0, 0.0))) == 1.0

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypilot.expert import ExpertConfig, ExpertPolicy, speed_profile
from waypilot.geometry import Pose
from waypilot.route import Route
from waypilot.types import EgoState, Observation, RouteCommand

CONFIG = ExpertConfig()
INTERVAL_S = CONFIG.waypoint_interval_s


def observe(x: float, y: float, yaw: float, speed: float, left_mps: float = 0.0) -> Observation:
    pose = Pose.from_xyz_rpy(x, y, 0.0, yaw_rad=yaw)
    ego = EgoState(123, pose, (speed, left_mps, 0.0), (0.0, 0.0, 0.0))
    return Observation(123, ego, RouteCommand.LANE_FOLLOW, (0.0, 0.0))


def beside(route: Route, s: float, lateral: float, heading: float, speed: float) -> Observation:
    pose = route.pose_at(s)
    x, y = pose.x_m - lateral * math.sin(pose.yaw_rad), pose.y_m + lateral * math.cos(pose.yaw_rad)
    return observe(x, y, pose.yaw_rad + heading, speed)


def planned_in_map(route: Route, observation: Observation, config: ExpertConfig | None = None) -> np.ndarray:
    """Vehicle position and waypoints, (21, 2), map frame."""
    expert = ExpertPolicy(config)
    expert.reset(route, seed=0)
    waypoints = expert.plan(observation).final.waypoints_m
    pose = observation.ego.pose_map_from_base_link.planar
    return pose.transform_points(np.vstack([np.zeros((1, 2)), waypoints]))


def speeds(points: np.ndarray) -> np.ndarray:
    return np.hypot(*np.diff(points, axis=0).T) / INTERVAL_S


def test_plan_has_the_shape_stamp_and_spacing_of_the_contract(town_route: Route) -> None:
    expert = ExpertPolicy()
    expert.reset(town_route, seed=3)
    plan = expert.plan(observe(0.0, 0.0, 0.0, 8.0))
    assert plan.final.waypoints_m.shape == (20, 2)
    assert (plan.final.stamp_ns, plan.final.dt_ns) == (123, 250_000_000)
    assert plan.final.invalid_reason() is None
    assert plan.sft is None
    assert plan.delta_m is None


def test_on_a_straight_at_cruise_speed_the_plan_is_known(make_route) -> None:
    expert = ExpertPolicy()
    expert.reset(make_route((200, 0)), seed=0)
    waypoints = expert.plan(observe(10.0, 0.0, 0.0, 8.0)).final.waypoints_m
    np.testing.assert_allclose(waypoints, [[2.0 * i, 0.0] for i in range(1, 21)], atol=1e-9)


def test_from_standstill_it_accelerates_to_cruise_speed_and_no_further(make_route) -> None:
    points = planned_in_map(make_route((200, 0)), observe(0.0, 0.0, 0.0, 0.0))
    # v = 2 t up to 8 m/s at 4 s: 16 m, then 1 s at 8 m/s
    assert points[16, 0] == pytest.approx(16.0, abs=0.05)
    assert points[20, 0] == pytest.approx(24.0, abs=0.05)


def test_beyond_the_end_it_goes_straight_on_at_its_speed(make_route) -> None:
    route = make_route((50, 0), (4 * math.pi, 1 / 8))  # ends in a turn, heading +y from (58, 8)
    for beyond in (0.5, 30.0):
        points = planned_in_map(route, beside(route, route.length_m + beyond, 0.0, 0.0, 8.0))
        assert max(abs(route.project(x, y).lateral_m) for x, y in points) < 0.15
        np.testing.assert_allclose(speeds(points)[-12:], 8.0, atol=1e-6)


def test_it_slows_for_a_turn_and_stays_on_the_route(make_route) -> None:
    route = make_route((60, 0), (4 * math.pi, 1 / 8), (60, 0))
    points = planned_in_map(route, observe(45.0, 0.0, 0.0, 6.7))
    v = speeds(points)
    assert v.min() == pytest.approx(math.sqrt(CONFIG.lateral_acceleration_mps2 * 8.0), abs=0.25)
    assert max(abs(route.project(x, y).lateral_m) for x, y in points) < 0.1


def test_the_speed_profile_brakes_evenly_down_to_the_speed_of_the_bend() -> None:
    kappa = np.where(np.arange(200) < 150, 0.0, -1 / 8)
    profile = speed_profile(kappa, 0.5, CONFIG)
    assert profile[150:] == pytest.approx(4.0)
    assert profile[140] == pytest.approx(math.sqrt(4.0**2 + 2.0 * CONFIG.comfort_deceleration_mps2 * 5.0))
    assert profile[:100] == pytest.approx(CONFIG.target_speed_mps)


def test_a_turning_vehicle_that_points_off_its_course_is_not_sent_outward(make_route) -> None:
    """In a bend the base_link origin moves at an angle to the heading; on a steady circle the plan stays on it."""
    radius, rear = 8.0, 1.5
    route = make_route((math.pi * radius, 1 / radius))
    pose = route.pose_at(6.0)
    slip = math.asin(rear / radius)
    observation = observe(pose.x_m, pose.y_m, pose.yaw_rad - slip, 4.0 * math.cos(slip), 4.0 * math.sin(slip))
    points = planned_in_map(route, observation)[:8]
    assert max(abs(route.project(x, y).lateral_m) for x, y in points) < 0.03


@given(
    s=st.floats(0.0, 240.0),
    lateral=st.floats(-1.5, 1.5),
    heading=st.floats(-0.4, 0.4),
    speed=st.floats(0.0, 9.0),
)
def test_plans_are_feasible_from_anywhere_near_the_route(
    town_route: Route, s: float, lateral: float, heading: float, speed: float
) -> None:
    observation = beside(town_route, s, lateral, heading, speed)
    points = planned_in_map(town_route, observation)
    v = np.concatenate([[speed], speeds(points)])
    assert v.max() <= max(CONFIG.target_speed_mps, speed) + 1e-6
    along = np.diff(v[1:]) / INTERVAL_S
    assert along.max() < CONFIG.acceleration_mps2 + 0.05
    assert along.min() > -CONFIG.max_deceleration_mps2 - 0.3  # chords of a bend are shorter than its arc
    directions = np.diff(points, axis=0)[speeds(points) > 0.5]
    course = np.unwrap(np.arctan2(directions[:, 1], directions[:, 0]))
    steps = np.hypot(*directions.T)
    curvatures = np.abs(np.diff(course)) / ((steps[1:] + steps[:-1]) / 2.0)
    # a plan's chords can exceed its curvature a little, as the arcs between them are longer
    assert curvatures.max(initial=0.0) < 1.05 / CONFIG.min_turn_radius_m
    # and it starts the way the vehicle points
    if steps.size and speed > 0.5:
        pose_yaw = observation.ego.pose_map_from_base_link.planar.yaw_rad
        turned = abs(math.remainder(course[0] - pose_yaw, 2.0 * math.pi))
        assert turned < steps[0] / CONFIG.min_turn_radius_m


@given(
    s=st.floats(65.0, 100.0),
    lateral=st.floats(-1.5, 1.5),
    heading=st.floats(-0.3, 0.3),
    speed=st.floats(4.0, 8.0),
)
def test_plans_recover_to_the_centre_line(
    town_route: Route, s: float, lateral: float, heading: float, speed: float
) -> None:
    points = planned_in_map(town_route, beside(town_route, s, lateral, heading, speed))
    end = town_route.project(*points[-1], low_s_m=s, high_s_m=s + 45.0)
    assert abs(end.lateral_m) < 0.15


def test_even_facing_backwards_it_turns_round_within_its_turning_circle(make_route) -> None:
    points = planned_in_map(make_route((200, 0)), observe(100.0, 0.0, 3.0, 4.0))
    directions = np.diff(points, axis=0)
    assert directions[-1, 0] > 0.0
    assert np.abs(points[:, 1]).max() < 3.0 * CONFIG.min_turn_radius_m


def test_the_target_speed_is_configurable(make_route) -> None:
    points = planned_in_map(make_route((200, 0)), observe(0.0, 0.0, 0.0, 5.0), ExpertConfig(target_speed_mps=5.0))
    np.testing.assert_allclose(speeds(points), 5.0)


def test_same_observations_same_plans_bit_for_bit(town_route: Route) -> None:
    plans = []
    for seed in (0, 1):
        expert = ExpertPolicy()
        expert.reset(town_route, seed)
        observations = [beside(town_route, s, 0.4, 0.1, 6.0) for s in (10.0, 14.0, 19.0)]
        plans.append([expert.plan(o).final.waypoints_m.tobytes() for o in observations])
    assert plans[0] == plans[1]


def test_it_needs_a_route_first() -> None:
    with pytest.raises(RuntimeError, match="call reset"):
        ExpertPolicy().plan(observe(0.0, 0.0, 0.0, 1.0))

import math
import warnings
from dataclasses import replace

import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env

from training.rl import toy_dynamics as toy
from training.rl.agent import AgentConfig
from training.rl.base_plan import SFTWaypointWrapper
from training.rl.delta_world import DeltaPlanEnv
from training.rl.toy_config import ToyEnvConfig
from training.rl.toy_waypoint_batch import ToyWaypointBatch
from training.rl.toy_waypoint_env import ToyWaypointEnv

CONFIG = ToyEnvConfig()


def line_plan(speed_mps: float, curvature_per_m: float = 0.0, config: ToyEnvConfig = CONFIG) -> np.ndarray:
    """A plan along a straight line or a circle through the origin, (N, 2) float32."""
    arc = speed_mps * config.plan_dt_s * np.arange(1, config.num_waypoints + 1)
    if curvature_per_m == 0.0:
        return np.stack([arc, np.zeros_like(arc)], axis=1).astype(np.float32)
    angle = curvature_per_m * arc
    return (np.stack([np.sin(angle), 1.0 - np.cos(angle)], axis=1) / curvature_per_m).astype(np.float32)


def one_car(speed_mps: float = 5.0, config: ToyEnvConfig = CONFIG) -> ToyWaypointBatch:
    """One car at the origin of a straight route along +x with waypoints every 10 m."""
    cars = ToyWaypointBatch(config, 1)
    cars.poses[0] = (0.0, 0.0, 0.0, speed_mps)
    cars.routes[0, :, 0] = 10.0 * np.arange(config.waypoints + 1)
    cars.routes[0, :, 1] = 0.0
    return cars


def drive_reference(cars: ToyWaypointBatch) -> tuple[np.ndarray, int]:
    total, steps = np.zeros(cars.size), 0
    while True:
        step = cars.step(cars.reference().astype(np.float32))
        total += step.reward
        steps += 1
        if step.done.all():
            return total, steps


@pytest.mark.parametrize("delta", [False, True])
def test_gymnasium_finds_nothing_to_complain_about(delta: bool) -> None:
    base = SFTWaypointWrapper(None, CONFIG)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # The coefficients are unbounded by nature; their box is only there because gymnasium wants one.
        warnings.filterwarnings("ignore", message=".*symmetric and normalized")
        check_env(DeltaPlanEnv(base, CONFIG, AgentConfig()) if delta else ToyWaypointEnv(), skip_render_check=True)


def test_one_car_and_many_drive_bit_for_bit_alike() -> None:
    seeds = np.arange(100, 116, dtype=np.uint64)
    cars = ToyWaypointBatch(CONFIG, len(seeds))
    cars.start(np.arange(len(seeds)), seeds)
    random = np.random.default_rng(0)
    history = []
    for _ in range(40):
        plan = (cars.reference() + random.normal(0.0, 1.0, (len(seeds), 20, 2))).astype(np.float32)
        seen = cars.observe()
        step = cars.step(plan)
        history.append((plan, seen, step.reward.copy(), step.ended.copy(), cars.observe()))
    for row, seed in enumerate(seeds):
        env = ToyWaypointEnv()
        observation, _ = env.reset(options={"episode_seed": seed})
        for plan, seen, reward, ended, after in history:
            assert np.array_equal(observation, seen[row])
            observation, single_reward, terminated, _, _ = env.step(plan[row])
            assert single_reward == reward[row]
            assert terminated == (ended[row] != toy.RUNNING)
            assert np.array_equal(observation, after[row])
            if terminated:
                break


def test_a_seed_names_an_episode_in_any_row_and_other_seeds_differ() -> None:
    cars = ToyWaypointBatch(CONFIG, 3)
    cars.start(np.arange(3), np.array([7, 8, 7], dtype=np.uint64))
    assert np.array_equal(cars.routes[0], cars.routes[2])
    assert np.array_equal(cars.poses[0], cars.poses[2])
    assert not np.array_equal(cars.routes[0], cars.routes[1])


def test_routes_keep_to_their_bounds() -> None:
    cars = ToyWaypointBatch(CONFIG, 500)
    cars.start(np.arange(500), np.arange(500, dtype=np.uint64))
    legs = np.diff(cars.routes, axis=1)
    lengths = np.linalg.norm(legs, axis=2)
    assert lengths.min() >= CONFIG.spacing_min_m
    assert lengths.max() <= CONFIG.spacing_max_m
    assert 9.9 < lengths.mean() < 10.1
    headings = np.arctan2(legs[..., 1], legs[..., 0])
    turns = np.angle(np.exp(1j * np.diff(headings, axis=1)))
    assert np.abs(turns).max() <= CONFIG.max_turn_rad
    assert np.abs(turns).max() > 0.95 * CONFIG.max_turn_rad
    assert abs(turns.mean()) < 0.02
    assert CONFIG.start_speed_min_mps <= cars.poses[:, toy.SPEED].min()
    assert cars.poses[:, toy.SPEED].max() <= CONFIG.start_speed_max_mps


def test_straight_plan_at_present_speed_moves_by_speed_times_time() -> None:
    cars = one_car(speed_mps=5.0)
    cars.step(line_plan(5.0)[None])
    assert cars.poses[0] == pytest.approx([1.25, 0.0, 0.0, 5.0], abs=1e-5)


def test_reward_of_one_step_is_progress_minus_time() -> None:
    reward = one_car(speed_mps=5.0).step(line_plan(5.0)[None]).reward[0]
    assert reward == pytest.approx(0.1 * 1.25 - 0.4 * 0.25, abs=1e-6)


def test_a_hit_waypoint_and_the_goal_earn_their_bonus_once() -> None:
    cars = one_car(speed_mps=8.0)
    total, _ = drive_reference(cars)
    assert cars.ended[0] == toy.GOAL_REACHED
    assert cars.counters[0, toy.HITS] == 8
    # 8 m/s, 80 m less the hit radius: the drive ends in the sub-step that enters the circle.
    time_s = 0.05 * math.ceil(79.0 / 0.4)
    progress_m = 0.4 * math.ceil(79.0 / 0.4)
    assert total[0] == pytest.approx(0.1 * progress_m - 0.4 * time_s + 7 * 0.5 + 5.0, abs=1e-4)


def test_car_drives_the_circle_that_is_planned() -> None:
    config = replace(CONFIG, off_route_m=100.0)
    cars = one_car(speed_mps=4.0, config=config)
    cars.routes[0, :, 0] *= 10.0
    places = []
    for _ in range(40):
        cars.step(line_plan(4.0, curvature_per_m=0.1, config=config)[None])
        places.append(cars.poses[0, :2].copy())
    radius_m = np.linalg.norm(np.array(places) - (0.0, 10.0), axis=1)
    # The plan is a polygon, and the car aims at its corners from inside the circle.
    assert radius_m == pytest.approx(np.full(40, 10.0), abs=0.3)


def test_steering_is_limited() -> None:
    cars = one_car(speed_mps=2.0)
    plan = np.repeat(np.array([[0.0, 3.0]], dtype=np.float32), 20, axis=0)
    before = cars.poses[0].copy()
    cars.step(plan[None])
    turned = cars.poses[0, toy.YAW] - before[toy.YAW]
    driven_m = np.linalg.norm(cars.poses[0, :2] - before[:2])
    assert turned / driven_m <= math.tan(CONFIG.max_steer_rad) / CONFIG.wheelbase_m * 1.01


def test_acceleration_and_speed_are_limited() -> None:
    cars = one_car(speed_mps=5.0)
    cars.step(line_plan(50.0)[None])
    assert cars.poses[0, toy.SPEED] == pytest.approx(5.0 + 3.0 * 0.25)
    cars.poses[0, toy.SPEED] = 5.0
    cars.step(line_plan(0.0)[None])
    assert cars.poses[0, toy.SPEED] == pytest.approx(5.0 - 6.0 * 0.25)
    for _ in range(10):
        cars.step(line_plan(50.0)[None])
    assert cars.poses[0, toy.SPEED] == CONFIG.speed_limit_mps


def test_passing_beside_a_waypoint_is_no_hit_and_missing_the_goal_ends_without_bonus() -> None:
    cars = one_car(speed_mps=8.0)
    cars.poses[0, toy.Y] = 2.0
    while cars.ended[0] == toy.RUNNING:
        reward = cars.step(line_plan(8.0)[None]).reward[0]
    assert cars.ended[0] == toy.GOAL_MISSED
    assert cars.counters[0, toy.HITS] == 0
    assert reward < 0.1


def test_leaving_the_route_ends_the_drive_and_a_stopped_car_earns_nothing() -> None:
    cars = one_car(speed_mps=8.0)
    cars.poses[0, toy.Y] = 4.0
    cars.poses[0, toy.YAW] = 0.6
    while cars.ended[0] == toy.RUNNING:
        cars.step(line_plan(8.0)[None])
    assert cars.ended[0] == toy.OFF_ROUTE
    place = cars.poses.copy()
    assert cars.step(line_plan(8.0)[None]).reward[0] == 0.0
    assert np.array_equal(cars.poses, place)


def test_standing_still_is_cut_off_not_terminated() -> None:
    env = ToyWaypointEnv(replace(CONFIG, max_steps=30))
    env.reset(seed=0)
    for _ in range(30):
        _, _, terminated, truncated, _ = env.step(line_plan(0.0))
    assert truncated
    assert not terminated


def test_observation_is_in_base_link_and_continues_the_route_straight() -> None:
    cars = one_car(speed_mps=5.0)
    cars.poses[0, :3] = (75.0, 1.0, math.pi / 2)
    cars.counters[0, toy.NEXT] = 8
    seen = dict(zip(toy.OBSERVATION_NAMES, cars.observe()[0], strict=True))
    assert seen["speed_mps"] == 5.0
    assert (seen["previous_x_m"], seen["previous_y_m"]) == pytest.approx((-1.0, 5.0), abs=1e-5)
    assert (seen["next_x_m"], seen["next_y_m"]) == pytest.approx((-1.0, -5.0), abs=1e-5)
    assert (seen["third_x_m"], seen["third_y_m"]) == pytest.approx((-1.0, -25.0), abs=1e-5)
    assert seen["waypoints_left"] == 1.0


def test_reference_runs_along_the_route_at_the_speed_limit() -> None:
    cars = one_car()
    cars.poses[0, :2] = (3.0, 1.0)
    expected = np.stack([2.0 * np.arange(1, 21), np.full(20, -1.0)], axis=1)
    assert cars.reference()[0] == pytest.approx(expected, abs=1e-9)


def test_following_the_reference_reaches_every_goal() -> None:
    cars = ToyWaypointBatch(CONFIG, 200)
    total, _ = drive_reference(cars)
    assert (cars.ended == toy.GOAL_REACHED).all()
    assert total.mean() > 12.0


def test_wrong_plans_are_refused() -> None:
    env = ToyWaypointEnv()
    env.reset(seed=0)
    with pytest.raises(ValueError, match="finite"):
        env.step(np.full((20, 2), np.nan, dtype=np.float32))
    with pytest.raises(ValueError, match="float32"):
        ToyWaypointBatch(CONFIG, 2).step(np.zeros((2, 20, 2)))
    with pytest.raises(ValueError, match="unknown options"):
        env.reset(options={"seed": 1})


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"waypoints": 0}, "waypoints"),
        ({"wheelbase_m": 0.0}, "wheelbase_m"),
        ({"max_turn_rad": 2.0}, "max_turn_rad"),
        ({"spacing_max_m": 1.0}, "spacing_max_m"),
        ({"start_speed_max_mps": 20.0}, "start speeds"),
        ({"num_waypoints": 3}, "plan further"),
    ],
)
def test_impossible_configurations_are_refused(changes: dict[str, float], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        replace(CONFIG, **changes)

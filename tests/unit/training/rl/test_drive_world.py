"""The drive environment with a tiny network: drives, copies, states, reward, and learning with a resumed run."""

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from carla_lite.scene import Lamp
from training.data.drive_plan import DrivePlanConfig
from training.models.checkpoint import KIND_DELTA, load_checkpoint
from training.models.heads import DeltaWaypointHead
from training.models.path_delta import PathDeltaConfig
from training.rl.agent import AgentConfig
from training.rl.drive_env.config import SELECTION_TOWNS, DriveEnvConfig, RestartConfig, RewardConfig
from training.rl.drive_env.idling import road_is_free
from training.rl.drive_env.infractions import BLOCKED, GOAL, IDLE, PEDESTRIAN, RED_LIGHT, VEHICLE, RedLights
from training.rl.drive_env.places import drawn_order
from training.rl.drive_env.restarts import Restarts
from training.rl.drive_env.reward import StepFacts, factor, step_reward
from training.rl.drive_env.stop_signs import StopSigns
from training.rl.drive_env.world import PRIVILEGED, DriveWorld, new_drive, privileged
from training.rl.grpo import GRPOConfig
from training.rl.ppo import PPOConfig
from training.rl.refinement import RLRefinementTrainer
from training.rl.refinement_config import RefinementConfig
from training.rl.rollout import episode_seeds
from training.rl.vector_env import DeltaVectorEnv
from training.rl.waypoint_policy_torch import WaypointPolicyConfig, WaypointPolicyTorch
from waypilot.geometry import SE2, Pose
from waypilot.metrics.stop_signs import signs_ignored
from waypilot.surroundings import Footprint, SceneInfo, SignalKind, StopLine

CONFIG = DriveEnvConfig(towns=("Lite02",), max_drive_s=4.0, drives=DrivePlanConfig(encounters=1.0))
SEEDS = np.array([5, 6], dtype=np.uint64)
FACTS = StepFacts(0.5, 0.2, 1.0, False, np.inf)


@pytest.fixture
def policy(sft_path: Path) -> WaypointPolicyTorch:
    return WaypointPolicyTorch(WaypointPolicyConfig(str(sft_path)))


def started(policy: WaypointPolicyTorch, size: int = 2) -> DriveWorld:
    world = DriveWorld(policy, CONFIG, size)
    world.start(np.arange(size), SEEDS[np.arange(size) % 2])
    return world


def ahead(world: DriveWorld, speed_mps: float) -> torch.Tensor:
    plan = torch.zeros(world.size, world.num_waypoints, 2)
    plan[:, :, 0] = 0.25 * speed_mps * torch.arange(1, world.num_waypoints + 1)
    return plan


def states(world: DriveWorld) -> list[object]:
    return [drive.ego for drive in world.drives]


def test_same_seed_same_drive_in_any_row_and_looking_changes_nothing(policy: WaypointPolicyTorch) -> None:
    one, two = started(policy), DriveWorld(policy, CONFIG, 2)
    two.start(np.array([1, 0]), SEEDS)
    for _ in range(3):
        one.look()
        a, b = one.look(), two.look()
        assert torch.allclose(a.plan_m, b.plan_m.flip(0), atol=1e-5)
        assert torch.allclose(a.inputs, b.inputs.flip(0), atol=1e-5)
        rewards = one.follow(ahead(one, 5.0)).reward
        assert np.array_equal(rewards, two.follow(ahead(two, 5.0)).reward[::-1])
    assert states(one) == states(two)[::-1]
    assert one.drives[0].passed_m > 0.0


def test_a_restored_world_goes_on_as_the_one_that_never_stopped(policy: WaypointPolicyTorch) -> None:
    world = started(policy)
    for _ in range(5):
        world.follow(ahead(world, 6.0))
    other = DriveWorld(policy, CONFIG, 2)
    other.restore(world.state())
    assert states(other) == states(world)
    assert np.array_equal(world.follow(ahead(world, 3.0)).reward, other.follow(ahead(other, 3.0)).reward)
    assert torch.equal(world.look().inputs, other.look().inputs)
    assert states(other) == states(world)


def test_copies_start_alike_and_are_independent(policy: WaypointPolicyTorch) -> None:
    world = started(policy)
    for _ in range(4):
        world.follow(ahead(world, 6.0))
    world.copy(0, np.array([0, 1]))
    assert states(world)[0] == states(world)[1]
    plan = ahead(world, 6.0)
    plan[1] = 0.0
    before = world.drives[0].fork()
    for _ in range(4):
        world.follow(plan)
    assert world.drives[0].ego.speed_mps > world.drives[1].ego.speed_mps + 1.0
    assert before.ego != world.drives[0].ego
    assert before.steps == 4


def test_an_episode_begins_again_before_an_earlier_one_left_the_road(policy: WaypointPolicyTorch) -> None:
    restarts = RestartConfig(share=1.0, before_s=(1.0, 1.0), length_s=0.6)
    world = DriveWorld(policy, replace(CONFIG, max_drive_s=20.0, restarts=restarts), 1)
    world.start(np.array([0]), SEEDS[:1])
    plan, way = ahead(world, 6.0), []
    plan[:, :, 1] = plan[:, :, 0] * -0.8
    while not world.follow(plan).terminated[0]:
        way.append(states(world)[0])
    world.start(np.array([0]), SEEDS[1:])
    again = states(world)
    assert again == [way[len(way) - 5]]  # five steps of 0.2 s before the last
    other = DriveWorld(policy, world.config, 1)
    other.restore(world.state())
    assert states(other) == again
    for each in (world, other):  # cut off after three steps, and the next one begins at the same place again
        assert [each.follow(ahead(each, 3.0)).truncated[0] for _ in range(3)] == [False, False, True]
        each.start(np.array([0]), SEEDS[1:])
        assert states(each) == again


def test_only_some_episodes_begin_on_the_way_and_only_before_what_could_be_avoided() -> None:
    restarts = Restarts(RestartConfig(share=0.25, kept=2), 0.2, lambda _seed, _plans: pytest.fail("not asked for"))
    plans = [torch.zeros(20, 2)] * 100
    assert restarts.draw(1) is None
    restarts.note(BLOCKED, 7, plans)
    restarts.note(GOAL, 7, plans)
    assert restarts.state() == []
    for seed in (7, 8, 9):
        restarts.note(VEHICLE, seed, plans)
    drawn = [restarts.draw(seed) for seed in range(400)]
    found = [moment for moment in drawn if moment is not None]
    assert {moment.seed for moment in found} == {8, 9}
    assert 60 <= len(found) <= 140
    assert all(60 <= len(moment.plans) <= 85 for moment in found)


def test_distinct_drives_come_again_with_the_same_route() -> None:
    config = replace(CONFIG, distinct_drives=3)
    one, two = new_drive(2, config, config.towns), new_drive(5, config, config.towns)
    assert one.order is two.order
    assert one.ego == two.ego
    assert new_drive(2, CONFIG, CONFIG.towns).order is one.order
    assert new_drive(5, CONFIG, CONFIG.towns).order is not one.order
    assert drawn_order("Lite02", 2, 0, CONFIG.drives) is one.order


def test_the_critic_is_told_who_is_near(policy: WaypointPolicyTorch) -> None:
    world = started(policy)
    told = [privileged(drive) for drive in world.drives]
    assert all(len(numbers) == PRIVILEGED for numbers in told)
    drive = world.drives[0]
    pose = drive.ego.pose_map_from_base_link.planar
    places = [(actor.pose.x_m - pose.x_m, actor.pose.y_m - pose.y_m) for actor in drive.users.actors]
    nearest_m = min(np.hypot(*place) for place in places)
    x, y = told[0][12:14]
    assert np.hypot(x, y) * 40.0 == pytest.approx(nearest_m) if nearest_m <= 40.0 else (x, y) == (1.0, 0.0)


@pytest.mark.parametrize(
    "wrong",
    [{"share": 1.5}, {"before_s": (4.0, 2.0)}, {"kept": 0}, {"length_s": 0.0}],
    ids=lambda wrong: next(iter(wrong)),
)
def test_restarts_that_make_no_sense_are_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        RestartConfig(**wrong)  # type: ignore[arg-type]


def test_a_drive_is_cut_off_by_time_and_then_stands_still(policy: WaypointPolicyTorch) -> None:
    world = started(policy)
    for number in range(CONFIG.max_steps):
        step = world.follow(ahead(world, 0.0))
        assert step.truncated.all() == (number == CONFIG.max_steps - 1)
    assert not step.terminated.any()
    frozen = states(world)
    again = world.follow(ahead(world, 5.0))
    assert again.done.all()
    assert not again.reward.any()
    assert states(world) == frozen
    assert world.endings == {"time": 2}


def test_driving_off_the_road_ends_the_episode_and_costs(policy: WaypointPolicyTorch) -> None:
    world = started(policy)
    plan = ahead(world, 6.0)
    plan[:, :, 1] = plan[:, :, 0] * -0.8
    for _ in range(CONFIG.max_steps):
        step = world.follow(plan)
        if step.terminated[0]:
            break
    assert step.terminated[0]
    assert step.reward[0] < -2.0


def test_reward_is_progress_times_factors_minus_the_infraction() -> None:
    config = RewardConfig()
    assert step_reward(replace(FACTS, progress=0.0, idle=True), config) == pytest.approx(-0.5)
    assert step_reward(replace(FACTS, signs_ignored=2), replace(config, stop_sign=0.25)) == pytest.approx(0.5 - 5.0)
    assert step_reward(FACTS, config) == pytest.approx(0.5)
    assert factor(replace(FACTS, lateral_m=-1.125), config) == pytest.approx(0.5)
    assert factor(replace(FACTS, lateral_m=2.0), config) == 0.0
    assert factor(replace(FACTS, speed_share=1.3), config) == pytest.approx(0.5)
    assert factor(replace(FACTS, uncomfortable=True, time_to_collision_s=0.5), config) == pytest.approx(0.4)
    assert step_reward(replace(FACTS, ended=PEDESTRIAN), config) == pytest.approx(0.5 - 10.0)
    assert step_reward(replace(FACTS, ended=RED_LIGHT), config) == pytest.approx(0.5 - 4.0)
    assert step_reward(replace(FACTS, ended=IDLE), config) == pytest.approx(0.5 - 4.0)
    assert step_reward(replace(FACTS, ended=GOAL), config) == pytest.approx(0.5)


@pytest.mark.parametrize("towns", [("Lite02", "Lite04"), ("Lite02", SELECTION_TOWNS[0]), ()])
def test_towns_of_evaluation_and_selection_are_refused(towns: tuple[str, ...]) -> None:
    with pytest.raises(ValueError, match=r"trained there|at least one"):
        DriveEnvConfig(towns=towns)


@pytest.mark.parametrize("algorithm", ["ppo", "grpo"])
def test_learning_resumes_with_the_same_bits_and_leaves_the_network_alone(
    algorithm: str, sft_path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("training.rl.drive_env.evaluation.SELECTION_TOWNS", ("Lite02",))
    before = sft_path.read_bytes()
    config = RefinementConfig(
        out_dir=str(tmp_path / "whole"),
        sft_model=str(sft_path),
        world="drive",
        algorithm=algorithm,  # type: ignore[arg-type]
        env_steps=48,
        eval_every=24,
        eval_episodes=2,
        agent=AgentConfig(path=PathDeltaConfig(), initial_std=0.25, noise_memory=0.5),
        ppo=PPOConfig(num_envs=2, num_steps=12, epochs=1, minibatches=1),
        grpo=GRPOConfig(groups=1, members=2, horizon=12, epochs=1, minibatches=1, lead_in=3),
        drive=replace(CONFIG, distinct_drives=5, restarts=RestartConfig(share=0.5)),
    )
    RLRefinementTrainer(config).run(lambda _done, _log: None)
    parts = replace(config, out_dir=str(tmp_path / "parts"))
    RLRefinementTrainer(parts).run(lambda _done, _log: None, stop_after=24)
    again = RLRefinementTrainer(parts)
    again.resume()
    again.run(lambda _done, _log: None)
    heads = [load_checkpoint(tmp_path / name / "final.pt", KIND_DELTA) for name in ("whole", "parts")]
    assert heads[0].sha256 == heads[1].sha256
    assert heads[0].model["path"] == {
        "dt_s": 0.25,
        "slower_mps": 10.0,
        "faster_mps": 2.0,
        "lateral_m": 1.0,
        "rise_s": 1.5,
    }
    assert any(tensor.abs().max() > 0 for name, tensor in heads[0].tensors.items() if name.startswith("last"))
    assert sft_path.read_bytes() == before
    refined = WaypointPolicyTorch(WaypointPolicyConfig(str(sft_path), str(tmp_path / "whole" / "final.pt")))
    _drives_as_the_agent_plans(refined, again)


def _drives_as_the_agent_plans(refined: WaypointPolicyTorch, trainer: RLRefinementTrainer) -> None:
    """Compare what the checkpoint makes the policy plan with what the agent in training plans."""
    world = started(WaypointPolicyTorch(WaypointPolicyConfig(refined.config.checkpoint)))
    seen = world.look()
    with torch.no_grad():
        wanted = seen.plan_m + trainer.agent.deltas(trainer.agent.mean(seen.inputs), seen.plan_m)
    observation = world._eyes[0].observe(world.drives[0], refined)  # type: ignore[union-attr]
    assert np.allclose(refined.plan(observation).final.waypoints_m, wanted[0].numpy(), atol=1e-3)
    assert seen.inputs.shape[1] == trainer.agent.actor_dim + PRIVILEGED


def test_gymnasium_sees_the_same_world_and_begins_ended_episodes_at_the_next_step(policy: WaypointPolicyTorch) -> None:
    head = DeltaWaypointHead(16, 20, num_modes=2, path={})
    env = DeltaVectorEnv(DriveWorld(policy, CONFIG, 2), head, PRIVILEGED)
    world = DriveWorld(policy, CONFIG, 2)
    world.start(np.arange(2), episode_seeds(3, 0, 2))
    observations, _ = env.reset(seed=3)
    assert observations in env.observation_space
    actions = np.full((2, 4), -0.3, dtype=np.float32)
    for _ in range(CONFIG.max_steps):
        seen = world.look()
        assert np.allclose(observations, seen.inputs.numpy(), atol=1e-5)
        step = world.follow(seen.plan_m + head.deltas(torch.from_numpy(actions).view(2, 2, 2), seen.plan_m))
        observations, reward, _, truncated, _ = env.step(actions)
        assert np.allclose(reward, step.reward, atol=1e-6)
    assert truncated.any()
    _, reward, terminated, truncated, _ = env.step(actions)
    assert not reward.any()
    assert not (terminated | truncated).any()


def test_standing_is_idle_only_where_nothing_is_in_the_way(policy: WaypointPolicyTorch) -> None:
    config = replace(CONFIG, max_drive_s=20.0, idle_s=4.0, drives=DrivePlanConfig(encounters=0.0))
    world = DriveWorld(policy, config, 1)
    world.start(np.array([0]), SEEDS[:1])
    rewards = []
    while True:
        step = world.follow(ahead(world, 0.0))
        rewards.append(step.reward[0])
        if step.done[0]:
            break
    assert world.endings == {IDLE: 1}
    assert len(rewards) == pytest.approx(20, abs=1)  # 4 s
    assert rewards[:8] == [0.0] * 8  # the first 2 s are free
    assert rewards[12:-1] == [-config.reward.idle] * len(rewards[12:-1])
    assert rewards[-1] == pytest.approx(-config.reward.idle - 4.0)


@pytest.mark.parametrize(
    ("ahead_m", "beside_m", "free"),
    [(10.0, 0.0, False), (10.0, 7.0, False), (10.0, 9.0, True), (16.0, 0.0, True), (-5.0, 0.0, True)],
)
def test_who_is_in_the_way(ahead_m: float, beside_m: float, free: bool) -> None:
    pose = SE2(3.0, -4.0, 2.0)
    there = pose.compose(SE2(ahead_m, beside_m, 0.0))
    user = SimpleNamespace(pose=Pose.from_xyz_rpy(there.x_m, there.y_m, 0.0))
    lights = RedLights([], {}, Footprint(2.0, 1.0))
    assert road_is_free(pose, [user], lights) == free  # type: ignore[list-item]


@pytest.mark.parametrize(("lamp", "free"), [(Lamp.RED, False), (Lamp.YELLOW, False), (Lamp.GREEN, True)])
def test_a_light_that_is_not_green_is_a_reason_to_stand(lamp: Lamp, free: bool) -> None:
    line = StopLine(1, SignalKind.TRAFFIC_LIGHT, (10.0, 2.0), (10.0, -2.0), 0.0)
    lights = RedLights([line], {1: SimpleNamespace(lamp=lamp)}, Footprint(2.0, 1.0, 0.0))  # type: ignore[dict-item]
    assert road_is_free(SE2(0.0, 0.0, 0.0), [], lights) == free


@pytest.mark.parametrize("seed", range(8))
def test_stop_signs_are_judged_as_by_the_metric(seed: int) -> None:
    """A vehicle that goes, brakes and stands at random past two stop signs, some of it near them."""
    random = np.random.default_rng(seed)
    speed_mps = np.maximum(np.repeat(random.choice([0.0, 0.05, 0.3, 2.0, 8.0], 60), 10), 0.0)
    x_m = np.concatenate([[0.0], np.cumsum(speed_mps[:-1]) * 0.05])
    count, ego = len(x_m), Footprint(2.0, 1.0, 0.3)
    lines = [StopLine(n, SignalKind.STOP_SIGN, (at_m, 2.0), (at_m, -2.0), 0.0) for n, at_m in enumerate((20.0, 45.0))]
    signs = StopSigns(lines, ego)
    for x, v in zip(x_m.tolist(), speed_mps.tolist(), strict=True):
        signs.update(SE2(x, 0.0, 0.0), v)
    drive = SimpleNamespace(
        scene=SceneInfo(ego, tuple(lines)),
        surroundings_fault="",
        velocity_mps=np.column_stack([speed_mps, np.zeros(count)]),
        xy_m=np.column_stack([x_m, np.zeros(count)]),
        yaw_rad=np.zeros(count),
    )
    assert x_m[-1] > 45.0
    assert signs.ignored == len(signs_ignored(drive))  # type: ignore[arg-type]


def test_a_stop_sign_ahead_is_told_until_the_vehicle_has_stopped_there() -> None:
    line = StopLine(1, SignalKind.STOP_SIGN, (20.0, 2.0), (20.0, -2.0), 0.0)
    signs = StopSigns([line], Footprint(2.0, 1.0))
    signs.update(SE2(10.0, 0.0, 0.0), 8.0)
    assert signs.ahead_m(SE2(10.0, 0.0, 0.0)) == pytest.approx(10.0)
    signs.update(SE2(16.0, 0.0, 0.0), 0.0)
    assert signs.ahead_m(SE2(16.0, 0.0, 0.0)) == np.inf
    assert signs.ahead_m(SE2(21.0, 0.0, 0.0)) == np.inf

from pathlib import Path

import numpy as np
import pytest
import torch

from training.models.checkpoint import load_waypoint_model
from training.models.heads import DeltaWaypointHead
from training.models.preprocess import command_indices
from training.models.waypoint_model import ModelInput
from training.rl.agent import AgentConfig, PPOAgent, RunningNorm
from training.rl.base_plan import STAND_IN, SFTWaypointWrapper, command_rows, target_point
from training.rl.delta_use import delta_use
from training.rl.delta_world import DeltaPlanEnv, DeltaWorld, critic_extra_dim, head_sizes
from training.rl.toy_config import ToyEnvConfig
from training.rl.toy_dynamics import OBSERVATION_SIZE
from training.rl.toy_waypoint_batch import ToyWaypointBatch
from waypilot.types import RouteCommand

ENV = ToyEnvConfig()


def make_agent(base: SFTWaypointWrapper, config: AgentConfig | None = None) -> PPOAgent:
    config = config or AgentConfig()
    return PPOAgent(head_sizes(base, ENV, config), critic_extra_dim(base), config)


def observations(count: int = 32) -> torch.Tensor:
    cars = ToyWaypointBatch(ENV, count)
    return torch.from_numpy(cars.observe())


def observation(points: list[tuple[float, float]], speed_mps: float = 6.0) -> torch.Tensor:
    return torch.tensor([[speed_mps, *(value for point in points for value in point), 3.0]])


def test_untrained_agent_leaves_the_plan_as_it_is(sft_path: Path) -> None:
    for base in (SFTWaypointWrapper(None, ENV), SFTWaypointWrapper(sft_path, ENV)):
        agent = make_agent(base)
        seen = DeltaWorld(base, ENV, 16).look()
        assert torch.equal(agent.deltas(agent.mean(seen.inputs), seen.plan_m), torch.zeros(16, 20, 2))


def test_exported_head_needs_no_agent(sft_path: Path) -> None:
    base = SFTWaypointWrapper(sft_path, ENV)
    agent = make_agent(base)
    torch.nn.init.normal_(agent.head.last.weight, std=0.3)
    seen = observations()
    inputs = DeltaWorld(base, ENV, 32).look().inputs
    agent.norm.update(inputs)
    answer = base(seen)
    head = agent.exported_head()
    with torch.no_grad():
        exported = head(answer.latent, answer.target_point_m)
        own = agent.deltas(agent.mean(inputs), answer.plan_m)
    assert float(own.abs().max()) > 0.1
    assert torch.allclose(exported, own, atol=1e-4)


def test_rescaling_returns_changes_no_prediction() -> None:
    agent = make_agent(SFTWaypointWrapper(None, ENV))
    inputs = torch.randn(16, OBSERVATION_SIZE)
    before = agent.value(inputs)
    agent.update_return_scale(torch.tensor([3.0, 9.0, 30.0]))
    assert torch.allclose(agent.value(inputs), before, atol=1e-4)
    assert float(agent.return_mean) == pytest.approx(14.0)


def test_running_norm_is_that_of_all_rows() -> None:
    rows = np.random.default_rng(0).normal(3.0, 2.0, (300, 4)).astype(np.float32)
    norm = RunningNorm(torch.tensor([0.1, 0.1, 0.1, 5.0]))
    for part in np.split(rows, [10, 100]):
        norm.update(torch.from_numpy(part))
    assert norm.mean.numpy() == pytest.approx(rows.mean(axis=0), abs=1e-4)
    assert norm.variance.numpy() == pytest.approx(rows.var(axis=0), rel=1e-3)
    assert norm.std.tolist() == pytest.approx([*rows[:, :3].std(axis=0).tolist(), 5.0], rel=1e-3)


def test_modes_are_smooth_bounded_and_start_at_zero() -> None:
    torch.manual_seed(0)
    head = DeltaWaypointHead(8, 20, max_delta_m=4.0, num_modes=3)
    assert torch.equal(head(torch.randn(5, 8)), torch.zeros(5, 20, 2))
    share = torch.arange(1, 21) / 20
    x = 2.0 * share - 1.0
    assert torch.allclose(head.modes, torch.stack([torch.ones(20), x, 1.5 * x**2 - 0.5], dim=1), atol=1e-6)
    delta = head.deltas(5.0 * torch.randn(100, 3, 2))
    assert bool((delta.abs() <= (4.0 * share)[:, None] + 1e-5).all())
    constant = torch.zeros(1, 3, 2)
    constant[0, 0, 1] = 0.5
    assert torch.allclose(head.deltas(constant)[0, :, 1], float(np.tanh(0.5)) * 4.0 * share, atol=1e-6)


def test_a_head_that_wants_the_target_point_says_so() -> None:
    with pytest.raises(ValueError, match="target point"):
        DeltaWaypointHead(8, 20, use_target_point=True)(torch.randn(1, 8))
    with pytest.raises(ValueError, match="num_modes"):
        DeltaWaypointHead(8, 20, num_modes=21)


def test_wrapper_runs_the_network_as_with_all_cameras_invalid(sft_path: Path) -> None:
    model, _ = load_waypoint_model(sft_path)
    seen = observations()
    answer = SFTWaypointWrapper(sft_path, ENV)(seen)
    size = len(seen)
    given = ModelInput(
        images=torch.rand(size, 1, 3, model.config.input_height_px, model.config.input_width_px),
        image_valid=torch.zeros(size, 1, dtype=torch.bool),
        speed_mps=seen[:, 0],
        command=command_rows(seen),
        target_point_m=target_point(seen),
    )
    with torch.no_grad():
        assert torch.equal(answer.latent, model.latent(given))
        assert torch.equal(answer.plan_m, model(given))


def test_wrapper_is_frozen_and_named(sft_path: Path) -> None:
    base = SFTWaypointWrapper(sft_path, ENV)
    assert not any(parameter.requires_grad for parameter in base.model.parameters())
    assert not base(observations()).plan_m.requires_grad
    assert base.name == str(sft_path)
    stand_in = SFTWaypointWrapper(None, ENV)
    assert stand_in.name == stand_in.sha256 == STAND_IN


def test_wrapper_refuses_another_horizon(sft_path: Path) -> None:
    with pytest.raises(ValueError, match="num_waypoints and plan_dt_s"):
        SFTWaypointWrapper(sft_path, ToyEnvConfig(num_waypoints=8))


def test_target_point_is_the_first_one_far_enough() -> None:
    near = observation([(-7.0, 0.0), (3.0, 0.0), (13.0, 1.0), (23.0, 2.0)])
    far = observation([(-4.0, 0.0), (6.0, 0.5), (16.0, 1.0), (26.0, 2.0)])
    assert target_point(near)[0].tolist() == [13.0, 1.0]
    assert target_point(far)[0].tolist() == [6.0, 0.5]


@pytest.mark.parametrize(
    ("last", "command"),
    [((20.0, 10.0), RouteCommand.LEFT), ((20.0, -10.0), RouteCommand.RIGHT), ((30.0, 2.0), RouteCommand.LANE_FOLLOW)],
)
def test_command_follows_the_turn(last: tuple[float, float], command: RouteCommand) -> None:
    seen = observation([(0.0, 0.0), (10.0, 0.0), (20.0, 0.0), last])
    assert command_rows(seen).tolist() == command_indices(torch.tensor([int(command)])).tolist()


def test_stand_in_is_slow_and_aims_left() -> None:
    plan = SFTWaypointWrapper(None, ENV)(observation([(0.0, 0.0), (10.0, 0.0), (20.0, 0.0), (30.0, 0.0)])).plan_m[0]
    arcs = 6.0 * 0.25 * torch.arange(1, 21)
    assert torch.allclose(plan.norm(dim=1), arcs, atol=1e-4)
    assert torch.allclose(torch.atan2(plan[:, 1], plan[:, 0]), torch.full((20,), 0.175), atol=1e-5)


def test_stand_in_follows_corners() -> None:
    plan = SFTWaypointWrapper(None, ENV)(observation([(-9.0, 0.0), (3.0, 0.0), (3.0, 9.0), (12.0, 9.0)])).plan_m[0]
    turned = torch.polar(torch.tensor(1.0), torch.tensor(-0.175)) * torch.complex(plan[:, 0], plan[:, 1])
    # 1.5 m apart: two on the first leg, six on the second, six on the third, the rest straight on.
    assert torch.allclose(turned[1], torch.complex(torch.tensor(3.0), torch.tensor(0.0)), atol=1e-4)
    assert torch.allclose(turned[7], torch.complex(torch.tensor(3.0), torch.tensor(9.0)), atol=1e-4)
    assert torch.allclose(turned[19], torch.complex(torch.tensor(21.0), torch.tensor(9.0)), atol=1e-4)


def test_the_environment_for_foreign_learners_is_the_same_world() -> None:
    base, config = SFTWaypointWrapper(None, ENV), AgentConfig()
    agent = make_agent(base, config)
    env = DeltaPlanEnv(base, ENV, config)
    inputs, _ = env.reset(options={"episode_seed": 5})
    world = DeltaWorld(base, ENV, 1)
    world.cars.start(np.zeros(1, dtype=np.int64), np.array([5], dtype=np.uint64))
    for number in range(10):
        action = np.random.default_rng(number).normal(0.0, 0.3, 4).astype(np.float32)
        seen = world.look()
        assert np.array_equal(inputs, seen.inputs[0].numpy())
        with torch.no_grad():
            step = world.follow(seen.plan_m + agent.deltas(torch.from_numpy(action)[None], seen.plan_m))
        inputs, reward, *_ = env.step(action)
        assert reward == step.reward[0]


def test_delta_use_by_hand() -> None:
    deltas = torch.zeros(2, 4, 2)
    deltas[1, 3] = torch.tensor([3.0, 4.0])
    assert delta_use(deltas) == {"moved_share": 0.5, "mean_m": 0.625, "last_waypoint_m": 2.5}

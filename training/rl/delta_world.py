"""Toy cars whose base plan is frozen and only corrected: what a learner of deltas acts on."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium import spaces
from numpy.typing import NDArray

from training.models.heads import TARGET_SCALE_M, DeltaWaypointHead
from training.rl.agent import AgentConfig
from training.rl.base_plan import SFTWaypointWrapper, scaled
from training.rl.toy_config import ToyEnvConfig
from training.rl.toy_dynamics import GOAL_MISSED, OBSERVATION_SIZE, RUNNING
from training.rl.toy_waypoint_batch import ToyWaypointBatch
from training.rl.toy_waypoint_env import ToyWaypointEnv
from training.rl.world import Situation, WorldStep
from waypilot.config import config_to_dict

_COEFFICIENT_LIMIT = 10.0
_INPUT_LIMIT = np.float32(1e4)


def head_sizes(base: SFTWaypointWrapper, env: ToyEnvConfig, config: AgentConfig) -> dict[str, Any]:
    """Arguments of the DeltaWaypointHead that fits this base plan."""
    return {
        "latent_dim": base.latent_dim,
        "num_waypoints": env.num_waypoints,
        "max_delta_m": config.max_delta_m,
        "hidden_dim": config.hidden_dim,
        "num_modes": config.num_modes,
        "use_target_point": base.head_uses_target_point,
        "path": None if config.path is None else config_to_dict(config.path),
    }


def critic_extra_dim(base: SFTWaypointWrapper) -> int:
    """How many inputs only the critic sees: the toy observation, unless the latent vector is that already."""
    return 0 if base.checkpoint is None else OBSERVATION_SIZE


class DeltaWorld:
    """B cars of the toy environment over one frozen base planner; a ``World``."""

    def __init__(self, base: SFTWaypointWrapper, env: ToyEnvConfig, size: int):
        self.base = base
        self.cars = ToyWaypointBatch(env, size)

    @property
    def size(self) -> int:
        """How many cars there are."""
        return self.cars.size

    @property
    def num_waypoints(self) -> int:
        """Waypoints of a plan."""
        return self.cars.config.num_waypoints

    def start(self, rows: NDArray[np.int64], seeds: NDArray[np.uint64]) -> None:
        """Start the episodes of ``seeds`` in these rows."""
        self.cars.start(rows, seeds)

    def copy(self, source: int, rows: NDArray[np.int64]) -> None:
        """Let other rows go on from where ``source`` is now."""
        self.cars.copy(source, rows)

    def rest(self, rows: NDArray[np.int64]) -> None:
        """Treat the episodes of these rows as ended."""
        self.cars.ended[rows] = GOAL_MISSED

    def look(self) -> Situation:
        """Ask the base planner about every car."""
        return situation(self.base, torch.from_numpy(self.cars.observe()))

    def follow(self, plan_m: torch.Tensor) -> WorldStep:
        """Let every car follow its plan (B, N, 2) for one step."""
        step = self.cars.step(plan_m.numpy())
        return WorldStep(step.reward, step.ended != RUNNING, step.truncated)

    def state(self) -> dict[str, Any]:
        """Everything that changes."""
        return {name: torch.from_numpy(value) for name, value in self.cars.state().items()}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a ``state``."""
        self.cars.restore({name: value.numpy() for name, value in state.items()})


def situation(base: SFTWaypointWrapper, observation: torch.Tensor) -> Situation:
    """Prepare what the agent gets for toy observations (B, OBSERVATION_SIZE)."""
    answer = base(observation)
    if answer.target_point_m is None:
        return Situation(answer.latent, answer.plan_m)
    # The layout of DeltaWaypointHead.inputs, then the critic's own part.
    target = answer.target_point_m / TARGET_SCALE_M
    return Situation(torch.cat([answer.latent, target, scaled(observation)], dim=1), answer.plan_m)


class DeltaPlanEnv(gymnasium.Env[NDArray[np.float32], NDArray[np.float32]]):
    """One car as a ``gymnasium`` environment whose action corrects the base plan, for foreign learners.

    Action: float32 (2 * num_modes,), coefficients of the delta head's modes; observation: the agent's inputs.
    """

    metadata = {"render_modes": []}  # noqa: RUF012 - gymnasium declares it so

    def __init__(self, base: SFTWaypointWrapper, env: ToyEnvConfig, agent: AgentConfig):
        self._base, self._car = base, ToyWaypointEnv(env)
        self._head = DeltaWaypointHead(**head_sizes(base, env, agent))
        self._plan_m = torch.zeros(0)
        size = self._head.input_dim + critic_extra_dim(base)
        self.observation_space = spaces.Box(-_INPUT_LIMIT, _INPUT_LIMIT, (size,))
        self.action_space = spaces.Box(-_COEFFICIENT_LIMIT, _COEFFICIENT_LIMIT, (2 * agent.num_modes,))

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Start an episode as ``ToyWaypointEnv.reset`` does."""
        super().reset(seed=seed)
        observation, info = self._car.reset(seed=seed, options=options)
        return self._look(observation), info

    def step(self, action: NDArray[np.float32]) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Follow the corrected plan for one step."""
        coefficients = torch.as_tensor(action, dtype=torch.float32).view(1, -1, 2)
        with torch.inference_mode():
            plan_m = self._plan_m + self._head.deltas(coefficients, self._plan_m[None])[0]
        observation, reward, terminated, truncated, info = self._car.step(plan_m.numpy())
        return self._look(observation), reward, terminated, truncated, info

    def _look(self, observation: NDArray[np.float32]) -> NDArray[np.float32]:
        seen = situation(self._base, torch.from_numpy(observation[None]))
        self._plan_m = seen.plan_m[0]
        return seen.inputs[0].numpy()

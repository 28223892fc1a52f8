"""Any ``World`` as a ``gymnasium`` vector environment whose actions correct the base plans, for foreign learners.

env = DeltaVectorEnv(DriveWorld(policy, DriveEnvConfig(), 16), head, extra_dim=PRIVILEGED)
observations, infos = env.reset(seed=1)
observations, rewards, terminated, truncated, infos = env.step(actions)
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from training.models.heads import DeltaWaypointHead
from training.rl.rollout import episode_seeds
from training.rl.world import World

_COEFFICIENT_LIMIT = 10.0
_INPUT_LIMIT = np.float32(1e4)
FloatBatch = NDArray[np.float32]


class DeltaVectorEnv(VectorEnv[FloatBatch, FloatBatch, NDArray[np.generic]]):
    """B cars. Observations (B, head inputs + ``extra_dim``), actions (B, 2 * num_modes): coefficients of the modes.

    A car whose episode ended begins the next one at the following step, whatever its action (gymnasium's NEXT_STEP).
    """

    metadata = {"render_modes": [], "autoreset_mode": AutoresetMode.NEXT_STEP}  # noqa: RUF012 - declared so

    def __init__(self, world: World, head: DeltaWaypointHead, extra_dim: int):
        self._world, self._head = world, head
        self.num_envs = world.size
        size = head.input_dim + extra_dim
        self.single_observation_space = spaces.Box(-_INPUT_LIMIT, _INPUT_LIMIT, (size,))
        self.single_action_space = spaces.Box(-_COEFFICIENT_LIMIT, _COEFFICIENT_LIMIT, (2 * head.num_modes,))
        self.observation_space = batch_space(self.single_observation_space, world.size)
        self.action_space = batch_space(self.single_action_space, world.size)
        self._run_seed, self._started = 0, 0
        self._done = np.zeros(world.size, dtype=bool)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[FloatBatch, dict[str, Any]]:
        """Start all cars; all episodes that follow are those of ``seed`` (none: the next ones of the last seed)."""
        super().reset(seed=seed)
        if seed is not None:
            self._run_seed, self._started = seed, 0
        self._begin(np.arange(self.num_envs))
        return self._world.look().inputs.numpy(), {}

    def step(
        self, actions: FloatBatch
    ) -> tuple[FloatBatch, NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]]:
        """Let every car follow its corrected plan for one step."""
        new = np.flatnonzero(self._done)
        plan_m = self._world.look().plan_m
        coefficients = torch.as_tensor(actions, dtype=torch.float32).view(self.num_envs, self._head.num_modes, 2)
        with torch.inference_mode():
            plan_m = plan_m + self._head.deltas(coefficients, plan_m)
        step = self._world.follow(plan_m)
        reward, terminated, truncated = step.reward.copy(), step.terminated.copy(), step.truncated.copy()
        if len(new):  # they stood still meanwhile
            self._begin(new)
            reward[new], terminated[new], truncated[new] = 0.0, False, False
        self._done = terminated | truncated
        return self._world.look().inputs.numpy(), reward, terminated, truncated, {}

    def _begin(self, rows: NDArray[np.int64]) -> None:
        self._world.start(rows, episode_seeds(self._run_seed, self._started, len(rows)))
        self._started += len(rows)
        self._done[rows] = False

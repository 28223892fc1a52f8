"""The toy environment for one car: drive through a random sequence of waypoints by planning.

Physics and reward: ``ToyEnvConfig``. One action is a plan; the car follows it for one plan interval (0.25 s).

    env = ToyWaypointEnv()
    observation, info = env.reset(seed=1)
    observation, reward, terminated, truncated, info = env.step(plan)
"""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from training.rl import toy_dynamics as toy
from training.rl.toy_config import ToyEnvConfig
from training.rl.toy_waypoint_batch import ToyWaypointBatch

PLAN_LIMIT_M = 200.0
OUTCOMES = ("running", "goal_reached", "goal_missed", "off_route")
_OBSERVATION_LIMIT = np.float32(1e4)


class ToyWaypointEnv(gymnasium.Env[NDArray[np.float32], NDArray[np.float32]]):
    """A kinematic car on a random route, as a ``gymnasium`` environment.

    Action: a plan, float32 (N, 2), waypoints in base_link, metres, ``plan_dt_s`` apart. Observation: float32 (10,),
    ``toy_dynamics.OBSERVATION_NAMES``. ``info`` holds ``outcome`` (one of OUTCOMES), ``waypoints_hit`` and
    ``reference_plan_m`` (N, 2). ``reset(options={"episode_seed": s})`` starts the episode that
    ``ToyWaypointBatch.start`` makes of the same seed.
    """

    metadata = {"render_modes": []}  # noqa: RUF012 - gymnasium declares it so

    def __init__(self, config: ToyEnvConfig | None = None):
        self.config = config or ToyEnvConfig()
        self._batch = ToyWaypointBatch(self.config, 1)
        self.observation_space = spaces.Box(-_OBSERVATION_LIMIT, _OBSERVATION_LIMIT, (toy.OBSERVATION_SIZE,))
        self.action_space = spaces.Box(-PLAN_LIMIT_M, PLAN_LIMIT_M, (self.config.num_waypoints, 2))

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Start an episode: the next one of ``seed``'s, or the one that ``options["episode_seed"]`` names."""
        super().reset(seed=seed)
        options = options or {}
        if unknown := sorted(set(options) - {"episode_seed"}):
            raise ValueError(f"unknown options {', '.join(unknown)}; the only one is episode_seed")
        drawn = int(self.np_random.integers(2**63))
        self._batch.start(np.zeros(1, dtype=np.int64), np.array([options.get("episode_seed", drawn)], dtype=np.uint64))
        return self._batch.observe()[0], self._info()

    def step(self, action: NDArray[np.float32]) -> tuple[NDArray[np.float32], float, bool, bool, dict[str, Any]]:
        """Follow the plan for one interval. Raises ValueError for a plan of another shape or with non-numbers."""
        plan = np.asarray(action, dtype=np.float32)
        if plan.shape != self.action_space.shape or not np.isfinite(plan).all():
            raise ValueError(f"expected a plan of finite numbers, shape {self.action_space.shape}, got {plan}")
        step = self._batch.step(plan[None])
        terminated = bool(step.ended[0] != toy.RUNNING)
        return self._batch.observe()[0], float(step.reward[0]), terminated, bool(step.truncated[0]), self._info()

    def _info(self) -> dict[str, Any]:
        return {
            "outcome": OUTCOMES[self._batch.ended[0]],
            "waypoints_hit": int(self._batch.counters[0, toy.HITS]),
            "reference_plan_m": self._batch.reference()[0],
        }

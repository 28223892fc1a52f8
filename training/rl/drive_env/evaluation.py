"""Judging a policy on fixed drives, in towns that nothing is trained in and no suite drives in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from training.rl.agent import PPOAgent
from training.rl.delta_use import delta_use
from training.rl.drive_env.config import SELECTION_TOWNS, DriveEnvConfig, RestartConfig
from training.rl.drive_env.infractions import BLOCKED, GOAL, IDLE, PEDESTRIAN, RED_LIGHT, STATIC, VEHICLE
from training.rl.drive_env.world import DriveWorld
from training.rl.rollout import episode_seeds
from training.rl.waypoint_policy_torch import WaypointPolicyTorch

SELECTION_SEED = 0x5E1EC7
"""Apart from any training seed; the same drives for every run, so that runs can be compared drive by drive."""

HIGHER_IS_BETTER = {
    "return": True,
    "passed_share": True,
    "infraction": False,
    "collision": False,
    "red_light": False,
    "stood": False,
    "signs_ignored": False,
    "speed_mps": True,
}
_BATCH = 16
_TIME = "time"
Batch = tuple[NDArray, NDArray, NDArray, NDArray, NDArray, list[str], torch.Tensor]
"""Returns, passed shares, steps, mean speeds, ignored signs and endings of some drives, and all deltas (M, N, 2)."""


@dataclass(frozen=True, slots=True, eq=False)
class DriveEvaluation:
    """E evaluated drives, one entry each.

    ``passed_share`` is how much was passed of what the drive offered: its route, or what the target speed passes in
    the longest episode. ``endings`` names how each one ended.
    """

    returns: NDArray[np.float64]
    passed_share: NDArray[np.float64]
    steps: NDArray[np.int64]
    speed_mps: NDArray[np.float64]
    signs_ignored: NDArray[np.float64]
    endings: tuple[str, ...]
    delta: dict[str, float]

    def per_episode(self) -> dict[str, NDArray[np.float64]]:
        """Every metric by name, one number per drive."""
        return {
            "return": self.returns,
            "passed_share": self.passed_share,
            "infraction": self._ended(lambda ending: ending not in (GOAL, _TIME)),
            "collision": self._ended(lambda ending: ending in (VEHICLE, PEDESTRIAN, STATIC)),
            "red_light": self._ended(lambda ending: ending == RED_LIGHT),
            "stood": self._ended(lambda ending: ending in (BLOCKED, IDLE)),
            "signs_ignored": self.signs_ignored,
            "speed_mps": self.speed_mps,
            "steps": self.steps.astype(np.float64),
        }

    def means(self) -> dict[str, float]:
        """Means over the drives, the share of every ending, and the use of the delta."""
        means = {name: float(values.mean()) for name, values in self.per_episode().items()}
        counted = Counter(self.endings)
        shares = {f"ended_{name}": counted[name] / len(self.endings) for name in sorted(counted)}
        return means | shares | {f"delta_{name}": value for name, value in self.delta.items()}

    def _ended(self, so: object) -> NDArray[np.float64]:
        return np.array([float(so(ending)) for ending in self.endings])  # type: ignore[operator]


def evaluate_drives(
    policy: WaypointPolicyTorch,
    config: DriveEnvConfig,
    agent: PPOAgent | None,
    episodes: int,
    seed: int = SELECTION_SEED,
) -> DriveEvaluation:
    """Drive the ``episodes`` first drives of ``seed`` in the selection towns with the mean action, or the base plan."""
    return evaluated(drive_batches(policy, config, agent, selection_batches(episodes, seed)))


def selection_batches(episodes: int, seed: int = SELECTION_SEED) -> list[NDArray[np.uint64]]:
    """Return the seeds of the first drives of ``seed``, in the batches that they are driven in."""
    return [episode_seeds(seed, first, min(_BATCH, episodes - first)) for first in range(0, episodes, _BATCH)]


@torch.inference_mode()
def drive_batches(
    policy: WaypointPolicyTorch,
    config: DriveEnvConfig,
    agent: PPOAgent | None,
    batches: Sequence[NDArray[np.uint64]],
) -> list[Batch]:
    """Drive batches of seeds in the selection towns, each drive from its beginning."""
    config = replace(config, towns=SELECTION_TOWNS, distinct_drives=0, restarts=RestartConfig())
    return [_drive(DriveWorld(policy, config, len(seeds)), agent, seeds) for seeds in batches]


def evaluated(parts: Sequence[Batch]) -> DriveEvaluation:
    """Join driven batches."""
    numbers = [np.concatenate(column) for column in list(zip(*parts, strict=True))[:5]]
    endings = tuple(ending for part in parts for ending in part[5])
    return DriveEvaluation(*numbers, endings, delta_use(torch.cat([part[6] for part in parts])))


def _drive(world: DriveWorld, agent: PPOAgent | None, seeds: NDArray[np.uint64]) -> Batch:
    world.start(np.arange(world.size), seeds)
    started_m = np.array([drive.passed_m for drive in world.drives])
    running = np.ones(world.size, dtype=bool)
    returns, speeds = np.zeros(world.size), np.zeros(world.size)
    deltas: list[torch.Tensor] = []
    while running.any():
        seen = world.look()
        delta_m = torch.zeros_like(seen.plan_m) if agent is None else agent.deltas(agent.mean(seen.inputs), seen.plan_m)
        deltas.append(delta_m[torch.from_numpy(running)])
        step = world.follow(seen.plan_m + delta_m)
        returns += step.reward
        speeds += running * np.array([drive.ego.speed_mps for drive in world.drives])
        running = ~step.done
    drives, config = world.drives, world.config
    steps = np.array([drive.steps for drive in drives])
    offered_m = np.array(
        [
            min(drive.order.route.length_m - at, drive.order.scenario.target_speed_mps * config.max_drive_s)
            for drive, at in zip(drives, started_m.tolist(), strict=True)
        ]
    )
    passed = (np.array([drive.passed_m for drive in drives]) - started_m) / offered_m
    endings = [drive.ended or _TIME for drive in drives]
    signs = np.array([float(drive.stop_signs.ignored) for drive in drives])
    return returns, np.minimum(passed, 1.0), steps, speeds / steps, signs, endings, torch.cat(deltas)

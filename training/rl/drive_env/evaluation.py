"""Judging a policy on fixed drives, in towns that nothing is trained in and no suite drives in."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray

from training.models.heads import DeltaWaypointHead
from training.rl.agent import PPOAgent
from training.rl.delta_use import delta_use
from training.rl.drive_env.config import SELECTION_TOWNS, DriveEnvConfig
from training.rl.drive_env.infractions import (
    BLOCKED,
    GOAL,
    IDLE,
    OFF_ROAD,
    OFF_ROUTE,
    PEDESTRIAN,
    RED_LIGHT,
    STATIC,
    VEHICLE,
    WRONG_WAY,
)
from training.rl.drive_env.world import DriveWorld
from training.rl.rollout import episode_seeds
from training.rl.waypoint_policy_torch import WaypointPolicyTorch
from training.rl.world import Situation

SELECTION_SEED = 0x5E1EC7
"""Apart from any training seed; the same drives for every run, so that runs can be compared drive by drive."""

HIGHER_IS_BETTER = {
    "return": True,
    "passed_share": True,
    "infraction": False,
    "collision": False,
    "off_road": False,
    "red_light": False,
    "stood": False,
    "signs_ignored": False,
    "deviation_m": False,
    "speed_mps": True,
}
_BATCH = 16
_TIME = "time"
Deltas = Callable[[Situation], torch.Tensor]
"""What to add to the plans (B, N, 2) of a situation, metres."""


@dataclass(frozen=True, slots=True, eq=False)
class Batch:
    """Some driven drives: numbers by the name of ``DriveEvaluation``'s field, endings, and all deltas (M, N, 2)."""

    numbers: dict[str, NDArray[np.float64]]
    endings: tuple[str, ...]
    deltas_m: torch.Tensor


@dataclass(frozen=True, slots=True, eq=False)
class DriveEvaluation:
    """E evaluated drives, one entry each.

    ``passed_share`` is how much was passed of what the drive offered: its route, or what the target speed passes in
    the longest episode. ``deviation_m`` is the mean distance from the route, as seen at the looks. ``endings`` names
    how each one ended.
    """

    returns: NDArray[np.float64]
    passed_share: NDArray[np.float64]
    steps: NDArray[np.float64]
    speed_mps: NDArray[np.float64]
    deviation_m: NDArray[np.float64]
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
            "off_road": self._ended(lambda ending: ending in (OFF_ROAD, OFF_ROUTE, WRONG_WAY)),
            "red_light": self._ended(lambda ending: ending == RED_LIGHT),
            "stood": self._ended(lambda ending: ending in (BLOCKED, IDLE)),
            "signs_ignored": self.signs_ignored,
            "deviation_m": self.deviation_m,
            "speed_mps": self.speed_mps,
            "steps": self.steps,
        }

    def means(self) -> dict[str, float]:
        """Means over the drives, the share of every ending, and the use of the delta."""
        means = {name: float(values.mean()) for name, values in self.per_episode().items()}
        counted = Counter(self.endings)
        shares = {f"ended_{name}": counted[name] / len(self.endings) for name in sorted(counted)}
        return means | shares | {f"delta_{name}": value for name, value in self.delta.items()}

    def _ended(self, so: Callable[[str], bool]) -> NDArray[np.float64]:
        return np.array([float(so(ending)) for ending in self.endings])


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


def drive_batches(
    policy: WaypointPolicyTorch,
    config: DriveEnvConfig,
    agent: PPOAgent | None,
    batches: Sequence[NDArray[np.uint64]],
) -> list[Batch]:
    """Drive batches of seeds in the selection towns with an agent's mean action, or the base plan."""
    deltas = no_deltas if agent is None else lambda seen: agent.deltas(agent.mean(seen.inputs), seen.plan_m)
    return [drive_batch(policy, config, deltas, seeds, SELECTION_TOWNS) for seeds in batches]


@torch.inference_mode()
def drive_batch(
    policy: WaypointPolicyTorch,
    config: DriveEnvConfig,
    deltas: Deltas,
    seeds: NDArray[np.uint64],
    towns: tuple[str, ...],
) -> Batch:
    """Drive seeds in ``towns`` side by side, each drive from its beginning, and never the same one twice."""
    return _drive(judging_world(policy, config, len(seeds), towns), deltas, seeds)


def judging_world(policy: WaypointPolicyTorch, config: DriveEnvConfig, size: int, towns: tuple[str, ...]) -> DriveWorld:
    """Make a world in ``towns`` whose episodes begin at the beginning of their own drives."""
    judged = replace(judging_config(config), render_threads=config.render_threads)
    return DriveWorld(policy, judged, size, towns)


def judging_config(config: DriveEnvConfig) -> DriveEnvConfig:
    """Leave what decides about judged drives, and nothing that only says how and where the training drives."""
    anywhere = DriveEnvConfig()
    return replace(
        config,
        distinct_drives=0,
        restarts=anywhere.restarts,
        towns=anywhere.towns,
        workers=anywhere.workers,
        device=anywhere.device,
        render_threads=anywhere.render_threads,
    )


def no_deltas(seen: Situation) -> torch.Tensor:
    """Change nothing: the base plan."""
    return torch.zeros_like(seen.plan_m)


def head_deltas(head: DeltaWaypointHead, config: DriveEnvConfig) -> Deltas:
    """Change plans as a finished head does. Raises ValueError when the drives do not show what the head looks at."""
    if head.use_target_point and not config.target_point:
        raise ValueError("the head sees the target point: set drive.target_point as its training did")
    return lambda seen: head.deltas(head.coefficients(seen.inputs[:, : head.input_dim]), seen.plan_m)


def evaluated(parts: Sequence[Batch]) -> DriveEvaluation:
    """Join driven batches."""
    numbers = {name: np.concatenate([part.numbers[name] for part in parts]) for name in parts[0].numbers}
    endings = tuple(ending for part in parts for ending in part.endings)
    return DriveEvaluation(**numbers, endings=endings, delta=delta_use(torch.cat([part.deltas_m for part in parts])))


def _drive(world: DriveWorld, deltas: Deltas, seeds: NDArray[np.uint64]) -> Batch:
    world.start(np.arange(world.size), seeds)
    started_m = np.array([drive.passed_m for drive in world.drives])
    running = np.ones(world.size, dtype=bool)
    returns, speeds, deviations = np.zeros(world.size), np.zeros(world.size), np.zeros(world.size)
    added: list[torch.Tensor] = []
    while running.any():
        seen = world.look()
        delta_m = deltas(seen)
        added.append(delta_m[torch.from_numpy(running)])
        step = world.follow(seen.plan_m + delta_m)
        returns += step.reward
        speeds += running * np.array([drive.ego.speed_mps for drive in world.drives])
        deviations += running * np.array([drive.place.distance_m for drive in world.drives])
        running = ~step.done
    steps = np.array([float(drive.steps) for drive in world.drives])
    numbers = {
        "returns": returns,
        "passed_share": _passed_share(world, started_m),
        "steps": steps,
        "speed_mps": speeds / steps,
        "deviation_m": deviations / steps,
        "signs_ignored": np.array([float(drive.stop_signs.ignored) for drive in world.drives]),
    }
    return Batch(numbers, tuple(drive.ended or _TIME for drive in world.drives), torch.cat(added))


def _passed_share(world: DriveWorld, started_m: NDArray[np.float64]) -> NDArray[np.float64]:
    longest_s = world.config.max_drive_s
    offered_m = np.array(
        [
            min(drive.order.route.length_m - at, drive.order.scenario.target_speed_mps * longest_s)
            for drive, at in zip(world.drives, started_m.tolist(), strict=True)
        ]
    )
    passed_m = np.array([drive.passed_m for drive in world.drives]) - started_m
    share: NDArray[np.float64] = np.minimum(passed_m / offered_m, 1.0)
    return share

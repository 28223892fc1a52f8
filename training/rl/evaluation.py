"""Judging a policy on the toy environment: fixed episodes, no exploration."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from training.rl.agent import PPOAgent
from training.rl.base_plan import SFTWaypointWrapper
from training.rl.delta_use import delta_use
from training.rl.delta_world import DeltaWorld
from training.rl.rollout import episode_seeds
from training.rl.toy_config import ToyEnvConfig
from training.rl.toy_dynamics import GOAL_REACHED, HITS, RUNNING, STEPS, YAW, X, Y

# Apart from any training seed, so that no training episode is ever judged on.
EVALUATION_SEED = 0x5EED_E7A1


@dataclass(frozen=True, slots=True, eq=False)
class ToyEvaluation:
    """E evaluated episodes, one entry each.

    ``driven_m``/``reference_m`` (E, N, 2): where the car was, and where it would have been on the route at the speed
    limit, at the plan's N times after the start, in the start's base_link. ``plan_ade_m``/``plan_fde_m``: mean over
    the episode's steps of the plan's displacement from the reference plan at that step (mean and last waypoint).
    """

    returns: NDArray[np.float64]
    steps: NDArray[np.int64]
    goal_reached: NDArray[np.bool_]
    hit_rate: NDArray[np.float64]
    driven_m: NDArray[np.float64]
    reference_m: NDArray[np.float64]
    plan_ade_m: NDArray[np.float64]
    plan_fde_m: NDArray[np.float64]
    delta: dict[str, float]

    def per_episode(self) -> dict[str, NDArray[np.float64]]:
        """Every metric by name, one number per episode; names end in their unit."""
        error_m = np.linalg.norm(self.driven_m - self.reference_m, axis=2)
        return {
            "return": self.returns,
            "ade_m": error_m.mean(axis=1),
            "fde_m": error_m[:, -1],
            "plan_ade_m": self.plan_ade_m,
            "plan_fde_m": self.plan_fde_m,
            "goal_reach_rate": self.goal_reached.astype(np.float64),
            "waypoint_hit_rate": self.hit_rate,
            "steps": self.steps.astype(np.float64),
        }

    def means(self) -> dict[str, float]:
        """Means over the episodes, and the use of the delta."""
        metrics = {name: float(values.mean()) for name, values in self.per_episode().items()}
        return metrics | {f"delta_{name}": value for name, value in self.delta.items()}


@torch.inference_mode()
def evaluate_toy(
    base: SFTWaypointWrapper, env: ToyEnvConfig, agent: PPOAgent | None, episodes: int, seed: int = EVALUATION_SEED
) -> ToyEvaluation:
    """Drive the ``episodes`` first episodes of ``seed`` with the mean action; without an agent on the base plan alone.

    A car whose episode ended stands where it is.
    """
    world = DeltaWorld(base, env, episodes)
    cars = world.cars
    cars.start(np.arange(episodes), episode_seeds(seed, 0, episodes))
    first_pose, reference_m = cars.poses.copy(), cars.reference()
    driven = []
    sums = np.zeros((3, episodes))
    deltas: list[torch.Tensor] = []
    while True:
        running = cars.ended == RUNNING
        seen = world.look()
        delta = torch.zeros_like(seen.plan_m) if agent is None else agent.deltas(agent.mean(seen.inputs), seen.plan_m)
        plan_m = seen.plan_m + delta
        error_m = np.linalg.norm(plan_m.numpy() - cars.reference(), axis=2)
        deltas.append(delta[torch.from_numpy(running)])
        step = world.follow(plan_m)
        sums += np.stack([step.reward, error_m.mean(axis=1), error_m[:, -1]]) * running
        driven.append(cars.poses[:, [X, Y]].copy())
        if step.done.all():
            break
    while len(driven) < env.num_waypoints:
        driven.append(driven[-1])
    steps = cars.counters[:, STEPS].copy()
    return ToyEvaluation(
        returns=sums[0],
        steps=steps,
        goal_reached=cars.ended == GOAL_REACHED,
        hit_rate=cars.counters[:, HITS] / env.waypoints,
        driven_m=_in_base_link(first_pose, np.stack(driven[: env.num_waypoints], axis=1)),
        reference_m=reference_m,
        plan_ade_m=sums[1] / steps,
        plan_fde_m=sums[2] / steps,
        delta=delta_use(torch.cat(deltas)),
    )


def _in_base_link(poses: NDArray[np.float64], points_m: NDArray[np.float64]) -> NDArray[np.float64]:
    """Express map points (E, N, 2) in the base_link of poses (E, 4)."""
    shifted = points_m - poses[:, None, [X, Y]]
    cos, sin = np.cos(poses[:, None, YAW]), np.sin(poses[:, None, YAW])
    return np.stack(
        [cos * shifted[..., 0] + sin * shifted[..., 1], cos * shifted[..., 1] - sin * shifted[..., 0]], axis=2
    )

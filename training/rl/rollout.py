"""Experience of many cars whose episodes follow each other without pause."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from training.rl.agent import PPOAgent
from training.rl.toy_dynamics import episode_seed
from training.rl.world import World


@dataclass(frozen=True, slots=True, eq=False)
class Experience:
    """T steps of B cars.

    ``inputs``/``next_inputs`` (T, B, F): what the agent saw before and after a step, the latter before the next
    episode begins. ``actions`` (T, B, A), ``log_probs``, ``rewards`` (T, B) float32; ``terminated`` and ``done``
    (terminated or cut off) (T, B) bool; ``deltas_m`` (T, B, N, 2); ``finished`` the returns of ended episodes.
    """

    inputs: torch.Tensor
    next_inputs: torch.Tensor
    actions: torch.Tensor
    log_probs: torch.Tensor
    rewards: torch.Tensor
    terminated: torch.Tensor
    done: torch.Tensor
    deltas_m: torch.Tensor
    finished: list[float]

    @staticmethod
    def empty(steps: int, cars: int, agent: PPOAgent, waypoints: int) -> Experience:
        """Make room."""
        return Experience(
            inputs=torch.empty(steps, cars, agent.norm.mean.numel()),
            next_inputs=torch.empty(steps, cars, agent.norm.mean.numel()),
            actions=torch.empty(steps, cars, agent.action_dim),
            log_probs=torch.empty(steps, cars),
            rewards=torch.empty(steps, cars),
            terminated=torch.empty(steps, cars, dtype=torch.bool),
            done=torch.empty(steps, cars, dtype=torch.bool),
            deltas_m=torch.empty(steps, cars, waypoints, 2),
            finished=[],
        )


class Collector:
    """Drives B cars with an agent, starting the next episode of ``seed`` wherever one ends."""

    def __init__(self, world: World, agent: PPOAgent, seed: int):
        self.world, self.agent = world, agent
        self.episodes = 0
        self.env_steps = 0
        self._seed = seed
        self._started = 0
        self._returns = np.zeros(world.size)
        self._noise = agent.noise(world.size)
        self._start(np.arange(world.size))

    @torch.no_grad()
    def collect(self, steps: int, random: torch.Generator) -> Experience:
        """Take ``steps`` steps with every car."""
        new = Experience.empty(steps, self.world.size, self.agent, self.world.num_waypoints)
        seen = self.world.look()
        for t in range(steps):
            new.inputs[t] = seen.inputs
            new.actions[t], new.log_probs[t] = self.agent.act(seen.inputs, self._noise.draw(random))
            new.deltas_m[t] = self.agent.deltas(new.actions[t], seen.plan_m)
            step = self.world.follow(seen.plan_m + new.deltas_m[t])
            new.rewards[t] = torch.from_numpy(step.reward)
            new.terminated[t] = torch.from_numpy(step.terminated)
            done = step.done
            new.done[t] = torch.from_numpy(done)
            self._returns += step.reward
            seen = self.world.look()
            new.next_inputs[t] = seen.inputs
            if done.any():
                rows = np.flatnonzero(done)
                new.finished.extend(self._returns[rows].tolist())
                self._start(rows)
                seen = self.world.look()
        self.episodes += len(new.finished)
        self.env_steps += steps * self.world.size
        return new

    def state(self) -> dict[str, Any]:
        """Everything needed to continue with the same bits; plain data and tensors."""
        return {
            "counts": [self.episodes, self.env_steps, self._started],
            "returns": torch.from_numpy(self._returns.copy()),
            "noise": self._noise.state(),
            "world": self.world.state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a ``state``."""
        self.episodes, self.env_steps, self._started = state["counts"]
        self._returns = state["returns"].numpy().copy()
        self._noise.restore(state["noise"])
        self.world.restore(state["world"])

    def _start(self, rows: NDArray[np.int64]) -> None:
        first, self._started = self._started, self._started + len(rows)
        self._returns[rows] = 0.0
        self._noise.restart(rows)
        self.world.start(rows, episode_seeds(self._seed, first, len(rows)))


def episode_seeds(seed: int, first: int, count: int) -> NDArray[np.uint64]:
    """Seeds of the episodes ``first``, ``first + 1``, ... of a run with ``seed``."""
    numbers = range(first, first + count)
    return np.array([episode_seed(np.uint64(seed), number) for number in numbers], dtype=np.uint64)

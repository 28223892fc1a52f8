"""Many toy cars in step, for training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training.rl import toy_dynamics as toy
from training.rl.toy_config import ToyEnvConfig


@dataclass(frozen=True, slots=True, eq=False)
class ToyStep:
    """What one step of B cars gave; the arrays are those of the batch and change at its next step.

    ``reward`` float64 (B,); ``ended`` int64 (B,): RUNNING, GOAL_REACHED, GOAL_MISSED or OFF_ROUTE; ``truncated`` bool
    (B,): stopped by the time limit while running.
    """

    reward: NDArray[np.float64]
    ended: NDArray[np.int64]
    truncated: NDArray[np.bool_]

    @property
    def done(self) -> NDArray[np.bool_]:
        """Which cars need a new episode."""
        done: NDArray[np.bool_] = (self.ended != toy.RUNNING) | self.truncated
        return done


class ToyWaypointBatch:
    """B independent cars with the physics of ``ToyWaypointEnv``; episodes are started explicitly by their seeds.

    A car whose episode ended stands still until it is started anew.
    """

    def __init__(self, config: ToyEnvConfig, size: int):
        if size < 1:
            raise ValueError(f"size is {size}, expected at least one car")
        self.config, self.size = config, size
        self._p = config.parameters()
        self.poses = np.zeros((size, 4))
        self.counters = np.zeros((size, 3), dtype=np.int64)
        self.routes = np.zeros((size, config.waypoints + 1, 2))
        self.ended = np.zeros(size, dtype=np.int64)
        self._rewards = np.zeros(size)
        self.start(np.arange(size), np.arange(size, dtype=np.uint64))

    def start(self, rows: NDArray[np.int64], seeds: NDArray[np.uint64]) -> None:
        """Start the episodes of ``seeds`` in these rows. The same seed gives the same episode in any row."""
        if rows.shape != seeds.shape:
            raise ValueError(f"got {rows.shape} rows and {seeds.shape} seeds, expected one seed per row")
        toy.start_batch(self._p, rows, seeds.astype(np.uint64), self.poses, self.counters, self.routes)
        self.ended[rows] = toy.RUNNING

    def copy(self, source: int, rows: NDArray[np.int64]) -> None:
        """Put the car of row ``source``, with its route and counters, into other rows as well."""
        for array in (self.poses, self.counters, self.routes, self.ended):
            array[rows] = array[source]

    def step(self, plans: NDArray[np.float32]) -> ToyStep:
        """Follow the plans (B, N, 2), metres in each car's base_link, for one plan interval."""
        expected = (self.size, self.config.num_waypoints, 2)
        if plans.shape != expected or plans.dtype != np.float32:
            raise ValueError(f"plans are {plans.dtype} {plans.shape}, expected float32 {expected}")
        toy.advance_batch(self._p, plans, self.poses, self.counters, self.routes, self._rewards, self.ended)
        truncated = (self.ended == toy.RUNNING) & (self.counters[:, toy.STEPS] >= self.config.max_steps)
        return ToyStep(self._rewards, self.ended, truncated)

    def observe(self) -> NDArray[np.float32]:
        """See ``OBSERVATION_NAMES``: a new array (B, OBSERVATION_SIZE)."""
        out = np.empty((self.size, toy.OBSERVATION_SIZE), dtype=np.float32)
        toy.observe_batch(self._p, self.poses, self.counters, self.routes, out)
        return out

    def reference(self) -> NDArray[np.float64]:
        """Compute the reference plans (B, N, 2) in base_link: on the route at the speed limit."""
        out = np.empty((self.size, self.config.num_waypoints, 2))
        toy.reference_batch(self._p, self.poses, self.counters, self.routes, out)
        return out

    def state(self) -> dict[str, NDArray[Any]]:
        """Everything that changes, to continue from later; copies."""
        return {name: getattr(self, name).copy() for name in ("poses", "counters", "routes", "ended")}

    def restore(self, state: dict[str, NDArray[Any]]) -> None:
        """Go back to a ``state`` of a batch of the same size and configuration. Raises ValueError for another."""
        for name, value in state.items():
            if getattr(self, name).shape != value.shape:
                raise ValueError(f"{name} has shape {value.shape}, this batch needs {getattr(self, name).shape}")
            getattr(self, name)[...] = value

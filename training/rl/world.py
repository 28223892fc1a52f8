"""What a learner of deltas acts on: many cars over one frozen planner, such as the toy or the drives.

A learner never looks behind this border, so PPO and GRPO are the same wherever they train.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import torch
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, eq=False)
class Situation:
    """Where B cars are: ``inputs`` (B, actor + extra) for the agent, ``plan_m`` (B, N, 2) the frozen base plan."""

    inputs: torch.Tensor
    plan_m: torch.Tensor


@dataclass(frozen=True, slots=True, eq=False)
class WorldStep:
    """What one step of B cars gave, one entry each.

    ``terminated``: the episode ended by what happened; ``truncated``: it was cut off while it could have gone on.
    """

    reward: NDArray[np.float64]
    terminated: NDArray[np.bool_]
    truncated: NDArray[np.bool_]

    @property
    def done(self) -> NDArray[np.bool_]:
        """Which cars need a new episode."""
        return self.terminated | self.truncated


class World(Protocol):
    """B cars; a car whose episode ended stands still, with reward 0, until it is started anew."""

    @property
    def size(self) -> int:
        """How many cars there are."""
        ...

    @property
    def num_waypoints(self) -> int:
        """Waypoints of a plan."""
        ...

    def start(self, rows: NDArray[np.int64], seeds: NDArray[np.uint64]) -> None:
        """Start the episodes of ``seeds`` in these rows. The same seed gives the same episode in any row."""
        ...

    def copy(self, source: int, rows: NDArray[np.int64]) -> None:
        """Let other rows go on from where ``source`` is now."""
        ...

    def rest(self, rows: NDArray[np.int64]) -> None:
        """Treat the episodes of these rows as ended, until they are started anew or copied to."""
        ...

    def look(self) -> Situation:
        """Ask the frozen planner about every car. Asking twice changes nothing."""
        ...

    def follow(self, plan_m: torch.Tensor) -> WorldStep:
        """Let every car follow its plan float32 (B, N, 2), base_link, for one step."""
        ...

    def state(self) -> dict[str, Any]:
        """Everything needed to continue with the same bits; plain data and tensors."""
        ...

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a ``state`` of a world of the same configuration."""
        ...

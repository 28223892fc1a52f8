"""What a refinement run needs to know of where it trains: worlds to act in, and a judge."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from training.models.checkpoint import Checkpoint
from training.rl.agent import PPOAgent
from training.rl.world import World


class Evaluation(Protocol):
    """Some fixed episodes, driven without exploration."""

    def per_episode(self) -> dict[str, NDArray[np.float64]]:
        """Every metric by name, one number per episode."""
        ...

    def means(self) -> dict[str, float]:
        """Means over the episodes, and what is known only of all together."""
        ...


class Task(Protocol):
    """Where a frozen policy is refined."""

    base_name: str
    base_sha256: str
    head_sizes: dict[str, Any]
    """Arguments of the delta head that fits."""

    extra_dim: int
    """How many inputs only the critic sees."""

    @property
    def checkpoint(self) -> Checkpoint | None:
        """The frozen network's; None for a stand-in."""
        ...

    @property
    def higher_is_better(self) -> Mapping[str, bool]:
        """Metrics in which a run is compared with the base plan."""
        ...

    def world(self, size: int) -> World:
        """Make a world of so many cars."""
        ...

    def judge(self, agent: PPOAgent | None) -> Evaluation:
        """Evaluate the agent, or the base plan alone."""
        ...

    def described(self) -> dict[str, Any]:
        """Tell in ``metrics.json`` what the metrics are about."""
        ...

    def save_paths(self, folder: Path, sft: Evaluation, refined: Evaluation) -> None:
        """Write what else belongs to the end of a run."""
        ...

    def close(self) -> None:
        """End what the worlds run on."""
        ...

"""Episodes that begin a few seconds before an earlier one ended badly, so that steps are spent where they decide."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from training.rl.drive_env.config import RestartConfig
from training.rl.drive_env.drive import Drive
from training.rl.drive_env.infractions import BLOCKED, COEFFICIENTS

CRITICAL = frozenset(COEFFICIENTS) - {BLOCKED}
"""Endings that a few seconds before could still be avoided; whoever is blocked has stood for longer. Whoever idles
stands a few seconds before: where starting again is learned."""


@dataclass(slots=True)
class Moment:
    """Where an episode can begin again: a seed, the plans (T, N, 2) followed since, and the drive once asked for."""

    seed: int
    plans: list[torch.Tensor]
    drive: Drive | None = None


class Restarts:
    """Keeps the latest moments before bad endings. ``redrive(seed, plans)`` leads to a moment's drive."""

    def __init__(
        self, config: RestartConfig, step_s: float, redrive: Callable[[int, Sequence[torch.Tensor]], Drive]
    ) -> None:
        self._config, self._step_s, self._redrive = config, step_s, redrive
        self._moments: deque[Moment] = deque(maxlen=config.kept)

    def note(self, ended: str, seed: int, plans: Sequence[torch.Tensor]) -> None:
        """Remember an episode that ended, if it ended badly; the seed and the plans it followed from its beginning."""
        if self._config.share == 0.0 or ended not in CRITICAL:
            return
        low_s, high_s = self._config.before_s
        before_s = np.random.default_rng((seed, len(plans), 7)).uniform(low_s, high_s)
        kept = max(len(plans) - round(before_s / self._step_s), 0)
        self._moments.append(Moment(seed, list(plans[:kept])))

    def draw(self, seed: int) -> Moment | None:
        """Choose where the episode of ``seed`` begins; None: where its own drive begins."""
        if not self._moments:
            return None
        random = np.random.default_rng((seed, 5))
        if random.random() >= self._config.share:
            return None
        return self._moments[int(random.integers(len(self._moments)))]

    def begin(self, moment: Moment) -> Drive:
        """Return a drive that goes on from a moment."""
        if moment.drive is None:
            moment.drive = self._redrive(moment.seed, moment.plans)
        return moment.drive.fork()

    def state(self) -> list[dict[str, Any]]:
        """Seeds and plans: driving them again leads to the same moments."""
        return [{"seed": moment.seed, "plans": [plan.clone() for plan in moment.plans]} for moment in self._moments]

    def restore(self, state: Sequence[dict[str, Any]]) -> None:
        """Go on from a ``state``."""
        self._moments.clear()
        self._moments.extend(Moment(kept["seed"], list(kept["plans"])) for kept in state)

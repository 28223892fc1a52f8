"""Exploration noise that lasts: a driver who tries braking does so for a second, not for a fifth of one."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray


class LastingNoise:
    """Standard normal noise of B cars, each car's correlated from step to step (autoregressive of first order).

    ``memory`` is the correlation of one step with the next, 0 (white noise) to below 1; every single draw has mean 0
    and variance 1 whatever it is. The learner treats draws as independent, as with coloured noise in PPO
    (Hollenstein et al. 2024, arXiv 2312.11091): a wish that lasts gets the credit of all its steps.
    """

    def __init__(self, cars: int, size: int, memory: float) -> None:
        self._memory = memory
        self._last = torch.zeros(cars, size)
        self._fresh = torch.ones(cars, dtype=torch.bool)

    def restart(self, rows: NDArray[np.int64] | slice = slice(None)) -> None:
        """Forget what these cars tried: their episodes begin."""
        self._fresh[rows] = True

    def draw(self, random: torch.Generator) -> torch.Tensor:
        """Draw the next noise (B, size)."""
        new = torch.randn(self._last.shape, generator=random)
        if self._memory > 0.0:
            lasting = self._memory * self._last + math.sqrt(1.0 - self._memory**2) * new
            new = torch.where(self._fresh[:, None], new, lasting)
        self._last = new
        self._fresh[:] = False
        return new

    def state(self) -> dict[str, Any]:
        """Everything needed to go on with the same bits."""
        return {"last": self._last.clone(), "fresh": self._fresh.clone()}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a ``state``."""
        self._last, self._fresh = state["last"].clone(), state["fresh"].clone()

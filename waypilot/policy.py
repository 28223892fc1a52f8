"""What every driver is to the rest of the stack: an observation in, a plan out."""

from __future__ import annotations

from typing import Protocol

from waypilot.route import Route
from waypilot.types import Observation, Plan


class Policy(Protocol):
    """A driver. Implementations may keep state between steps; ``reset`` must clear all of it.

    Given the same route, seed and sequence of observations, a policy answers with the same plans, bit for bit.
    """

    @property
    def name(self) -> str:
        """Short name for results and logs, such as ``expert``."""
        ...

    def reset(self, route: Route, seed: int) -> None:
        """Start a new drive along ``route``; every random choice of the drive follows from ``seed``."""
        ...

    def plan(self, observation: Observation) -> Plan:
        """Answer one observation; the trajectories carry ``observation.stamp_ns`` and lie in its base_link."""
        ...

"""A plan as a path and as speeds: what is the same at every step at which it is followed."""

from __future__ import annotations

import math

import numpy as np

from waypilot.geometry import FloatArray
from waypilot.types import NANOSECONDS_PER_SECOND, Trajectory


class PlanCourse:
    """The course of a valid plan. ``path_m`` is its start and its waypoints, (N + 1, 2), base_link at its stamp."""

    def __init__(self, plan: Trajectory) -> None:
        self.plan = plan
        self.path_m: FloatArray = np.vstack([np.zeros((1, 2)), plan.waypoints_m])
        steps = np.diff(self.path_m, axis=0)
        lengths = np.hypot(steps[:, 0], steps[:, 1])
        self._dt_s = plan.dt_ns / NANOSECONDS_PER_SECOND
        self._lengths_m: list[float] = lengths.tolist()
        self._arc_m: list[float] = [0.0, *np.cumsum(lengths).tolist()]

    def speed_mps(self, from_s: float, to_s: float) -> float:
        """Mean speed between two times after the plan's stamp; outside the plan, its end spacings count on."""
        return (self._arc_at(to_s) - self._arc_at(from_s)) / (to_s - from_s)

    def _arc_at(self, time_s: float) -> float:
        index = min(max(math.floor(time_s / self._dt_s), 0), len(self._lengths_m) - 1)
        return self._arc_m[index] + (time_s / self._dt_s - index) * self._lengths_m[index]

"""The route as the expert follows it: places, headings, curvature and the speed permitted by its bends."""

from __future__ import annotations

import math

import numpy as np

from waypilot.expert.config import ExpertConfig
from waypilot.geometry import FloatArray
from waypilot.maneuvers import SAMPLE_SPACING_M, curvature
from waypilot.route import Route

_END_MARGIN_M = 4.0  # the reference is straight beyond this distance outside the route's ends


class Reference:
    """The route, finely and evenly sampled, with curvature and permitted speed, as lists for a fast scalar loop."""

    def __init__(self, route: Route, config: ExpertConfig) -> None:
        count = math.ceil((route.length_m + 2.0 * _END_MARGIN_M) / SAMPLE_SPACING_M) + 1
        s = np.linspace(-_END_MARGIN_M, route.length_m + _END_MARGIN_M, count)
        points, headings = route.sample(s)
        kappa = curvature(route.sample, s)
        self._first_m, self._step_m = float(s[0]), float(s[1] - s[0])
        self.speeds = speed_profile(kappa, self._step_m, config).tolist()
        self._rows: list[tuple[float, float, float, float]] = list(
            zip(points[:, 0].tolist(), points[:, 1].tolist(), headings.tolist(), kappa.tolist(), strict=True)
        )

    def at(self, s_m: float) -> tuple[float, float, float, float, float]:
        """Return x, y (m), heading (rad), curvature (1/m) and permitted speed (m/s), straight beyond the ends."""
        position = (s_m - self._first_m) / self._step_m
        index = min(max(int(position), 0), len(self._rows) - 2)
        f = position - index
        x0, y0, heading0, kappa0 = self._rows[index]
        x1, y1, heading1, kappa1 = self._rows[index + 1]
        inside = min(max(f, 0.0), 1.0)
        speed = self.speeds[index] + inside * (self.speeds[index + 1] - self.speeds[index])
        heading, kappa = heading0 + inside * (heading1 - heading0), kappa0 + inside * (kappa1 - kappa0)
        return x0 + f * (x1 - x0), y0 + f * (y1 - y0), heading, kappa, speed


def speed_profile(curvature_per_m: FloatArray, step_m: float, config: ExpertConfig) -> FloatArray:
    """Permitted speed (m/s) at evenly spaced places: slow enough for each bend, and braking for it in time."""
    bend_limit = np.sqrt(config.lateral_acceleration_mps2 / np.maximum(np.abs(curvature_per_m), 1e-6))
    squared = (np.minimum(bend_limit, config.target_speed_mps) ** 2).tolist()
    for i in range(len(squared) - 2, -1, -1):
        squared[i] = min(squared[i], squared[i + 1] + 2.0 * config.comfort_deceleration_mps2 * step_m)
    return np.sqrt(np.array(squared, dtype=np.float64))

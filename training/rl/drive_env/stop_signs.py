"""Watches whether the vehicle stops at stop signs, by the rule of the metric ``stop_signs_ignored``, tick by tick."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from training.rl.drive_env.stop_lines import NEAR_M, nearest_ahead_m
from waypilot.geometry import SE2
from waypilot.metrics.stop_signs import NEAR_M as AT_SIGN_M
from waypilot.metrics.stop_signs import STOPPED_MPS
from waypilot.stop_lines import distance_past_m, passes
from waypilot.surroundings import Footprint, SignalKind, StopLine


class StopSigns:
    """The stop signs near a route; ``ignored`` counts those passed without a stop."""

    def __init__(self, lines: Sequence[StopLine], ego: Footprint) -> None:
        self._lines = [line for line in lines if line.kind is SignalKind.STOP_SIGN]
        self._front_m = ego.centre_x_m + ego.half_length_m
        self._stood = [False] * len(self._lines)
        self._last: tuple[float, float] | None = None
        self.ignored = 0

    def update(self, pose: SE2, speed_mps: float) -> None:
        """Take the next pose and speed."""
        here, last = (pose.x_m, pose.y_m), self._last
        self._last = here
        front = pose.compose(SE2(self._front_m, 0.0, 0.0))
        at = np.array([(front.x_m, front.y_m)])
        for index, line in enumerate(self._lines):
            if math.dist(line.left_m, here) > NEAR_M:
                self._stood[index] = False
                continue
            if last is not None and not self._stood[index] and passes(line, last, here):
                self.ignored += 1
            near = float(distance_past_m(line, at)[0]) >= -AT_SIGN_M
            self._stood[index] = near and (self._stood[index] or speed_mps < STOPPED_MPS)

    def ahead_m(self, pose: SE2) -> float:
        """Distance to the nearest line ahead at which the vehicle has not stopped yet; infinity without one."""
        open_lines = (line for line, stood in zip(self._lines, self._stood, strict=True) if not stood)
        return nearest_ahead_m(open_lines, pose)

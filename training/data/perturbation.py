"""Disturbances of the steering, so that recorded drives show how to come back to the lane."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from waypilot.types import Control


@dataclass(frozen=True, slots=True)
class SteeringNoiseConfig:
    """Bursts of added steering: half sine waves that push to one side.

    ``pause_s`` is the mean of the (exponential) time between bursts, ``duration_s`` their range. ``peak_steer`` is
    the range of their height in units of the steering command at standstill; it falls with the square of the speed
    above ``reference_speed_mps``, as the sideways acceleration that a steering angle causes grows with it.
    """

    pause_s: float = 3.0
    duration_s: tuple[float, float] = (0.4, 1.2)
    peak_steer: tuple[float, float] = (0.06, 0.35)
    reference_speed_mps: float = 6.0

    def __post_init__(self) -> None:
        if not self.pause_s > 0.0:
            raise ValueError(f"pause_s is {self.pause_s}, expected a positive number of seconds")
        if not 0.0 < self.duration_s[0] <= self.duration_s[1]:
            raise ValueError(f"duration_s is {self.duration_s}, expected a range of positive seconds")
        if not 0.0 <= self.peak_steer[0] <= self.peak_steer[1] <= 1.0:
            raise ValueError(f"peak_steer is {self.peak_steer}, expected a range within 0 to 1")
        if not self.reference_speed_mps > 0.0:
            raise ValueError(f"reference_speed_mps is {self.reference_speed_mps}, expected a positive speed")


class SteeringNoise:
    """Adds bursts to the commands of one drive; the same seed and times give the same bursts."""

    def __init__(self, config: SteeringNoiseConfig, seed: int):
        self._config = config
        self._random = np.random.default_rng(seed)
        self._start_s = float(self._random.exponential(config.pause_s))
        self._duration_s, self._peak = 0.0, 0.0
        self._draw_shape()

    def disturb(self, control: Control, time_s: float, speed_mps: float) -> Control:
        """Add what the burst under way asks for at ``time_s`` since the start of the drive (not decreasing)."""
        while time_s >= self._start_s + self._duration_s:
            self._start_s += self._duration_s + float(self._random.exponential(self._config.pause_s))
            self._draw_shape()
        if time_s < self._start_s:
            return control
        shape = np.sin(np.pi * (time_s - self._start_s) / self._duration_s)
        calm = min(1.0, (self._config.reference_speed_mps / max(abs(speed_mps), 1e-3)) ** 2)
        return replace(control, steer=float(np.clip(control.steer + self._peak * shape * calm, -1.0, 1.0)))

    def _draw_shape(self) -> None:
        self._duration_s = float(self._random.uniform(*self._config.duration_s))
        self._peak = float(self._random.choice([-1.0, 1.0]) * self._random.uniform(*self._config.peak_steer))

"""What the expert finds on its way beside the route's own bends. Arc lengths are those of base_link's origin."""

from __future__ import annotations

import math
from dataclasses import dataclass

from waypilot.geometry import FloatArray


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Somebody on the way: touched at ``s_m`` now, moving on along the route, until a time."""

    s_m: float
    speed_mps: float = 0.0
    until_s: float = math.inf


@dataclass(frozen=True, slots=True)
class Stop:
    """A place to stop at, and the deceleration that it takes."""

    s_m: float
    deceleration_mps2: float


@dataclass(frozen=True, slots=True)
class SlowZone:
    """A stretch to be driven slowly."""

    start_m: float
    end_m: float
    speed_mps: float


@dataclass(frozen=True, slots=True)
class Hindrances:
    """All of them."""

    obstacles: tuple[Obstacle, ...] = ()
    stops: tuple[Stop, ...] = ()
    zones: tuple[SlowZone, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Progress:
    """Where a simulated drive is over time: arc lengths (K,), the first after one step."""

    s_m: FloatArray
    step_s: float

    def at(self, time_s: float) -> float:
        """Arc length at a time; before the first step and after the last one it stands."""
        last = len(self.s_m) - 1
        index = last if time_s >= last * self.step_s else round(time_s / self.step_s) - 1
        return float(self.s_m[max(index, 0)])

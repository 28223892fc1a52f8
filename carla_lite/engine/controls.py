"""Commands that actors obey, checked on construction so that no bad number reaches the physics."""

from __future__ import annotations

import math
from dataclasses import dataclass

from waypilot.geometry import Vector3


def _unit_range(owner: object, name: str, low: float) -> None:
    """Clip a field to [low, 1] as CARLA does; raise ValueError when it is no finite number."""
    value = float(getattr(owner, name))
    if not math.isfinite(value):
        raise ValueError(f"{name} is {value}, expected a number in [{low:g}, 1]")
    object.__setattr__(owner, name, min(1.0, max(low, value)))


@dataclass(frozen=True, slots=True)
class VehicleControl:
    """A vehicle command in CARLA's sense: throttle and brake 0..1, steer -1..1 with **positive to the right**.

    Numbers outside the range are clipped, as CARLA does; NaN and infinity raise ValueError. ``gear`` counts only
    with ``manual_gear_shift``: negative is reverse, 0 neutral.
    """

    throttle: float = 0.0
    steer: float = 0.0
    brake: float = 0.0
    hand_brake: bool = False
    reverse: bool = False
    manual_gear_shift: bool = False
    gear: int = 0

    def __post_init__(self) -> None:
        _unit_range(self, "throttle", 0.0)
        _unit_range(self, "steer", -1.0)
        _unit_range(self, "brake", 0.0)

    @property
    def drive_direction(self) -> int:
        """Return +1 forward, -1 reverse, 0 neutral."""
        if self.manual_gear_shift:
            return (self.gear > 0) - (self.gear < 0)
        return -1 if self.reverse else 1


@dataclass(frozen=True, slots=True)
class WalkerControl:
    """A walker command: a direction in map axes (its length does not matter) and a speed in m/s."""

    direction: Vector3 = (1.0, 0.0, 0.0)
    speed_mps: float = 0.0
    jump: bool = False

    def __post_init__(self) -> None:
        if not all(map(math.isfinite, (*self.direction, self.speed_mps))):
            raise ValueError(f"walker direction {self.direction} and speed {self.speed_mps} must be finite")

    @property
    def velocity_mps(self) -> tuple[float, float]:
        """Return the planar velocity asked for, map axes."""
        x, y, _ = self.direction
        length = math.hypot(x, y)
        if length < 1e-6:
            return 0.0, 0.0
        return self.speed_mps * x / length, self.speed_mps * y / length

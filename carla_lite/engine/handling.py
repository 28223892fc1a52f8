"""What a client may change about how a vehicle drives, relative to what its blueprint gives it."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from carla_lite.engine import body as b
from waypilot.geometry import FloatArray

_LARGEST = 1e4


@dataclass(frozen=True, slots=True)
class Handling:
    """How a vehicle drives.

    ``grip`` is the friction of its tyres (1: they hold 1 g). The rest are factors on the default car's accelerations:
    traction at low speed, power, brakes, hand brake and air drag. ``steering_curve`` is the part of the full wheel
    angle left at each speed of ``body.CURVE_KPH``. Raises ValueError for what no vehicle can have.
    """

    grip: float = 1.0
    drive: float = 1.0
    power: float = 1.0
    brake: float = 1.0
    hand_brake: float = 1.0
    drag: float = 1.0
    steering_curve: tuple[float, ...] = b.DEFAULT_CURVE

    def __post_init__(self) -> None:
        if len(self.steering_curve) != len(b.CURVE_KPH):
            raise ValueError(f"the steering curve has {len(self.steering_curve)} shares, expected {len(b.CURVE_KPH)}")
        for field in fields(self)[:-1]:
            value = getattr(self, field.name)
            if not 0.0 <= value <= _LARGEST:
                raise ValueError(
                    f"{field.name} is {value} times the default car's, expected a number in [0, {_LARGEST:g}]"
                )
        if not all(0.0 <= share <= 1.0 and math.isfinite(share) for share in self.steering_curve):
            raise ValueError(f"the steering curve is {self.steering_curve}, expected shares in [0, 1]")

    def write(self, row: FloatArray) -> None:
        """Put the figures into a vehicle's row."""
        row[b.GRIP : b.CURVE] = self.grip, self.drive, self.power, self.brake, self.hand_brake, self.drag
        row[b.CURVE : b.CURVE_END] = self.steering_curve

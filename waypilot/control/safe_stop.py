"""Coming to a halt when there is nothing to follow."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SafeStopConfig:
    """The brake starts at ``first_brake`` and grows by ``brake_per_s`` up to ``max_brake``.

    The wheels keep their angle for ``hold_steer_s`` (through the bend the vehicle is in), then go straight.
    """

    first_brake: float = 0.25
    brake_per_s: float = 0.5
    max_brake: float = 0.9
    hold_steer_s: float = 1.0

    def __post_init__(self) -> None:
        if not 0.0 < self.first_brake <= self.max_brake <= 1.0:
            raise ValueError("safe stop needs 0 < first_brake <= max_brake <= 1")
        if not self.brake_per_s >= 0.0 or not self.hold_steer_s >= 0.0:
            raise ValueError("brake_per_s and hold_steer_s must not be negative")


class SafeStop:
    """Measures how long the stop lasts and says how hard to brake."""

    def __init__(self, config: SafeStopConfig) -> None:
        self.config = config
        self._elapsed_s: float | None = None

    def release(self) -> None:
        """Driving goes on; the next stop begins gently again."""
        self._elapsed_s = None

    def brake(self, dt_s: float) -> float:
        """Brake of this step; the first step of a stop brakes with ``first_brake``."""
        self._elapsed_s = 0.0 if self._elapsed_s is None else self._elapsed_s + dt_s
        return min(self.config.first_brake + self.config.brake_per_s * self._elapsed_s, self.config.max_brake)

    @property
    def holds_steer(self) -> bool:
        """Whether the wheels should still keep their angle."""
        return self._elapsed_s is None or self._elapsed_s < self.config.hold_steer_s

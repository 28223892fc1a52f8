"""Speed: the waypoints' spacing says how fast to be soon; a PI controller on acceleration gets the vehicle there."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LongitudinalConfig:
    """Longitudinal control. Accelerations in m/s^2.

    The wanted speed is the mean over the plan's stretch from ``window_start_s`` to ``window_end_s`` from now. The
    proportional gain should be near the inverse of the window's middle: then a plan's own acceleration is what results.
    ``full_throttle_mps2`` and ``full_brake_mps2`` are what the pedals give when fully pressed; the integral makes up
    for what they miss, within ``max_integral_mps2``, and only while the speed error is below ``integral_band_mps``
    (a lasting large error means the plan accelerates, not that the vehicle fails to follow) or the vehicle stands.
    Accelerations between 0 and -``coast_mps2`` need no pedal. At wanted and actual speeds below ``stop_speed_mps`` the
    vehicle is held with ``hold_brake``.
    """

    window_start_s: float = 0.25
    window_end_s: float = 1.0
    proportional_per_s: float = 1.6
    integral_per_s2: float = 0.4
    max_integral_mps2: float = 1.5
    integral_band_mps: float = 0.6
    max_acceleration_mps2: float = 3.0
    max_deceleration_mps2: float = 6.0
    full_throttle_mps2: float = 6.0
    full_brake_mps2: float = 8.0
    coast_mps2: float = 0.3
    max_throttle: float = 0.75
    max_brake: float = 1.0
    stop_speed_mps: float = 0.3
    hold_brake: float = 0.4

    def __post_init__(self) -> None:
        if not 0.0 <= self.window_start_s < self.window_end_s:
            raise ValueError("the speed window must start at 0 s or later and end after it starts")
        for name in ("proportional_per_s", "max_acceleration_mps2", "max_deceleration_mps2", "integral_band_mps"):
            if not getattr(self, name) > 0.0:
                raise ValueError(f"{name} is {getattr(self, name)}, expected a positive value")
        for name in ("full_throttle_mps2", "full_brake_mps2", "stop_speed_mps"):
            if not getattr(self, name) > 0.0:
                raise ValueError(f"{name} is {getattr(self, name)}, expected a positive value")
        for name in ("integral_per_s2", "max_integral_mps2", "coast_mps2"):
            if not getattr(self, name) >= 0.0:
                raise ValueError(f"{name} is {getattr(self, name)}, expected zero or more")
        for name in ("max_throttle", "max_brake", "hold_brake"):
            if not 0.0 < getattr(self, name) <= 1.0:
                raise ValueError(f"{name} is {getattr(self, name)}, expected a pedal position in (0, 1]")


class LongitudinalController:
    """Turns a wanted speed into pedals. State: the integral, in m/s^2."""

    def __init__(self, config: LongitudinalConfig) -> None:
        self.config = config
        self._integral_mps2 = 0.0

    def reset(self) -> None:
        """Forget the integral."""
        self._integral_mps2 = 0.0

    def follow(self, wanted_mps: float, speed_mps: float, dt_s: float) -> tuple[float, float]:
        """Return (throttle, brake), never both pressed."""
        c = self.config
        if wanted_mps < c.stop_speed_mps and abs(speed_mps) < c.stop_speed_mps:
            self._integral_mps2 = 0.0
            return 0.0, c.hold_brake
        error = wanted_mps - speed_mps
        asked = c.proportional_per_s * error + self._integral_mps2
        limited = min(max(asked, -c.max_deceleration_mps2), c.max_acceleration_mps2)
        tracking = abs(error) < c.integral_band_mps or abs(speed_mps) < c.stop_speed_mps
        if tracking and asked == limited:
            grown = self._integral_mps2 + c.integral_per_s2 * error * dt_s
            self._integral_mps2 = min(max(grown, -c.max_integral_mps2), c.max_integral_mps2)
        return self._pedals(limited)

    def _pedals(self, acceleration_mps2: float) -> tuple[float, float]:
        c = self.config
        if acceleration_mps2 >= 0.0:
            return min(acceleration_mps2 / c.full_throttle_mps2, c.max_throttle), 0.0
        excess = -acceleration_mps2 - c.coast_mps2
        return 0.0, min(max(excess, 0.0) / c.full_brake_mps2, c.max_brake)

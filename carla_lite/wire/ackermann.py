"""Driving a vehicle by wheel angle and speed instead of pedals, as CARLA's Ackermann control does."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from carla_lite.engine import Vehicle, VehicleControl
from carla_lite.wire import readers

_SPEED_GAIN = 0.5
"""Pedal per m/s of speed error: full throttle from 2 m/s on."""
_STANDSTILL_MPS = 0.1
_SMALLEST_ANGLE_RAD = 1e-3


@dataclass(frozen=True, slots=True)
class AckermannTarget:
    """What a vehicle shall reach: wheel angle (rad, **right** positive, as on the wire) and signed speed (m/s).

    ``steer_speed_radps``, ``acceleration_mps2`` and ``jerk_mps3`` limit how fast it gets there; 0 is no limit.
    """

    steer_right_rad: float
    steer_speed_radps: float
    speed_mps: float
    acceleration_mps2: float
    jerk_mps3: float


def read_ackermann(value: Any) -> AckermannTarget:
    """Read a VehicleAckermannControl."""
    steer, steer_speed, speed, acceleration, jerk = readers.record(
        value, "VehicleAckermannControl", *[readers.number] * 5
    )
    return AckermannTarget(steer, abs(steer_speed), speed, abs(acceleration), abs(jerk))


def controller_settings() -> list[float]:
    """Write AckermannControllerSettings: a proportional speed controller, no acceleration loop."""
    return [_SPEED_GAIN, 0.0, 0.0, 0.0, 0.0, 0.0]


class AckermannDriver:
    """Drives one vehicle toward the latest target, along a course of wheel angle and speed that keeps its limits."""

    def __init__(self, vehicle: Vehicle, target: AckermannTarget) -> None:
        self.target = target
        self._vehicle = vehicle
        self._steer_rad = -vehicle.wheel_angle_rad
        self._speed_mps = vehicle.speed_mps
        self._acceleration_mps2 = 0.0

    def step(self, dt_s: float) -> None:
        """Move on along the course and set pedals and steering accordingly."""
        target = self.target
        self._steer_rad = _toward(self._steer_rad, target.steer_right_rad, target.steer_speed_radps * dt_s)
        self._speed_mps = self._next_speed(dt_s)
        self._vehicle.apply_control(self._control())

    def _next_speed(self, dt_s: float) -> float:
        """Return the speed of the course ``dt_s`` later; with a jerk limit it leaves and arrives softly."""
        target, speed = self.target, self._speed_mps
        if target.jerk_mps3 <= 0.0:
            return _toward(speed, target.speed_mps, target.acceleration_mps2 * dt_s)
        error = target.speed_mps - speed
        part = 0.5 * target.jerk_mps3 * dt_s
        soft = math.sqrt(part * part + 2.0 * target.jerk_mps3 * abs(error)) - part  # from here it can still end softly
        soft = min(soft, target.acceleration_mps2 or math.inf)
        wanted = math.copysign(soft, error)
        self._acceleration_mps2 = _toward(self._acceleration_mps2, wanted, target.jerk_mps3 * dt_s)
        change = self._acceleration_mps2 * dt_s
        if abs(change) >= abs(error) and change * error >= 0.0:
            self._acceleration_mps2 = 0.0
            return target.speed_mps
        return speed + change

    def _control(self) -> VehicleControl:
        vehicle, wanted_mps = self._vehicle, self._speed_mps
        steer = self._steer_rad / max(vehicle.blueprint.max_steer_rad, _SMALLEST_ANGLE_RAD)
        if abs(wanted_mps) < _STANDSTILL_MPS and abs(self.target.speed_mps) < _STANDSTILL_MPS:
            return VehicleControl(steer=steer, brake=1.0)
        reverse = wanted_mps < 0.0
        pedal = _SPEED_GAIN * (wanted_mps - vehicle.speed_mps) * (-1.0 if reverse else 1.0)
        return VehicleControl(throttle=max(pedal, 0.0), steer=steer, brake=max(-pedal, 0.0), reverse=reverse)


def _toward(value: float, target: float, step: float) -> float:
    """Return ``value`` moved toward ``target`` by at most ``step``; 0 is no limit."""
    if step <= 0.0:
        return target
    return value + min(max(target - value, -step), step)

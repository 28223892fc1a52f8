"""Driving a vehicle by wheel angle and speed instead of pedals, as CARLA's Ackermann control does."""

from __future__ import annotations

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
    """Wheel angle (rad, **right** positive, as on the wire) and signed speed (m/s) that a vehicle shall reach."""

    steer_right_rad: float
    speed_mps: float


def read_ackermann(value: Any) -> AckermannTarget:
    """Read a VehicleAckermannControl; rates, acceleration and jerk are checked but not followed."""
    steer, _, speed, _, _ = readers.record(value, "VehicleAckermannControl", *[readers.number] * 5)
    return AckermannTarget(steer, speed)


def controller_settings() -> list[float]:
    """Write AckermannControllerSettings: a proportional speed controller, no acceleration loop."""
    return [_SPEED_GAIN, 0.0, 0.0, 0.0, 0.0, 0.0]


def control_towards(target: AckermannTarget, vehicle: Vehicle) -> VehicleControl:
    """Return the pedals and steering that bring a vehicle nearer to ``target``."""
    steer = target.steer_right_rad / max(vehicle.blueprint.max_steer_rad, _SMALLEST_ANGLE_RAD)
    if abs(target.speed_mps) < _STANDSTILL_MPS:
        return VehicleControl(steer=steer, brake=1.0)
    reverse = target.speed_mps < 0.0
    error_mps = (target.speed_mps - vehicle.speed_mps) * (-1.0 if reverse else 1.0)
    pedal = _SPEED_GAIN * error_mps
    return VehicleControl(throttle=max(pedal, 0.0), steer=steer, brake=max(-pedal, 0.0), reverse=reverse)

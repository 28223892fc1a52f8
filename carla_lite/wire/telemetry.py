"""CARLA's VehicleTelemetryData.

Signs and units are those that others measured on CARLA 0.9.16: ``drag`` is the air's in N, so that mass times forward
acceleration is the sum of ``long_force`` less ``drag``; ``torque`` is what the road turns the wheel by, that is
``-long_force`` times the radius; slip angles are in degrees.
"""

from __future__ import annotations

import math
from typing import Any

from carla_lite.engine import Vehicle
from carla_lite.engine.body import GRIP
from carla_lite.engine.friction import DEFAULT_TIRE_FRICTION
from carla_lite.engine.tyres import Tyre, tyres_of
from carla_lite.wire.physics_record import PowerTrain

Wire = list[Any]
_IDLE_RPM = 800.0
_NO_SLIP = 0.0
_NORMAL_LOAD = 1.0


def telemetry(vehicle: Vehicle, power_train: PowerTrain) -> Wire:
    """Write a vehicle's telemetry."""
    control, tyres = vehicle.control, tyres_of(vehicle)
    omega = vehicle.speed_mps / power_train.wheel_radius_m
    rpm = max(_IDLE_RPM, abs(omega) * power_train.ratio(vehicle.gear) * 60.0 / (2.0 * math.pi))
    head = [abs(vehicle.speed_mps), control.steer, control.throttle, control.brake]
    friction = DEFAULT_TIRE_FRICTION * float(vehicle.body[GRIP])
    wheels = [_wheel(tyre, friction, omega, power_train.wheel_radius_m) for tyre in tyres.wheels]
    return [*head, min(rpm, power_train.max_rpm), vehicle.gear, tyres.air_drag_n, wheels]


def _wheel(tyre: Tyre, friction: float, omega: float, radius_m: float) -> Wire:
    """Write WheelTelemetryData: CARLA's y points to the right, and its normalised forces have no sign."""
    right_n = -tyre.left_n
    return [
        friction,
        -math.degrees(math.atan(tyre.slip)),
        _NO_SLIP,
        omega,
        tyre.load_n,
        _NORMAL_LOAD,
        -tyre.forward_n * radius_m,
        tyre.forward_n,
        right_n,
        abs(tyre.forward_n) / tyre.load_n,
        abs(right_n) / tyre.load_n,
    ]

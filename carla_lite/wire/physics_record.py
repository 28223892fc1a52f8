"""CARLA's VehiclePhysicsControl: a plausible one per vehicle, and the checked reading of a client's."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from carla_lite.engine import Blueprint, Handling
from carla_lite.engine.body import CURVE_KPH
from carla_lite.engine.friction import DEFAULT_TIRE_FRICTION
from carla_lite.wire import readers
from carla_lite.wire.errors import CallError
from carla_lite.wire.records import read_vector, vector
from waypilot.geometry import Pose

Wire = list[Any]

WHEEL_RADIUS_CM = 35.5
MAX_RPM = 8000.0
FINAL_RATIO = 4.17
DRAG_COEFFICIENT = 0.3
_TRACK_SHARE = 0.78  # distance of the wheels from the middle line, per half width
_TORQUE_CURVE = [[0.0, 400.0], [1890.0, 500.0], [5730.0, 400.0]]
_STEERING_CURVE = [[0.0, 1.0], [20.0, 0.9], [60.0, 0.8], [120.0, 0.7]]
_FORWARD_GEARS = [[4.25, 0.5, 0.65], [2.52, 0.5, 0.65], [1.66, 0.5, 0.65], [1.22, 0.5, 0.65], [1.0, 0.5, 0.65]]
_MAX_BRAKE_TORQUE_NM = 1500.0
_MAX_HAND_BRAKE_TORQUE_NM = 3000.0
_WHEELS_POSITION_FIELD = 9
_TORQUE_FIELD, _MAX_RPM_FIELD, _FINAL_RATIO_FIELD, _GEARS_FIELD = 0, 1, 9, 10
MASS_FIELD, _DRAG_FIELD, _STEERING_FIELD, WHEELS_FIELD = 11, 12, 14, 15
_WHEEL_FRICTION_FIELD, _WHEEL_STEER_FIELD, _WHEEL_RADIUS_FIELD, _WHEEL_BRAKE_FIELD, _WHEEL_HAND_FIELD = 0, 2, 3, 4, 5


def default_physics(blueprint: Blueprint) -> Wire:
    """Return the VehiclePhysicsControl of a vehicle that nobody changed; wheel positions are filled in when read."""
    steer_deg = math.degrees(blueprint.max_steer_rad)
    wheels = [_wheel(steer_deg if index < 2 else 0.0, index) for index in range(4)]
    return [
        [list(point) for point in _TORQUE_CURVE],
        MAX_RPM,
        1.0,  # moment of inertia of the engine, kg m^2
        0.15,  # damping at full throttle
        2.0,  # damping at zero throttle, clutch engaged
        0.35,  # damping at zero throttle, clutch disengaged
        True,  # automatic gear box
        0.5,  # gear switch time, s
        10.0,  # clutch strength
        FINAL_RATIO,
        [list(gear) for gear in _FORWARD_GEARS],
        blueprint.mass_kg,
        DRAG_COEFFICIENT,
        vector((0.0, 0.0, 0.0)),
        [list(point) for point in _STEERING_CURVE],
        wheels,
        True,  # sweep wheel collision
    ]


def _wheel(steer_deg: float, index: int) -> Wire:
    hand_brake_torque = 0.0 if index < 2 else _MAX_HAND_BRAKE_TORQUE_NM
    return [
        DEFAULT_TIRE_FRICTION,
        0.25,
        steer_deg,
        WHEEL_RADIUS_CM,
        _MAX_BRAKE_TORQUE_NM,
        hand_brake_torque,
        3.0,
        20.0,
        3000.0,
        [0.0, 0.0, 0.0],
    ]


def placed(physics: Wire, blueprint: Blueprint, pose: Pose) -> Wire:
    """Return a copy whose wheels stand where they are now: in the world, in centimetres, as CARLA gives them."""
    x_m, y_m = 0.5 * blueprint.wheelbase_m, _TRACK_SHARE * blueprint.half_extent_m[1]
    corners = ((x_m, y_m), (x_m, -y_m), (-x_m, y_m), (-x_m, -y_m))  # front left, front right, back left, back right
    wheels = []
    for wheel, (along, left) in zip(physics[WHEELS_FIELD], corners, strict=True):
        dx, dy, dz = pose.orientation.rotate((along, left, WHEEL_RADIUS_CM / 100.0))
        position = vector((pose.x_m + dx, pose.y_m + dy, pose.z_m + dz))
        wheels.append([*wheel[:_WHEELS_POSITION_FIELD], [100.0 * value for value in position]])
    return [*physics[:WHEELS_FIELD], wheels, *physics[WHEELS_FIELD + 1 :]]


def with_tire_friction(physics: Wire, grip: float) -> Wire:
    """Return a copy whose tyres all hold ``grip``, as they do in a friction trigger."""
    wheels = [[grip * DEFAULT_TIRE_FRICTION, *wheel[1:]] for wheel in physics[WHEELS_FIELD]]
    return [*physics[:WHEELS_FIELD], wheels, *physics[WHEELS_FIELD + 1 :]]


def read_physics(value: Any) -> Wire:
    """Check a VehiclePhysicsControl and return it; raises CallError for wrong fields, mass or number of wheels."""
    number, flag = readers.number, readers.flag
    curve = readers.list_of(_curve_point, limit=64)
    gears = readers.list_of(_gear, limit=16)
    wheels = readers.list_of(_read_wheel, limit=4)
    fields = (
        *(curve, number, number, number, number, number, flag, number, number, number, gears),
        *(readers.number_between(1.0, 1e6), number, _location, curve, wheels, flag),
    )
    record = readers.record(value, "VehiclePhysicsControl", *fields)
    if len(record[WHEELS_FIELD]) != 4:
        raise CallError(f"VehiclePhysicsControl has {len(record[WHEELS_FIELD])} wheels, expected 4")
    return record


def max_steer_rad(physics: Wire) -> float:
    """Return the largest angle of the front wheels."""
    return math.radians(max(wheel[_WHEEL_STEER_FIELD] for wheel in physics[WHEELS_FIELD][:2]))


def handling(physics: Wire, default_mass_kg: float) -> Handling:
    """Return how a vehicle of ``default_mass_kg`` drives with other physics.

    Forces follow from torques, gears and wheel radius, accelerations from forces and mass, all relative to the default
    record. What has no counterpart in the engine's single-track model (moments of inertia, damping, tyre stiffness,
    centre of mass, gear switching) is kept and given back. Raises CallError for what no vehicle can have.
    """
    lightness = default_mass_kg / physics[MASS_FIELD]
    wheels = physics[WHEELS_FIELD]
    leverage = lightness * WHEEL_RADIUS_CM / max(_mean(wheels, _WHEEL_RADIUS_FIELD), 1.0)
    torque = max((point[1] for point in physics[_TORQUE_FIELD]), default=0.0) / max(y for _, y in _TORQUE_CURVE)
    first_gear = physics[_GEARS_FIELD][0][0] / _FORWARD_GEARS[0][0] if physics[_GEARS_FIELD] else 0.0
    gearing = first_gear * physics[_FINAL_RATIO_FIELD] / FINAL_RATIO
    curve = sorted(tuple(point) for point in physics[_STEERING_FIELD]) or [(0.0, 1.0)]
    try:
        return Handling(
            grip=_mean(wheels, _WHEEL_FRICTION_FIELD) / DEFAULT_TIRE_FRICTION,
            drive=torque * gearing * leverage,
            power=torque * physics[_MAX_RPM_FIELD] / MAX_RPM * lightness,
            brake=_mean(wheels, _WHEEL_BRAKE_FIELD) / _MAX_BRAKE_TORQUE_NM * leverage,
            hand_brake=_mean(wheels[2:], _WHEEL_HAND_FIELD) / _MAX_HAND_BRAKE_TORQUE_NM * leverage,
            drag=physics[_DRAG_FIELD] / DRAG_COEFFICIENT * lightness,
            steering_curve=tuple(np.interp(CURVE_KPH, *zip(*curve, strict=True)).tolist()),
        )
    except ValueError as error:
        raise CallError(f"VehiclePhysicsControl cannot be used: {error}") from error


def _mean(wheels: Wire, field: int) -> float:
    return float(sum(wheel[field] for wheel in wheels) / len(wheels))


def _curve_point(value: Any) -> Wire:
    return readers.record(value, "Vector2D", readers.number, readers.number)


def _gear(value: Any) -> Wire:
    return readers.record(value, "GearPhysicsControl", readers.number, readers.number, readers.number)


def _location(value: Any) -> Wire:
    return vector(read_vector(value))


def _read_wheel(value: Any) -> Wire:
    before = (readers.number, readers.number, readers.number_between(0.0, 89.0))
    after = (readers.number,) * 6
    return readers.record(value, "WheelPhysicsControl", *before, *after, _location)


@dataclass(frozen=True, slots=True)
class PowerTrain:
    """What turns the speed of a vehicle into that of its engine: wheel radius (mean), ratios and red line."""

    wheel_radius_m: float
    final_ratio: float
    gear_ratios: tuple[float, ...]
    max_rpm: float

    def ratio(self, gear: int) -> float:
        """Return how often the engine turns for one turn of the wheels; reverse is geared like the first gear."""
        if not self.gear_ratios:
            return 0.0
        return self.final_ratio * self.gear_ratios[min(max(gear, 1), len(self.gear_ratios)) - 1]


def power_train(physics: Wire) -> PowerTrain:
    """Return the power train of a VehiclePhysicsControl."""
    return PowerTrain(
        max(_mean(physics[WHEELS_FIELD], _WHEEL_RADIUS_FIELD), 1.0) / 100.0,
        physics[_FINAL_RATIO_FIELD],
        tuple(gear[0] for gear in physics[_GEARS_FIELD]),
        physics[_MAX_RPM_FIELD],
    )

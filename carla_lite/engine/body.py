"""One rigid body in the plane as a row of numbers, the form in which compiled physics reads and writes it."""

from __future__ import annotations

import numpy as np

from carla_lite.engine.catalog import ActorClass, Blueprint
from carla_lite.engine.controls import VehicleControl
from waypilot.geometry import FloatArray

# State, map axes: position of the actor origin (m), heading (rad), velocity (m/s), yaw rate (rad/s), angle of the
# front wheels (rad, left positive).
X, Y, YAW, VX, VY, YAW_RATE, WHEEL_ANGLE = range(7)
# Command. TARGET_* is a walker's planar velocity (map axes) or a constant velocity held by a vehicle (body axes).
THROTTLE, STEER, BRAKE, HAND_BRAKE, DIRECTION, TARGET_X, TARGET_Y, HOLDS_VELOCITY = range(7, 15)
# Constants. Inverse mass and inertia are zero for what nothing can push.
INVERSE_MASS, INVERSE_INERTIA, HALF_X, HALF_Y, KIND, AXLE, MAX_WHEEL_ANGLE, COLLIDES = range(15, 23)
# Handling of a vehicle, see ``carla_lite.engine.handling``: grip, then factors on what the default car has, then the
# part of the full wheel angle that is left at each speed of ``CURVE_KPH``.
GRIP, DRIVE, POWER, BRAKE_FORCE, HAND_FORCE, DRAG, CURVE = range(23, 30)
CURVE_KPH = (0.0, 20.0, 60.0, 120.0)
CURVE_END = CURVE + len(CURVE_KPH)
SIZE = CURVE_END

DEFAULT_CURVE = (1.0, 0.9, 0.8, 0.7)
"""CARLA's default steering curve."""

FIXED, VEHICLE, WALKER = 0.0, 1.0, 2.0
_KINDS = {ActorClass.VEHICLE: VEHICLE, ActorClass.WALKER: WALKER, ActorClass.PROP: FIXED}


def new_body(blueprint: Blueprint, x_m: float, y_m: float, yaw_rad: float) -> FloatArray:
    """Return the row of a vehicle, walker or prop at rest; props are never pushed."""
    row = np.zeros(SIZE)
    row[X], row[Y], row[YAW] = x_m, y_m, yaw_rad
    row[HALF_X], row[HALF_Y] = blueprint.half_extent_m[0], blueprint.half_extent_m[1]
    row[DIRECTION] = row[COLLIDES] = 1.0
    row[KIND] = _KINDS[blueprint.actor_class]
    row[AXLE] = 0.5 * blueprint.wheelbase_m
    row[MAX_WHEEL_ANGLE] = blueprint.max_steer_rad
    row[GRIP:CURVE] = 1.0
    row[CURVE:CURVE_END] = DEFAULT_CURVE
    if row[KIND] != FIXED:
        set_pushable(row, blueprint, True)
    return row


def set_pushable(row: FloatArray, blueprint: Blueprint, pushable: bool) -> None:
    """Give a body its mass and yaw inertia (that of a box), or make it immovable."""
    square = 4.0 * (row[HALF_X] ** 2 + row[HALF_Y] ** 2)
    row[INVERSE_MASS] = 1.0 / blueprint.mass_kg if pushable else 0.0
    row[INVERSE_INERTIA] = 12.0 / (blueprint.mass_kg * square) if pushable else 0.0


def set_pedals(row: FloatArray, control: VehicleControl) -> None:
    """Let a vehicle's row follow a control."""
    row[THROTTLE], row[STEER], row[BRAKE] = control.throttle, control.steer, control.brake
    row[HAND_BRAKE], row[DIRECTION] = float(control.hand_brake), float(control.drive_direction)

"""How bodies move between contacts: a single-track vehicle and a walker, compiled, integrated in steps of about 1 ms.

Vehicle: two axles at equal distance from the actor origin, which is the centre of mass; driven and braked on both. A
tyre's side force grows with slip, saturates at the grip the axle has left after driving and braking (friction circle);
below ``_SLIP_FLOOR_MPS`` it acts as a damper of the sideways motion, so a standing car stays where it is.
Figures are those of a family car, scaled with mass: 0-100 km/h in about 7 s, 8.8 m/s^2 of braking, 1 g of grip, the
same in rain, as in CARLA. ``carla_lite.engine.handling`` says how a client changes them.
"""

from __future__ import annotations

import math

from carla_lite.engine._numba import jit
from carla_lite.engine.body import (
    AXLE,
    BRAKE,
    BRAKE_FORCE,
    CURVE,
    CURVE_END,
    CURVE_KPH,
    DIRECTION,
    DRAG,
    DRIVE,
    GRIP,
    HAND_BRAKE,
    HAND_FORCE,
    HOLDS_VELOCITY,
    INVERSE_INERTIA,
    INVERSE_MASS,
    MAX_WHEEL_ANGLE,
    POWER,
    STEER,
    TARGET_X,
    TARGET_Y,
    THROTTLE,
    VX,
    VY,
    WHEEL_ANGLE,
    YAW,
    YAW_RATE,
    X,
    Y,
)
from waypilot.geometry import FloatArray

GRAVITY_MPS2 = 9.81
_DRIVE_MPS2 = 5.0  # low-speed traction at full throttle
_POWER_W_PER_KG = 81.0  # 150 kW for 1850 kg
_REVERSE_TOP_SPEED_MPS = 10.0
_BRAKE_SHARE = 0.9  # part of the grip that full braking uses; the rest still steers, as with ABS
_BRAKES_MPS2 = 9.2  # what the brakes of the default car could do with more grip: 1500 N m at each wheel
_LOCKED_SIDE_GRIP = 0.3
_ROLLING_MPS2 = 0.15
_ENGINE_DRAG_MPS2 = 0.3
_AIR_DRAG_1PM = 0.43 / 1845.0  # half rho cd A over the mass of a family car
_STIFFNESS_MPS2 = 60.0  # cornering stiffness of an axle per mass, per rad of slip
_SLIP_FLOOR_MPS = 1.0
_STEER_RATE_RADPS = 3.5
_REST_MPS = 1e-3
_NEGLIGIBLE = 1e-12
_WALKER_MPS2 = 8.0
_WALKER_RADPS2 = 10.0


@jit
def _toward(value: float, target: float, step: float) -> float:
    return value + min(max(target - value, -step), step)


@jit
def _side_force(side_speed: float, along_speed: float, limit: float) -> float:
    if limit == 0.0:  # tyres without friction
        return 0.0
    slip = side_speed / max(abs(along_speed), _SLIP_FLOOR_MPS)
    return -limit * math.tanh(_STIFFNESS_MPS2 * slip / limit)


@jit
def _side_limit(axle_grip: float, along_force: float) -> float:
    left = axle_grip * axle_grip - along_force * along_force
    return math.sqrt(max(left, 0.01 * axle_grip * axle_grip))


@jit
def _drive_acceleration(row: FloatArray, speed: float) -> float:
    direction = row[DIRECTION]
    if direction < 0.0 and speed < -_REVERSE_TOP_SPEED_MPS:
        return 0.0
    engine = min(_DRIVE_MPS2 * row[DRIVE], _POWER_W_PER_KG * row[POWER] / max(abs(speed), 1.0))
    return float(direction * min(row[THROTTLE] * engine, row[GRIP] * GRAVITY_MPS2))


@jit
def air_drag(row: FloatArray, speed: float) -> float:
    """Return the deceleration (m/s^2) of the air."""
    return float(_AIR_DRAG_1PM * row[DRAG] * speed * speed)


@jit
def _ground_resistance(row: FloatArray) -> float:
    """Return the deceleration (m/s^2) of brakes, tyres and engine: no more than the tyres hold."""
    pedal = max(row[BRAKE], 0.5 * row[HAND_BRAKE] * row[HAND_FORCE])
    brake = min(pedal * _BRAKE_SHARE * row[GRIP] * GRAVITY_MPS2, pedal * _BRAKES_MPS2 * row[BRAKE_FORCE])
    engine = _ENGINE_DRAG_MPS2 if row[THROTTLE] == 0.0 else 0.0
    return float(min(brake + engine + _ROLLING_MPS2, row[GRIP] * GRAVITY_MPS2))


@jit
def steering_share(row: FloatArray, speed_kph: float) -> float:
    """Return the part of the full wheel angle that is left at a speed; ``np.interp``, without its detour by arrays."""
    for k in range(len(CURVE_KPH) - 1):
        if speed_kph < CURVE_KPH[k + 1]:
            slope = (row[CURVE + k + 1] - row[CURVE + k]) / (CURVE_KPH[k + 1] - CURVE_KPH[k])
            return float(slope * (speed_kph - CURVE_KPH[k]) + row[CURVE + k])
    return float(row[CURVE_END - 1])


@jit
def _turn_wheels(row: FloatArray, speed: float, dt: float) -> None:
    target = -row[STEER] * row[MAX_WHEEL_ANGLE] * steering_share(row, abs(speed) * 3.6)
    row[WHEEL_ANGLE] = _toward(row[WHEEL_ANGLE], target, _STEER_RATE_RADPS * dt)


@jit
def _axle_speeds(row: FloatArray, along: float, side: float) -> tuple[float, float, float, float]:
    """Return the speed sideways and along of the front wheels in their own axes, then of the rear wheels."""
    turning = row[AXLE] * row[YAW_RATE]
    cw, sw = math.cos(row[WHEEL_ANGLE]), math.sin(row[WHEEL_ANGLE])
    front_side = side + turning
    return front_side * cw - along * sw, along * cw + front_side * sw, side - turning, along


@jit
def _side_forces(row: FloatArray, along: float, side: float, drive: float, resistance: float) -> tuple[float, float]:
    """Return the side forces of front and rear axle in the wheels' axes, per mass of the vehicle."""
    axle_grip = 0.5 * row[GRIP] * GRAVITY_MPS2
    limit = _side_limit(axle_grip, 0.5 * max(abs(drive), resistance))
    front_side, front_along, rear_side, rear_along = _axle_speeds(row, along, side)
    rear_limit = limit * (1.0 - (1.0 - _LOCKED_SIDE_GRIP) * row[HAND_BRAKE])
    return _side_force(front_side, front_along, limit), _side_force(rear_side, rear_along, rear_limit)


@jit
def tyre_state(row: FloatArray) -> tuple[float, float, float, float, float, float]:
    """Return what the tyres of a vehicle do to it at its present speed, m/s^2: forces per mass of the whole vehicle.

    In order: forward force of all tyres, left force of the front and of the rear axle in the wheels' axes; then slip of
    front and rear wheels (left speed over forward speed, as the forces know it); then the air's deceleration.
    """
    c, s = math.cos(row[YAW]), math.sin(row[YAW])
    along, side = row[VX] * c + row[VY] * s, -row[VX] * s + row[VY] * c
    drive, ground, air = _drive_acceleration(row, along), _ground_resistance(row), air_drag(row, along)
    front, rear = _side_forces(row, along, side, drive, ground + air)
    front_side, front_along, rear_side, rear_along = _axle_speeds(row, along, side)
    # A standing car is held by no more than what pushes it.
    held = min(max(drive, -ground), ground) if abs(along) < _REST_MPS else math.copysign(ground, along)
    front_slip = front_side / max(abs(front_along), _SLIP_FLOOR_MPS)
    rear_slip = rear_side / max(abs(rear_along), _SLIP_FLOOR_MPS)
    return drive - held, front, rear, front_slip, rear_slip, air


@jit
def move_vehicle(row: FloatArray, dt: float) -> None:
    """Advance a vehicle by ``dt`` seconds (about 1 ms). Forces are per mass, speeds in body axes until the end."""
    c, s = math.cos(row[YAW]), math.sin(row[YAW])
    along = row[VX] * c + row[VY] * s
    side = -row[VX] * s + row[VY] * c
    _turn_wheels(row, along, dt)
    drive = _drive_acceleration(row, along)
    resistance = _ground_resistance(row) + air_drag(row, along)
    front, rear = _side_forces(row, along, side, drive, resistance)

    axle, cw, sw = row[AXLE], math.cos(row[WHEEL_ANGLE]), math.sin(row[WHEEL_ANGLE])
    along_force = drive - front * sw
    side_force = front * cw + rear
    torque = axle * (front * cw - rear) * (row[INVERSE_INERTIA] / row[INVERSE_MASS])
    row[VX] += dt * (c * along_force - s * side_force)
    row[VY] += dt * (s * along_force + c * side_force)
    row[YAW_RATE] += dt * torque
    _resist(row, c, s, resistance * dt)
    _hold_velocity(row, c, s)
    _integrate(row, dt)


@jit
def _resist(row: FloatArray, c: float, s: float, loss: float) -> None:
    """Take ``loss`` (m/s) off the forward speed without turning it round, and bring a nearly standing car to rest."""
    along = row[VX] * c + row[VY] * s
    change = _toward(along, 0.0, loss) - along
    row[VX] += c * change
    row[VY] += s * change
    idle = row[THROTTLE] == 0.0 or row[DIRECTION] == 0.0 or row[BRAKE] > 0.0
    if idle and abs(row[VX]) + abs(row[VY]) + abs(row[YAW_RATE]) < _REST_MPS:
        row[VX] = row[VY] = row[YAW_RATE] = 0.0


@jit
def _hold_velocity(row: FloatArray, c: float, s: float) -> None:
    if row[HOLDS_VELOCITY] != 0.0:
        row[VX] = c * row[TARGET_X] - s * row[TARGET_Y]
        row[VY] = s * row[TARGET_X] + c * row[TARGET_Y]


@jit
def _integrate(row: FloatArray, dt: float) -> None:
    for index in (VX, VY, YAW_RATE):
        # Decaying speeds would end as denormal numbers, which are slow to compute with.
        if abs(row[index]) < _NEGLIGIBLE:
            row[index] = 0.0
    row[X] += dt * row[VX]
    row[Y] += dt * row[VY]
    row[YAW] += dt * row[YAW_RATE]


@jit
def move_walker(row: FloatArray, dt: float) -> None:
    """Advance a walker by ``dt`` seconds: it reaches the wanted velocity as fast as its grip on the ground allows."""
    ex, ey = row[TARGET_X] - row[VX], row[TARGET_Y] - row[VY]
    share = min(1.0, _WALKER_MPS2 * dt / max(math.hypot(ex, ey), 1e-12))
    row[VX] += share * ex
    row[VY] += share * ey
    row[YAW_RATE] = _toward(row[YAW_RATE], 0.0, _WALKER_RADPS2 * dt)
    _integrate(row, dt)

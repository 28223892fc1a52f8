"""Calls about vehicles: driving, their physics, telemetry and lights."""

from __future__ import annotations

import math
from typing import Any

from carla_lite.engine import Vehicle, VehicleControl
from carla_lite.wire import readers, records
from carla_lite.wire.ackermann import AckermannDriver, AckermannTarget, controller_settings, read_ackermann
from carla_lite.wire.physics_record import (
    MASS_FIELD,
    default_physics,
    handling,
    max_steer_rad,
    placed,
    power_train,
    read_physics,
    with_tire_friction,
)
from carla_lite.wire.simulation import Simulation
from carla_lite.wire.table import MethodTable
from carla_lite.wire.telemetry import telemetry

TABLE = MethodTable()

_wheel = readers.whole_between(0, 3)
_REAR_WHEELS = (2, 3)
_BRAKE_LIGHT = 8
_ALL_DOORS = 6
_DOORS = frozenset(range(_ALL_DOORS))
_door = readers.whole_between(0, _ALL_DOORS)


@TABLE.void(readers.actor_id, records.read_vehicle_control)
def apply_control_to_vehicle(simulation: Simulation, actor_id: int, control: VehicleControl) -> None:
    """Drive a vehicle; it keeps the control until the next one."""
    vehicle = simulation.actor_of(Vehicle, actor_id)
    simulation.ackermann.pop(actor_id, None)
    vehicle.apply_control(control)


@TABLE.void(readers.actor_id, read_ackermann)
def apply_ackermann_control_to_vehicle(simulation: Simulation, actor_id: int, target: AckermannTarget) -> None:
    """Drive a vehicle by wheel angle and speed until the next control."""
    vehicle = simulation.actor_of(Vehicle, actor_id)
    driver = simulation.ackermann.setdefault(actor_id, AckermannDriver(vehicle, target))
    driver.target = target


@TABLE.value(readers.actor_id)
def get_ackermann_controller_settings(simulation: Simulation, actor_id: int) -> list[float]:
    """Return the gains of the Ackermann controller, which are fixed."""
    simulation.actor_of(Vehicle, actor_id)
    return controller_settings()


@TABLE.value(readers.actor_id)
def get_physics_control(simulation: Simulation, actor_id: int) -> list[Any]:
    """Return a vehicle's physics parameters, its wheels where they are now, in a friction trigger with its friction."""
    vehicle = simulation.actor_of(Vehicle, actor_id)
    physics = simulation.physics.get(actor_id) or default_physics(vehicle.blueprint)
    if vehicle.grip != vehicle.own_grip:
        physics = with_tire_friction(physics, vehicle.grip)
    return placed(physics, vehicle.blueprint, vehicle.pose)


@TABLE.void(readers.actor_id, read_physics)
def apply_physics_control(simulation: Simulation, actor_id: int, physics: list[Any]) -> None:
    """Change a vehicle's physics: ``physics_record.handling`` says what acts; the rest is kept and given back."""
    vehicle = simulation.actor_of(Vehicle, actor_id)
    vehicle.set_handling(handling(physics, simulation.world.catalog.find(vehicle.type_id).mass_kg))
    vehicle.set_physics(physics[MASS_FIELD], max_steer_rad(physics))
    simulation.physics[actor_id] = physics


@TABLE.value(readers.actor_id)
def get_telemetry_data(simulation: Simulation, actor_id: int) -> list[Any]:
    """Return speed, controls, engine and wheels."""
    vehicle = simulation.actor_of(Vehicle, actor_id)
    physics = simulation.physics.get(actor_id) or default_physics(vehicle.blueprint)
    return telemetry(vehicle, power_train(physics))


@TABLE.value(readers.actor_id, _wheel)
def get_wheel_steer_angle(simulation: Simulation, actor_id: int, wheel: int) -> float:
    """Return the angle of a wheel in degrees, right positive."""
    vehicle = simulation.actor_of(Vehicle, actor_id)
    return 0.0 if wheel in _REAR_WHEELS else -math.degrees(vehicle.wheel_angle_rad)


@TABLE.value(readers.actor_id)
def get_vehicle_light_state(simulation: Simulation, actor_id: int) -> list[int]:
    """Return a vehicle's light flags."""
    simulation.actor_of(Vehicle, actor_id)
    return [simulation.lights.get(actor_id, 0)]


@TABLE.void(readers.actor_id, records.read_light_state)
def set_vehicle_light_state(simulation: Simulation, actor_id: int, flags: int) -> None:
    """Keep a vehicle's light flags for whoever asks; of them, the brake light is drawn."""
    simulation.actor_of(Vehicle, actor_id).brake_light_on = bool(flags & _BRAKE_LIGHT)
    simulation.lights[actor_id] = flags


@TABLE.void(readers.actor_id, _door)
def open_vehicle_door(simulation: Simulation, actor_id: int, door: int) -> None:
    """Keep that a door, or all of them, stand open; the picture shows them shut."""
    simulation.actor_of(Vehicle, actor_id).open_doors |= _DOORS if door == _ALL_DOORS else {door}


@TABLE.void(readers.actor_id, _door)
def close_vehicle_door(simulation: Simulation, actor_id: int, door: int) -> None:
    """Keep that a door, or all of them, are shut."""
    simulation.actor_of(Vehicle, actor_id).open_doors -= _DOORS if door == _ALL_DOORS else {door}


@TABLE.value()
def get_vehicle_light_states(simulation: Simulation) -> list[list[int]]:
    """Return the light flags of all vehicles."""
    simulation.watch.lights_asked()
    vehicles = (actor for actor in simulation.world.actors.values() if isinstance(actor, Vehicle))
    return [[vehicle.id, simulation.lights.get(vehicle.id, 0)] for vehicle in vehicles]


@TABLE.void(readers.actor_id, readers.flag)
def set_actor_autopilot(simulation: Simulation, actor_id: int, enabled: bool) -> None:
    """Accept: it is the Traffic Manager inside the client that drives."""
    simulation.actor_of(Vehicle, actor_id)


@TABLE.void(readers.actor_id, readers.flag)
def show_vehicle_debug_telemetry(simulation: Simulation, actor_id: int, enabled: bool) -> None:
    """Accept: there is no screen to show it on."""
    simulation.actor_of(Vehicle, actor_id)

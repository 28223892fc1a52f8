"""Calls that push actors, or change how they move."""

from __future__ import annotations

from carla_lite.engine import BodyActor, Vehicle
from carla_lite.wire import readers, records
from carla_lite.wire.errors import CallError
from carla_lite.wire.simulation import Simulation
from carla_lite.wire.table import MethodTable
from waypilot.geometry import Vector3

TABLE = MethodTable()

MAX_SPEED_MPS = 500.0
"""No push may make a body faster than this in one go."""


@TABLE.void(readers.actor_id, records.read_vector)
def set_actor_target_velocity(simulation: Simulation, actor_id: int, velocity_mps: Vector3) -> None:
    """Set a body's velocity (map axes)."""
    _check_speed(velocity_mps)
    simulation.actor_of(BodyActor, actor_id).set_velocity(velocity_mps)


@TABLE.void(readers.actor_id, records.read_angular_velocity)
def set_actor_target_angular_velocity(simulation: Simulation, actor_id: int, rate_radps: Vector3) -> None:
    """Set a body's turn rate about the vertical axis; the ground takes the rest."""
    simulation.actor_of(BodyActor, actor_id).set_yaw_rate(rate_radps[2])


@TABLE.void(readers.actor_id, records.read_vector)
def enable_actor_constant_velocity(simulation: Simulation, actor_id: int, velocity_mps: Vector3) -> None:
    """Hold a vehicle at a velocity in its own axes."""
    _check_speed(velocity_mps)
    simulation.actor_of(Vehicle, actor_id).hold_velocity(velocity_mps)


@TABLE.void(readers.actor_id)
def disable_actor_constant_velocity(simulation: Simulation, actor_id: int) -> None:
    """Let a vehicle obey its pedals again."""
    simulation.actor_of(Vehicle, actor_id).hold_velocity(None)


@TABLE.void(readers.actor_id, records.read_vector)
def add_actor_impulse(simulation: Simulation, actor_id: int, impulse_ns: Vector3) -> None:
    """Push a body's centre of mass (N s)."""
    body = simulation.actor_of(BodyActor, actor_id)
    mass_kg = max(body.blueprint.mass_kg, 1.0)
    _check_speed((impulse_ns[0] / mass_kg, impulse_ns[1] / mass_kg, impulse_ns[2] / mass_kg))
    body.add_impulse(impulse_ns)


@TABLE.void(readers.actor_id, records.read_vector)
def add_actor_force(simulation: Simulation, actor_id: int, force_n: Vector3) -> None:
    """Push a body's centre of mass with a force (N) for the length of one step."""
    step_s = simulation.settings.step_s
    add_actor_impulse(simulation, actor_id, (force_n[0] * step_s, force_n[1] * step_s, force_n[2] * step_s))


@TABLE.void(readers.actor_id, records.read_angular_velocity)
def add_actor_angular_impulse(simulation: Simulation, actor_id: int, impulse: Vector3) -> None:
    """Turn a body about the vertical axis; CARLA gives the impulse in kg m^2 deg/s."""
    simulation.actor_of(BodyActor, actor_id).add_angular_impulse(impulse[2])


@TABLE.void(readers.actor_id, records.read_angular_velocity)
def add_actor_torque(simulation: Simulation, actor_id: int, torque: Vector3) -> None:
    """Turn a body with a torque for the length of one step; CARLA gives it in kg m^2 deg/s^2."""
    simulation.actor_of(BodyActor, actor_id).add_angular_impulse(torque[2] * simulation.settings.step_s)


@TABLE.void(readers.actor_id, readers.flag)
def set_actor_simulate_physics(simulation: Simulation, actor_id: int, enabled: bool) -> None:
    """Let a body move by physics, or leave it where it is put."""
    simulation.actor_of(BodyActor, actor_id).set_simulates_physics(enabled)


@TABLE.void(readers.actor_id, readers.flag)
def set_actor_enable_gravity(simulation: Simulation, actor_id: int, enabled: bool) -> None:
    """Take a vehicle's weight off its tyres, or give it back; every body keeps its height over the flat ground."""
    actor = simulation.actor(actor_id)
    if isinstance(actor, Vehicle):
        actor.set_gravity(enabled)


@TABLE.void(readers.actor_id, readers.flag)
def set_actor_collisions(simulation: Simulation, actor_id: int, enabled: bool) -> None:
    """Let a body touch others, or pass through them; what has no body touches nothing anyway."""
    actor = simulation.actor(actor_id)
    if isinstance(actor, BodyActor):
        actor.set_collides(enabled)


def _check_speed(velocity_mps: Vector3) -> None:
    if max(map(abs, velocity_mps)) > MAX_SPEED_MPS:
        raise CallError(f"a body cannot be made faster than {MAX_SPEED_MPS:g} m/s")

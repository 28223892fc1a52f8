"""Commands in batches: the calls on actors once more, as a list that is carried out in order.

Every command answers with the actor's id or its own error; one that fails stops none of the others.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from carla_lite.engine import Walker
from carla_lite.wire import readers, records
from carla_lite.wire.ackermann import read_ackermann
from carla_lite.wire.errors import CallError
from carla_lite.wire.methods import actors, lights, physics, vehicles, walkers
from carla_lite.wire.physics_record import read_physics
from carla_lite.wire.readers import Reader
from carla_lite.wire.simulation import Simulation
from carla_lite.wire.spring_arms import Attachment
from carla_lite.wire.table import MethodTable, value_failure, value_success
from waypilot.geometry import Pose

TABLE = MethodTable()
_SPAWN = 0
_SPAWNED_ACTOR = 0
"""The id that stands for the actor just spawned, in the commands that follow a spawn."""


@dataclass(frozen=True, slots=True)
class Command:
    """A command on one actor: its name, what to do with (simulation, id, *arguments), and how to read the arguments."""

    name: str
    action: Callable[..., Any]
    arguments: tuple[Reader[Any], ...] = ()


def _walk_to(simulation: Simulation, actor_id: int, pose: Pose, speed_mps: float) -> None:
    """Put a pedestrian's feet somewhere, walking; its control stays as it is."""
    try:
        simulation.actor_of(Walker, actor_id).walk_to(pose, speed_mps)
    except ValueError as error:
        raise CallError(str(error)) from error


_COMMANDS = {
    1: Command("DestroyActor", actors.destroy_actor),
    2: Command("ApplyVehicleControl", vehicles.apply_control_to_vehicle, (records.read_vehicle_control,)),
    3: Command("ApplyVehicleAckermannControl", vehicles.apply_ackermann_control_to_vehicle, (read_ackermann,)),
    4: Command("ApplyWalkerControl", walkers.apply_control_to_walker, (records.read_walker_control,)),
    5: Command("ApplyVehiclePhysicsControl", vehicles.apply_physics_control, (read_physics,)),
    6: Command("ApplyTransform", actors.set_actor_transform, (records.read_transform,)),
    7: Command("ApplyWalkerState", _walk_to, (records.read_transform, readers.number)),
    8: Command("ApplyTargetVelocity", physics.set_actor_target_velocity, (records.read_vector,)),
    9: Command(
        "ApplyTargetAngularVelocity", physics.set_actor_target_angular_velocity, (records.read_angular_velocity,)
    ),
    10: Command("ApplyImpulse", physics.add_actor_impulse, (records.read_vector,)),
    11: Command("ApplyForce", physics.add_actor_force, (records.read_vector,)),
    12: Command("ApplyAngularImpulse", physics.add_actor_angular_impulse, (records.read_angular_velocity,)),
    13: Command("ApplyTorque", physics.add_actor_torque, (records.read_angular_velocity,)),
    14: Command("SetSimulatePhysics", physics.set_actor_simulate_physics, (readers.flag,)),
    15: Command("SetEnableGravity", physics.set_actor_enable_gravity, (readers.flag,)),
    16: Command("SetAutopilot", vehicles.set_actor_autopilot, (readers.flag,)),
    17: Command("ShowDebugTelemetry", vehicles.show_vehicle_debug_telemetry, (readers.flag,)),
    18: Command("SetVehicleLightState", vehicles.set_vehicle_light_state, (readers.u32,)),
    19: Command("ApplyLocation", actors.set_actor_location, (records.read_vector,)),
    21: Command("SetTrafficLightState", lights.set_traffic_light_state, (lights.read_lamp,)),
}


@TABLE.bare(readers.list_of(readers.anything, records.MAX_BATCH), readers.flag)
async def apply_batch(simulation: Simulation, commands: list[Any], do_tick: bool) -> list[Any]:
    """Carry out commands in order, then tick if asked to."""
    answers = [_answer(simulation, command) for command in commands]
    if do_tick:
        await simulation.tick()
    return answers


def _answer(simulation: Simulation, command: Any) -> list[Any]:
    try:
        return value_success(_carry_out(simulation, command, _SPAWNED_ACTOR))
    except CallError as error:
        return value_failure(str(error))


def _carry_out(simulation: Simulation, raw: Any, spawned_id: int) -> int:
    """Carry out one command; returns the id of its actor."""
    ((index, payload),) = readers.record(raw, "Command", _read_union)
    if index == _SPAWN:
        return _spawn(simulation, payload)
    command = _COMMANDS.get(index)
    if command is None:
        raise CallError(f"carla_lite has no command number {index}")
    actor_id, *arguments = readers.record(payload, command.name, readers.actor_id, *command.arguments)
    actor_id = actor_id or spawned_id
    command.action(simulation, actor_id, *arguments)
    return actor_id


def _spawn(simulation: Simulation, payload: Any) -> int:
    """Spawn an actor and carry out what is to follow; the actor stays even if that fails, as in CARLA."""
    (type_id, attributes), pose, parent_id, attachment, _, do_after = readers.record(
        payload,
        "SpawnActor",
        records.read_description,
        records.read_transform,
        readers.optional(readers.actor_id),
        readers.anything,
        readers.text,
        readers.list_of(readers.anything, records.MAX_BATCH),
    )
    actor = simulation.spawn(type_id, attributes, pose, parent_id, attachment=_attachment(attachment))
    for command in do_after:
        _carry_out(simulation, command, actor.id)
    return actor.id


def _attachment(raw: Any) -> Attachment:
    """Read the attachment type of a command, which is uninitialised memory where a script gave none."""
    known = isinstance(raw, int) and raw in set(Attachment)
    return Attachment(raw) if known else Attachment.RIGID


def _read_union(value: Any) -> tuple[int, Any]:
    index, payload = readers.record(value, "union", readers.u8, readers.anything)
    return index, payload

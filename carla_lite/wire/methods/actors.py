"""Calls that make, find, place and remove actors."""

from __future__ import annotations

from typing import Any

from carla_lite.engine import Actor
from carla_lite.wire import readers, records
from carla_lite.wire.actor_records import actor_box
from carla_lite.wire.errors import CallError
from carla_lite.wire.simulation import Simulation
from carla_lite.wire.spring_arms import Attachment
from carla_lite.wire.table import MethodTable
from waypilot.geometry import Pose, Vector3

TABLE = MethodTable()

Description = tuple[str, dict[str, str]]


@TABLE.value()
def get_actor_definitions(simulation: Simulation) -> list[Any]:
    """Return the blueprint library."""
    return simulation.records.definitions


@TABLE.value()
def get_spectator(simulation: Simulation) -> list[Any]:
    """Return the spectator."""
    return simulation.records.actor(simulation.world.spectator)


@TABLE.value(readers.list_of(readers.actor_id))
def get_actors_by_id(simulation: Simulation, ids: list[int]) -> list[Any]:
    """Return those of the actors that live."""
    actors = simulation.world.actors
    return [simulation.records.actor(actors[actor_id]) for actor_id in ids if actor_id in actors]


@TABLE.value(records.read_description, records.read_transform)
def spawn_actor(simulation: Simulation, description: Description, pose: Pose) -> list[Any]:
    """Spawn an actor."""
    return simulation.records.actor(simulation.spawn(*description, pose))


@TABLE.value(records.read_description, records.read_transform, readers.actor_id, records.read_attachment, readers.text)
def spawn_actor_with_parent(
    simulation: Simulation, description: Description, pose: Pose, parent_id: int, attachment: Attachment, socket: str
) -> list[Any]:
    """Spawn an actor at a pose in its parent's axes; there are no sockets."""
    _refuse_socket(socket)
    return simulation.records.actor(simulation.spawn(*description, pose, parent_id, attachment=attachment))


def _refuse_socket(socket: str) -> None:
    if socket:
        raise CallError(f"actors of carla_lite have no socket '{socket[:80]}'")


@TABLE.value(readers.actor_id)
def destroy_actor(simulation: Simulation, actor_id: int) -> bool:
    """Remove an actor."""
    simulation.destroy(actor_id)
    return True


@TABLE.value(readers.actor_id)
def get_actor_bounding_box(simulation: Simulation, actor_id: int) -> list[Any]:
    """Return an actor's box in its own axes, an empty one for an actor that is gone.

    That is CARLA's answer, and the only one that lets clients live: their Traffic Manager asks in a thread of its own,
    also about cars that were just destroyed, and an error there ends the process.
    """
    actor = simulation.world.actors.get(actor_id)
    return records.bounding_box((0.0, 0.0, 0.0), (0.0, 0.0, 0.0), 0) if actor is None else actor_box(actor)


@TABLE.void(readers.actor_id, records.read_transform)
def set_actor_transform(simulation: Simulation, actor_id: int, pose: Pose) -> None:
    """Move an actor at once; for an attached one the pose is in its parent's axes."""
    _place(simulation, simulation.actor(actor_id), pose)


@TABLE.void(readers.actor_id, records.read_vector)
def set_actor_location(simulation: Simulation, actor_id: int, location_m: Vector3) -> None:
    """Move an actor at once without turning it."""
    actor = simulation.actor(actor_id)
    present = actor.relative_pose or actor.pose
    _place(simulation, actor, Pose(*location_m, present.orientation))


def _place(simulation: Simulation, actor: Actor, pose: Pose) -> None:
    try:
        simulation.world.place(actor, pose)
    except ValueError as error:
        raise CallError(str(error)) from error


def _names(simulation: Simulation, actor_id: int) -> list[str]:
    """Return no names, for a living actor."""
    simulation.actor(actor_id)
    return []


@TABLE.value(readers.actor_id)
def get_actor_component_names(simulation: Simulation, actor_id: int) -> list[str]:
    """Return the names of an actor's components: none."""
    return _names(simulation, actor_id)


@TABLE.value(readers.actor_id)
def get_actor_socket_names(simulation: Simulation, actor_id: int) -> list[str]:
    """Return the names of an actor's sockets: none."""
    return _names(simulation, actor_id)

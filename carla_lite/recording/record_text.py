"""Every record of a recording in CARLA's words; numbers have six significant digits, as C++ prints them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from carla_lite.recording import log_records as r
from carla_lite.recording.packets import PacketId

_LIGHT_NAMES = {
    **{1: "Position", 2: "LowBeam", 4: "HighBeam", 8: "Brake", 16: "RightBlinker", 32: "LeftBlinker", 64: "Reverse"},
    **{256: "Interior", 128: "Fog", 512: "Special1", 1024: "Special2"},
}


def lines_of(packet_id: PacketId, records: tuple[Any, ...]) -> Iterator[str]:
    """Tell the records of a packet that is in ``EVENTS`` or ``STATES``."""
    tell = EVENTS.get(packet_id) or STATES[packet_id][1]
    for record in records:
        yield from tell(record)


def _added(actor: r.ActorAdded) -> Iterator[str]:
    yield f" Create {actor.actor_id}: {actor.type_id} ({actor.kind}) at {_triple(actor[2:5])}"
    for attribute in actor.attributes:
        yield f"  {attribute.name} = {attribute.value}"


def _removed(actor: r.ActorRemoved) -> Iterator[str]:
    yield f" Destroy {actor.actor_id}"


def _parent(parent: r.Parent) -> Iterator[str]:
    yield f" Parenting {parent.actor_id} with {parent.parent_id} (parent)"


def _collision(collision: r.CollisionRecord) -> Iterator[str]:
    first, second = (" (hero) " if hero else "" for hero in (collision.first_is_hero, collision.second_is_hero))
    yield (f" Collision id {collision.number} between {collision.first_id}{first} with {collision.second_id}{second}")


def _position(position: r.Position) -> Iterator[str]:
    yield f"  Id: {position.actor_id} Location: {_triple(position[1:4])} Rotation: {_triple(position[4:7])}"


def _light(light: r.LightRecord) -> Iterator[str]:
    yield f"  Id: {light.actor_id} state: {light.state} frozen: {light.frozen:d} elapsedTime: {light.elapsed_s:g}"


def _vehicle(vehicle: r.VehicleRecord) -> Iterator[str]:
    yield (
        f"  Id: {vehicle.actor_id} Steering: {vehicle.steer:g} Throttle: {vehicle.throttle:g} "
        f"Brake: {vehicle.brake:g} Handbrake: {vehicle.hand_brake:d} Gear: {vehicle.gear}"
    )


def _walker(walker: r.WalkerRecord) -> Iterator[str]:
    yield f"  Id: {walker.actor_id} speed: {walker.speed_mps:g}"


def _vehicle_lights(lights: r.VehicleLights) -> Iterator[str]:
    names = [name for flag, name in _LIGHT_NAMES.items() if lights.flags & flag]
    yield f"  Id: {lights.actor_id} {' '.join(names) or 'None'}"


def _kinematics(motion: r.Kinematics) -> Iterator[str]:
    yield (f"  Id: {motion.actor_id} linear_velocity: {_triple(motion[1:4])} angular_velocity: {_triple(motion[4:7])}")


def _box(box: r.BoxRecord) -> Iterator[str]:
    yield f"  Id: {box.actor_id} origin: {_triple(box[1:4])} extension: {_triple(box[4:7])}"


def _light_times(times: r.LightTimes) -> Iterator[str]:
    yield (
        f"  Id: {times.actor_id} green_time: {times.green_s:g} yellow_time: {times.yellow_s:g} "
        f"red_time: {times.red_s:g}"
    )


EVENTS: dict[PacketId, Callable[[Any], Iterator[str]]] = {
    PacketId.EVENT_ADD: _added,
    PacketId.EVENT_DEL: _removed,
    PacketId.EVENT_PARENT: _parent,
    PacketId.COLLISION: _collision,
}
STATES: dict[PacketId, tuple[str, Callable[[Any], Iterator[str]]]] = {
    PacketId.POSITION: ("Positions", _position),
    PacketId.TRAFFIC_LIGHT: ("State traffic lights", _light),
    PacketId.VEHICLE: ("Vehicle animations", _vehicle),
    PacketId.WALKER: ("Walker animations", _walker),
    PacketId.VEHICLE_LIGHT: ("Vehicle light animations", _vehicle_lights),
    PacketId.KINEMATICS: ("Dynamic actors", _kinematics),
    PacketId.BOUNDING_BOX: ("Actor bounding boxes", _box),
    PacketId.TRIGGER_VOLUME: ("Actor trigger volumes", _box),
    PacketId.TRAFFIC_LIGHT_TIME: ("Traffic Light time events", _light_times),
}


def _triple(values: tuple[float, ...]) -> str:
    return f"({', '.join(f'{value:g}' for value in values)})"

"""World states: one packed message per step with everything that clients know about actors without asking."""

from __future__ import annotations

import struct
from collections.abc import Iterable
from weakref import WeakKeyDictionary

from carla_lite.engine import Actor, TrafficLight, TrafficSign, Vehicle, Walker
from carla_lite.scene import Lamp
from carla_lite.wire.records import angular_velocity_deg_s
from waypilot.geometry import pose_to_carla, vector_from_carla

WORLD_STATE_TYPE = 17

_SENSOR_HEADER = struct.Struct("<QQd6f")
_STATE_HEADER = struct.Struct("<QdfiiiI")
_ACTOR = struct.Struct("<IB15f54s")
_VEHICLE = struct.Struct("<3f3BifBBIB")
_WALKER = struct.Struct("<4fB")
_LIGHT = struct.Struct("<4fIBB")
_LIGHT_OFFSET = _ACTOR.size - _LIGHT.size
_STANDING: WeakKeyDictionary[TrafficSign, bytes] = WeakKeyDictionary()
_ACTIVE = 1
_MAP_CHANGED = 1
_NO_FAILURE = 0


def sensor_header(sensor_type: int, frame: int, time_s: float, actor: Actor | None = None) -> bytes:
    """Return the 48 bytes in front of every streamed payload; without an actor the transform is zero."""
    if actor is None:
        return _SENSOR_HEADER.pack(sensor_type, frame, time_s, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    location, rotation = pose_to_carla(actor.pose)
    return _SENSOR_HEADER.pack(sensor_type, frame, time_s, *location, *rotation)


def state_header(episode_id: int, uptime_s: float, step_s: float, map_changed: bool) -> bytes:
    """Return the head of a world state: wall-clock uptime of the server and the length of the last step."""
    return _STATE_HEADER.pack(episode_id, uptime_s, step_s, 0, 0, 0, _MAP_CHANGED if map_changed else 0)


def actor_states(actors: Iterable[Actor]) -> bytes:
    """Return the 119-byte records of all actors."""
    return b"".join(map(_actor_state, actors))


def _actor_state(actor: Actor) -> bytes:
    if isinstance(actor, TrafficSign):
        return _standing_state(actor)
    location, rotation = pose_to_carla(actor.pose)
    return _ACTOR.pack(
        actor.id,
        _ACTIVE,
        *location,
        *rotation,
        *vector_from_carla(actor.velocity_mps),
        *angular_velocity_deg_s(actor.angular_velocity_radps),
        *vector_from_carla(actor.acceleration_mps2),
        _kind_state(actor),
    )


def _kind_state(actor: Actor) -> bytes:
    """Return the part of a record that depends on the kind of actor; the packer pads it with zeros."""
    if isinstance(actor, Vehicle):
        return _vehicle_state(actor)
    if isinstance(actor, Walker):
        control = actor.control
        return _WALKER.pack(*vector_from_carla(control.direction), control.speed_mps, control.jump)
    return b""


def _standing_state(sign: TrafficSign) -> bytes:
    """Return the record of a light or sign; all but what a light shows is packed once, as towns have hundreds."""
    record = _STANDING.get(sign)
    if record is None:
        location, rotation = pose_to_carla(sign.pose)
        still = (0.0,) * 9
        record = _ACTOR.pack(sign.id, _ACTIVE, *location, *rotation, *still, sign.post.signal_id.encode())
        _STANDING[sign] = record
    if not isinstance(sign, TrafficLight):
        return record
    return record[:_LIGHT_OFFSET] + _light_state(sign)


def _light_state(light: TrafficLight) -> bytes:
    times = light.controller.times_s
    return _LIGHT.pack(
        times[Lamp.GREEN],
        times[Lamp.YELLOW],
        times[Lamp.RED],
        light.elapsed_s,
        light.pole_index,
        light.group.frozen,
        light.lamp,
    )


def _vehicle_state(vehicle: Vehicle) -> bytes:
    control, light = vehicle.control, vehicle.traffic_light
    return _VEHICLE.pack(
        control.throttle,
        control.steer,
        control.brake,
        control.hand_brake,
        control.reverse,
        control.manual_gear_shift,
        vehicle.gear,
        vehicle.speed_limit_kph,
        Lamp.GREEN if light is None else light.lamp,  # green is CARLA's answer away from traffic lights
        light is not None,
        0 if light is None else light.id,
        _NO_FAILURE,
    )

"""Core values <-> CARLA's wire records: the only place of the server with CARLA's axes and degrees.

``read_*`` take raw msgpack values, check them and return REP 103 values; the others return what msgpack packs.
Every conversion of axes goes through ``waypilot.geometry``.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any

from carla_lite.engine import VehicleControl, WalkerControl
from carla_lite.scene import Weather
from carla_lite.wire import readers
from carla_lite.wire.errors import CallError
from carla_lite.wire.spring_arms import Attachment
from waypilot.geometry import (
    Pose,
    Quaternion,
    Vector3,
    angular_velocity_from_carla,
    pose_from_carla,
    pose_to_carla,
    vector_from_carla,
)

WireVector = list[float]
Wire = list[Any]

MAX_BATCH = 10_000
_LEVEL_ROTATION: WireVector = [0.0, 0.0, 0.0]


def read_vector(value: Any) -> Vector3:
    """Read a Vector3D or Location in CARLA's axes as a REP 103 vector (same unit)."""
    x, y, z = readers.record(value, "Vector3D", readers.number, readers.number, readers.number)
    return vector_from_carla((x, y, z))


def read_transform(value: Any) -> Pose:
    """Read a Transform as a pose."""
    location, rotation = readers.record(value, "Transform", _three_numbers, _three_numbers)
    return pose_from_carla(*location, *rotation)


def read_angular_velocity(value: Any) -> Vector3:
    """Read an angular velocity (deg/s) as rad/s in REP 103 axes."""
    x, y, z = _three_numbers(value)
    return angular_velocity_from_carla((x, y, z))


def vector(value: Vector3) -> WireVector:
    """Write a REP 103 vector in CARLA's axes."""
    return list(vector_from_carla(value))


def transform(pose: Pose) -> Wire:
    """Write a pose as a Transform."""
    location, rotation = pose_to_carla(pose)
    return [list(location), list(rotation)]


def angular_velocity_deg_s(rate_radps: Vector3) -> Vector3:
    """Return an angular velocity as CARLA reports it for actors: degrees per second, signs (+x, -y, -z)."""
    return (math.degrees(rate_radps[0]), -math.degrees(rate_radps[1]), -math.degrees(rate_radps[2]))


def gyroscope_radps(rate_radps: Vector3) -> Vector3:
    """Return an angular velocity as CARLA's IMU reports it: radians per second, turning like its mirrored axes do."""
    return (-rate_radps[0], rate_radps[1], -rate_radps[2])


def compass_rad(orientation: Quaternion) -> float:
    """Return CARLA's compass, clockwise from north (-y of CARLA, +y of the map), in [0, 2 pi)."""
    return (math.pi / 2.0 - orientation.yaw_rad) % (2.0 * math.pi)


def bounding_box(center_m: Vector3, half_extent_m: Vector3, owner_id: int, yaw_rad: float = 0.0) -> Wire:
    """Write a BoundingBox; its middle is relative to the owner's origin (for things without owner: to the map's)."""
    rotation = transform(Pose.from_xyz_rpy(0.0, 0.0, 0.0, yaw_rad=yaw_rad))[1] if yaw_rad else _LEVEL_ROTATION
    return [vector(center_m), list(half_extent_m), list(rotation), owner_id]


def weather(value: Weather) -> WireVector:
    """Write WeatherParameters."""
    return list(dataclasses.astuple(value))


def read_weather(value: Any) -> Weather:
    """Read WeatherParameters."""
    names = [field.name for field in dataclasses.fields(Weather)]
    return Weather(*readers.record(value, "WeatherParameters", *[readers.number] * len(names)))


def actor_description(type_id: str, definition_id: int, attributes: Wire) -> Wire:
    """Write an ActorDescription from AttributeValue records."""
    return [definition_id, type_id, attributes]


def read_description(value: Any) -> tuple[str, dict[str, str]]:
    """Read an ActorDescription as type id and attribute values."""
    _, type_id, attributes = readers.record(
        value, "ActorDescription", readers.u32, readers.text, readers.list_of(_attribute_value, limit=256)
    )
    values = dict(attributes)
    if len(values) != len(attributes):
        raise CallError(f"blueprint '{type_id}' sets an attribute twice")
    return type_id, values


def _attribute_value(value: Any) -> tuple[str, str]:
    name, _, content = readers.record(value, "AttributeValue", readers.text, readers.u8, readers.text)
    return name, content


def _three_numbers(value: Any) -> list[float]:
    return readers.record(value, "triple", readers.number, readers.number, readers.number)


def read_vehicle_control(value: Any) -> VehicleControl:
    """Read a VehicleControl; pedals and steering out of range are limited, as CARLA does."""
    number, flag = readers.number, readers.flag
    return VehicleControl(
        *readers.record(value, "VehicleControl", number, number, number, flag, flag, flag, readers.i32)
    )


def read_walker_control(value: Any) -> WalkerControl:
    """Read a WalkerControl."""
    return WalkerControl(*readers.record(value, "WalkerControl", read_vector, readers.number, readers.flag))


def read_attachment(value: Any) -> Attachment:
    """Read an AttachmentType."""
    return Attachment(readers.whole_between(min(Attachment), max(Attachment))(value))


def read_light_state(value: Any) -> int:
    """Read a VehicleLightState as its flags."""
    (flags,) = readers.record(value, "VehicleLightState", readers.u32)
    return int(flags)

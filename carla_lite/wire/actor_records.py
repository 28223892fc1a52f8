"""Blueprints and actors as the records that clients read."""

from __future__ import annotations

from typing import Any

from carla_lite.engine import LIGHT_TYPE_ID, Actor, ActorClass, Blueprint, Catalog
from carla_lite.scene import Box, Shape
from carla_lite.wire import records
from carla_lite.wire.tokens import stream_token

Wire = list[Any]

STREAMING_SENSORS = frozenset({"sensor.camera.rgb", "sensor.other.collision", "sensor.other.imu", "sensor.other.gnss"})
"""Sensors whose data the server sends; the lane invasion sensor lives in the client and must have no token."""

_LABEL_BY_BASE_TYPE = {"car": 14, "van": 14, "truck": 15, "bus": 16, "motorcycle": 18, "bicycle": 19}
_TRAFFIC_LIGHT_LABEL, _TRAFFIC_SIGN_LABEL = 7, 8
_LABEL_BY_SHAPE = {
    Shape.BUILDING: 3,
    Shape.BOX: 20,
    Shape.POLE: 6,
    Shape.TREE: 9,
    Shape.TRAFFIC_LIGHT: _TRAFFIC_LIGHT_LABEL,
    Shape.STOP_SIGN: _TRAFFIC_SIGN_LABEL,
    Shape.YIELD_SIGN: _TRAFFIC_SIGN_LABEL,
    Shape.SPEED_SIGN: _TRAFFIC_SIGN_LABEL,
}
_NAME_BY_SHAPE = {
    Shape.BUILDING: "building",
    Shape.BOX: "wall",
    Shape.POLE: "pole",
    Shape.TREE: "vegetation",
    Shape.TRAFFIC_LIGHT: "traffic_light",
    Shape.STOP_SIGN: "stop_sign",
    Shape.YIELD_SIGN: "yield_sign",
    Shape.SPEED_SIGN: "speed_sign",
}
_PEDESTRIAN_LABEL = 12
_STATIC_LABEL = 20


class ActorRecords:
    """Writes actor records; knows the definition numbers of a catalog and where sensors stream."""

    def __init__(self, catalog: Catalog, streaming_port: int) -> None:
        self._port = streaming_port
        self._numbers = {blueprint.type_id: number for number, blueprint in enumerate(catalog, start=1)}
        self.definitions = [self._definition(blueprint) for blueprint in catalog]

    def actor(self, actor: Actor) -> Wire:
        """Write an Actor; ids of parents are 0 where there is none."""
        attributes = [[a.name, int(a.type), actor.attributes[a.name]] for a in actor.blueprint.attributes]
        return [
            actor.id,
            actor.parent_id or 0,
            records.actor_description(actor.type_id, self._numbers.get(actor.type_id, 0), attributes),
            actor_box(actor),
            bytes(_labels(actor.blueprint)),
            stream_token(actor.id, self._port) if actor.type_id in STREAMING_SENSORS else b"",
        ]

    def _definition(self, blueprint: Blueprint) -> Wire:
        attributes = [
            [a.name, int(a.type), a.default, list(a.recommended), a.modifiable, False] for a in blueprint.attributes
        ]
        return [self._numbers[blueprint.type_id], blueprint.type_id, blueprint.tags, attributes]


def actor_box(actor: Actor) -> Wire:
    """Write the bounding box of an actor in its own axes."""
    return records.bounding_box(actor.box_center_m, actor.half_extent_m, actor.id)


def static_actor(box: Box) -> Wire:
    """Write a static object of the town as the partner of a collision: an actor without id."""
    type_id = f"static.{_NAME_BY_SHAPE[box.shape]}"
    bounds = records.bounding_box((0.0, 0.0, 0.0), box.half_extent_m, 0)
    return [0, 0, records.actor_description(type_id, 0, []), bounds, bytes([box_label(box)]), b""]


def box_label(box: Box) -> int:
    """Return CARLA's semantic label of a static object."""
    return _LABEL_BY_SHAPE[box.shape]


def box_name(index: int, box: Box) -> str:
    """Return the name of a static object, unique in its town."""
    return f"{_NAME_BY_SHAPE[box.shape].capitalize()}_{index}"


def _labels(blueprint: Blueprint) -> list[int]:
    if blueprint.actor_class is ActorClass.VEHICLE:
        base_type = next(a.default for a in blueprint.attributes if a.name == "base_type")
        return [_LABEL_BY_BASE_TYPE[base_type]]
    if blueprint.actor_class is ActorClass.WALKER:
        return [_PEDESTRIAN_LABEL]
    if blueprint.actor_class is ActorClass.TRAFFIC:
        return [_TRAFFIC_LIGHT_LABEL if blueprint.type_id == LIGHT_TYPE_ID else _TRAFFIC_SIGN_LABEL]
    return [_STATIC_LABEL] if blueprint.actor_class is ActorClass.PROP else []

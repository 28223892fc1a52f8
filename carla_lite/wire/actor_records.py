"""Blueprints and actors as the records that clients read."""

from __future__ import annotations

from typing import Any

from carla_lite.engine import LIGHT_TYPE_ID, Actor, ActorClass, Blueprint, Catalog
from carla_lite.engine.catalog import BlueprintAttribute
from carla_lite.labels import LABEL_OF_SHAPE, Label
from carla_lite.scene import Box, Shape
from carla_lite.wire import records
from carla_lite.wire.tokens import stream_token

Wire = list[Any]

CLIENT_SIDE_SENSORS = frozenset({"sensor.other.lane_invasion"})
"""Sensors that live in the client and must have no token; the server sends the data of all others."""

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
            records.actor_description(actor.type_id, self.definition_id(actor.type_id), attributes),
            actor_box(actor),
            bytes(_labels(actor.blueprint)),
            stream_token(actor.id, self._port) if _streams(actor) else b"",
        ]

    def definition_id(self, type_id: str) -> int:
        """Return the number of a blueprint, 0 for what no client can spawn."""
        return self._numbers.get(type_id, 0)

    def _definition(self, blueprint: Blueprint) -> Wire:
        attributes = [
            [a.name, int(a.type), a.default, _recommended(a), a.modifiable, False] for a in blueprint.attributes
        ]
        return [self._numbers[blueprint.type_id], blueprint.type_id, blueprint.tags, attributes]


def _recommended(attribute: BlueprintAttribute) -> list[str]:
    """Return the values to choose from; what can be chosen has at least one, as in CARLA: scripts take the first."""
    return list(attribute.recommended) or ([attribute.default] if attribute.modifiable else [])


def _streams(actor: Actor) -> bool:
    return actor.actor_class is ActorClass.SENSOR and actor.type_id not in CLIENT_SIDE_SENSORS


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
    return LABEL_OF_SHAPE[box.shape]


def box_name(index: int, box: Box) -> str:
    """Return the name of a static object, unique in its town."""
    return f"{_NAME_BY_SHAPE[box.shape].capitalize()}_{index}"


def _labels(blueprint: Blueprint) -> list[int]:
    if blueprint.actor_class is ActorClass.TRAFFIC:
        return [Label.TRAFFIC_LIGHT if blueprint.type_id == LIGHT_TYPE_ID else Label.TRAFFIC_SIGNS]
    return [] if blueprint.label is Label.NONE else [blueprint.label]

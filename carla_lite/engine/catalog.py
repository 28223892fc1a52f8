"""What can be spawned: blueprints with their attributes, sizes and masses, named as in CARLA 0.9.16.

Ids, tags and attribute names follow CARLA's catalogue, so that scripts written for it find what they look for.
Lengths are metres, masses kilograms, angles radians; the tables themselves stand in ``catalog_tables``.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from enum import Enum, IntEnum

from carla_lite.engine import catalog_tables as tables
from carla_lite.engine.prop_tables import PROP_DENSITY_KGPM3, PROPS, TREES
from carla_lite.engine.sensor_tables import SENSORS
from carla_lite.labels import Label
from carla_lite.scene import Shape

Vector3 = tuple[float, float, float]


class ActorClass(Enum):
    """What an actor is to the engine."""

    VEHICLE = "vehicle"
    WALKER = "walker"
    PROP = "prop"
    SENSOR = "sensor"
    SPECTATOR = "spectator"
    TRAFFIC = "traffic"
    TRIGGER = "trigger"
    CONTROLLER = "controller"


class AttributeType(IntEnum):
    """How an attribute's text is read; the numbers are CARLA's."""

    BOOL = 1
    INT = 2
    FLOAT = 3
    STRING = 4
    COLOR = 5


@dataclass(frozen=True, slots=True)
class BlueprintAttribute:
    """One attribute of a blueprint: values travel as text (``true``, ``3``, ``0.5``, ``r,g,b``)."""

    name: str
    type: AttributeType
    default: str
    recommended: tuple[str, ...] = ()
    modifiable: bool = True

    def read(self, value: str) -> str:
        """Return a value as the engine reads it: a whole number loses its fraction (``800.0``), as in CARLA.

        Raises ValueError when ``value`` cannot be read as this attribute's type, or may not be set.
        """
        if not self.modifiable and value != self.default:
            raise ValueError(f"attribute '{self.name}' is fixed to '{self.default}' and cannot be '{value}'")
        if not _READABLE[self.type](value):
            raise ValueError(f"attribute '{self.name}' is '{value}', expected {_EXPECTED[self.type]}")
        return str(int(float(value))) if self.type is AttributeType.INT else value


@dataclass(frozen=True, slots=True)
class Blueprint:
    """Something that can be spawned.

    ``half_extent_m`` are the half sizes of the bounding box along the actor's axes (x forward), and
    ``box_center_m`` its middle relative to the actor's origin, which lies on the ground for vehicles and props and
    in the middle of the body for walkers. Sensors and the spectator have no size and no ``shape``.
    ``mass_kg``, ``wheelbase_m`` and ``max_steer_rad`` (front wheel, at low speed) are zero where they mean nothing.
    ``label`` is what segmentation shows.
    """

    type_id: str
    actor_class: ActorClass
    attributes: tuple[BlueprintAttribute, ...]
    shape: Shape | None = None
    half_extent_m: Vector3 = (0.0, 0.0, 0.0)
    box_center_m: Vector3 = (0.0, 0.0, 0.0)
    mass_kg: float = 0.0
    wheelbase_m: float = 0.0
    max_steer_rad: float = 0.0
    label: Label = Label.NONE

    @property
    def tags(self) -> str:
        """The words of the id, comma-separated, as CARLA lists them."""
        return self.type_id.replace(".", ",")

    def resolve(self, values: Mapping[str, str]) -> dict[str, str]:
        """Return the value of every attribute, with defaults for those that ``values`` does not name.

        Raises ValueError for an unknown attribute, a fixed one that is changed, or a value of the wrong type.
        """
        result = {attribute.name: attribute.default for attribute in self.attributes}
        known = {attribute.name: attribute for attribute in self.attributes}
        for name, value in values.items():
            if name not in known:
                raise ValueError(f"blueprint '{self.type_id}' has no attribute '{name}'")
            result[name] = known[name].read(value)
        return result


class Catalog:
    """All blueprints of a server, in a fixed order."""

    def __init__(self, blueprints: tuple[Blueprint, ...]) -> None:
        self._by_id = {blueprint.type_id: blueprint for blueprint in blueprints}
        if len(self._by_id) != len(blueprints):
            raise ValueError("two blueprints of the catalog share one id")

    @staticmethod
    def default() -> Catalog:
        """Build the catalog that carla_lite serves."""
        return Catalog((*_vehicles(), *_walkers(), *_props(), _FRICTION_TRIGGER, _WALKER_CONTROLLER, *_sensors()))

    def find(self, type_id: str) -> Blueprint:
        """Return the blueprint of this id; raise KeyError when there is none."""
        if type_id == SPECTATOR.type_id:
            return SPECTATOR
        if type_id not in self._by_id:
            raise KeyError(f"no blueprint '{type_id}' in the catalog")
        return self._by_id[type_id]

    def __iter__(self) -> Iterator[Blueprint]:
        """Go through everything a client may spawn (the spectator is not among it)."""
        return iter(self._by_id.values())

    def __len__(self) -> int:
        return len(self._by_id)


def _is_bool(text: str) -> bool:
    return text.lower() in ("true", "false")


def _is_int(text: str) -> bool:
    try:
        return abs(float(text)) < 2**31
    except ValueError:
        return False


def _is_float(text: str) -> bool:
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _is_color(text: str) -> bool:
    parts = text.split(",")
    return len(parts) == 3 and all(_is_int(part) and 0 <= int(part) <= 255 for part in parts)


_READABLE = {
    AttributeType.BOOL: _is_bool,
    AttributeType.INT: _is_int,
    AttributeType.FLOAT: _is_float,
    AttributeType.STRING: lambda text: True,
    AttributeType.COLOR: _is_color,
}
_EXPECTED = {
    AttributeType.BOOL: "true or false",
    AttributeType.INT: "a whole number of 32 bits",
    AttributeType.FLOAT: "a finite number",
    AttributeType.STRING: "text",
    AttributeType.COLOR: "a colour 'r,g,b' with numbers 0..255",
}


_SHAPE_OF_BASE_TYPE = {
    "car": Shape.CAR,
    "van": Shape.VAN,
    "truck": Shape.VAN,
    "bus": Shape.VAN,
    "motorcycle": Shape.TWO_WHEELER,
    "bicycle": Shape.TWO_WHEELER,
}
_LABEL_OF_BASE_TYPE = {
    "car": Label.CAR,
    "van": Label.CAR,
    "truck": Label.TRUCK,
    "bus": Label.BUS,
    "motorcycle": Label.MOTORCYCLE,
    "bicycle": Label.BICYCLE,
}


def _role(default: str, recommended: tuple[str, ...] = ()) -> BlueprintAttribute:
    return BlueprintAttribute("role_name", AttributeType.STRING, default, recommended)


def _fixed(name: str, kind: AttributeType, value: str) -> BlueprintAttribute:
    return BlueprintAttribute(name, kind, value, modifiable=False)


def _from_table(rows: tuple[tables.AttributeRow, ...]) -> tuple[BlueprintAttribute, ...]:
    return tuple(BlueprintAttribute(name, AttributeType[kind], default) for name, kind, default in rows)


def _vehicle_attributes(row: tables.VehicleRow) -> tuple[BlueprintAttribute, ...]:
    color = BlueprintAttribute("color", AttributeType.COLOR, row.colors[0], row.colors)
    return (
        _fixed("number_of_wheels", AttributeType.INT, str(row.wheels)),
        _fixed("base_type", AttributeType.STRING, row.base_type),
        _fixed("special_type", AttributeType.STRING, row.special_type),
        _fixed("generation", AttributeType.INT, str(row.generation)),
        _fixed("has_lights", AttributeType.BOOL, "true" if row.has_lights else "false"),
        _fixed("has_dynamic_doors", AttributeType.BOOL, "true" if row.has_doors else "false"),
        _fixed("object_type", AttributeType.STRING, ""),
        BlueprintAttribute("sticky_control", AttributeType.BOOL, "true"),
        BlueprintAttribute("terramechanics", AttributeType.BOOL, "false"),
        BlueprintAttribute("ros_name", AttributeType.STRING, row.type_id),
        color,
        _role("autopilot", ("autopilot", "scenario", "ego_vehicle")),
    )


def _vehicles() -> Iterator[Blueprint]:
    for row in tables.VEHICLES:
        yield Blueprint(
            type_id=row.type_id,
            actor_class=ActorClass.VEHICLE,
            attributes=_vehicle_attributes(row),
            shape=_SHAPE_OF_BASE_TYPE[row.base_type],
            half_extent_m=row.half_extent_m,
            box_center_m=(0.0, 0.0, row.half_extent_m[2]),
            mass_kg=row.mass_kg,
            wheelbase_m=row.wheelbase_m,
            max_steer_rad=math.radians(row.max_steer_deg),
            label=_LABEL_OF_BASE_TYPE[row.base_type],
        )


def _walkers() -> Iterator[Blueprint]:
    for number in range(1, tables.WALKER_COUNT + 1):
        is_child = number in tables.CHILD_WALKERS
        type_id = f"walker.pedestrian.{number:04d}"
        yield Blueprint(
            type_id=type_id,
            actor_class=ActorClass.WALKER,
            attributes=(
                *_from_table(tables.WALKER_ATTRIBUTES),
                BlueprintAttribute("speed", AttributeType.FLOAT, "1.4", ("0.0", "1.4", "3.0")),
                _fixed("age", AttributeType.STRING, "child" if is_child else "adult"),
                _fixed("gender", AttributeType.STRING, "female" if number % 2 else "male"),
                _fixed("generation", AttributeType.INT, "1" if number <= 14 else "2"),
                BlueprintAttribute("ros_name", AttributeType.STRING, type_id),
                _role("pedestrian"),
            ),
            shape=Shape.PEDESTRIAN,
            half_extent_m=tables.CHILD_WALKERS.get(number, tables.ADULT_HALF_EXTENT_M),
            mass_kg=tables.CHILD_MASS_KG if is_child else tables.ADULT_MASS_KG,
            label=Label.PEDESTRIANS,
        )


def _props() -> Iterator[Blueprint]:
    for name, (length_m, width_m, height_m) in PROPS:
        type_id = f"static.prop.{name}"
        is_tree = name in TREES
        yield Blueprint(
            type_id=type_id,
            actor_class=ActorClass.PROP,
            attributes=(BlueprintAttribute("ros_name", AttributeType.STRING, type_id), _role("prop")),
            shape=Shape.TREE if is_tree else Shape.BOX,
            half_extent_m=(0.5 * length_m, 0.5 * width_m, 0.5 * height_m),
            box_center_m=(0.0, 0.0, 0.5 * height_m),
            mass_kg=PROP_DENSITY_KGPM3 * length_m * width_m * height_m,
            label=Label.VEGETATION if is_tree else Label.STATIC,
        )


def _sensors() -> Iterator[Blueprint]:
    for type_id, rows in SENSORS:
        yield Blueprint(
            type_id=type_id,
            actor_class=ActorClass.SENSOR,
            attributes=(
                *_from_table(rows),
                BlueprintAttribute("ros_name", AttributeType.STRING, type_id),
                _role("front", ("front", "back", "left", "right", "front_left", "front_right")),
            ),
        )


_FRICTION_TRIGGER = Blueprint(
    "static.trigger.friction",
    ActorClass.TRIGGER,
    (
        BlueprintAttribute("friction", AttributeType.FLOAT, "3.5", ("3.5",)),
        *(BlueprintAttribute(f"extent_{axis}", AttributeType.FLOAT, "1.0") for axis in "xyz"),
        BlueprintAttribute("ros_name", AttributeType.STRING, "static.trigger.friction"),
        _role("friction"),
    ),
)

# Listed so that scripts which look it up go on; spawning one is refused, since there is no navigation mesh.
_WALKER_CONTROLLER = Blueprint("controller.ai.walker", ActorClass.CONTROLLER, (_role("default"),))

# CARLA's spectator has no such attribute: by it a client can tell which simulator it talks to.
SPECTATOR = Blueprint(
    "spectator",
    ActorClass.SPECTATOR,
    (_role("spectator"), _fixed("simulator", AttributeType.STRING, "carla_lite")),
)
"""The free camera pose that every CARLA world has; the world spawns it, clients only move it."""

"""Calls about what stands in a town: buildings and other static objects, the ground, street lights."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from carla_lite.labels import LABEL_OF_SURFACE
from carla_lite.scene import Box
from carla_lite.wire import readers, records
from carla_lite.wire.actor_records import box_label, box_name
from carla_lite.wire.errors import CallError
from carla_lite.wire.simulation import Simulation
from carla_lite.wire.table import MethodTable
from waypilot.geometry import Pose, Vector3

TABLE = MethodTable()
_ANY_LABEL = 255


def _boxes(simulation: Simulation, label: int) -> Iterator[tuple[int, Box]]:
    """Go through the static objects of a label, with their numbers."""
    for index, box in enumerate(simulation.world.town.scene.boxes):
        if label in (_ANY_LABEL, box_label(box)):
            yield index, box


def _bounding_box(box: Box) -> list[Any]:
    return records.bounding_box(box.center_m, box.half_extent_m, 0, box.yaw_rad)


@TABLE.value(readers.u8)
def get_environment_objects(simulation: Simulation, label: int) -> list[Any]:
    """Return the static objects of a label."""
    return [
        [
            records.transform(Pose.from_xyz_rpy(*box.center_m, yaw_rad=box.yaw_rad)),
            _bounding_box(box),
            index,
            box_name(index, box),
            box_label(box),
        ]
        for index, box in _boxes(simulation, label)
    ]


@TABLE.value(readers.u8)
def get_all_level_BBs(simulation: Simulation, label: int) -> list[Any]:  # noqa: N802  CARLA's name
    """Return the boxes of the static objects of a label, in map coordinates."""
    return [_bounding_box(box) for _, box in _boxes(simulation, label)]


@TABLE.value()
def get_names_of_all_objects(simulation: Simulation) -> list[str]:
    """Return the names of all static objects."""
    return [box_name(index, box) for index, box in _boxes(simulation, _ANY_LABEL)]


@TABLE.value(records.read_vector, records.read_vector, readers.number_between(0.0, readers.MAX_NUMBER))
def project_point(simulation: Simulation, start_m: Vector3, direction: Vector3, distance_m: float) -> list[Any]:
    """Find the ground along a ray: whether it is hit within the distance, where, and what is there."""
    length = sum(value * value for value in direction) ** 0.5
    if length == 0.0:
        raise CallError("the search direction has no length")
    scale = distance_m / length
    x, y, z = (at + scale * along for at, along in zip(start_m, direction, strict=True))
    hit = _ground_between(simulation, start_m, (x, y, z))
    return [False, [[0.0, 0.0, 0.0], 0]] if hit is None else [True, hit]


@TABLE.value(records.read_vector, records.read_vector)
def cast_ray(simulation: Simulation, start_m: Vector3, end_m: Vector3) -> list[Any]:
    """Return where the line between two points meets the ground; other objects do not stop it."""
    hit = _ground_between(simulation, start_m, end_m)
    return [] if hit is None else [hit]


def _ground_between(simulation: Simulation, start_m: Vector3, end_m: Vector3) -> list[Any] | None:
    """Return the labelled point at height 0 on the way from one point to the other, or None."""
    if start_m[2] == end_m[2] or not min(start_m[2], end_m[2]) <= 0.0 <= max(start_m[2], end_m[2]):
        return None
    share = start_m[2] / (start_m[2] - end_m[2])
    x = start_m[0] + share * (end_m[0] - start_m[0])
    y = start_m[1] + share * (end_m[1] - start_m[1])
    return [records.vector((x, y, 0.0)), LABEL_OF_SURFACE[simulation.world.town.surface_at(x, y)]]


@TABLE.void(readers.anything)
def draw_debug_shape(simulation: Simulation, shape: Any) -> None:
    """Accept: shapes are drawn on the server's own screen only, and there is none."""


@TABLE.value(readers.text)
def query_lights_state(simulation: Simulation, client: str) -> list[Any]:
    """Return the street lights: none."""
    return []


@TABLE.void(readers.text, readers.list_of(readers.anything), readers.flag)
def update_lights_state(simulation: Simulation, client: str, lights: list[Any], discard: bool) -> None:
    """Change street lights, of which there are none."""
    if lights:
        raise CallError("towns have no street lights that could be switched")

"""Calls about what stands in a town: buildings and other static objects, the ground, street lights."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from carla_lite.scene import Box
from carla_lite.wire import readers, records
from carla_lite.wire.actor_records import box_label, box_name
from carla_lite.wire.errors import CallError
from carla_lite.wire.simulation import Simulation
from carla_lite.wire.table import MethodTable
from waypilot.geometry import Pose, Vector3

TABLE = MethodTable()
_ANY_LABEL = 255
_MAX_HITS = 64
_PAST_A_SURFACE_M = 1e-3


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
    """Find the first surface along a ray: whether one is hit within the distance, where, and what it is."""
    length = math.hypot(*direction)
    if length == 0.0:
        raise CallError("the search direction has no length")
    x, y, z = (value / length for value in direction)
    points = _hits(simulation, start_m, (x, y, z), distance_m, limit=1)
    return [True, points[0]] if points else [False, [[0.0, 0.0, 0.0], 0]]


@TABLE.value(records.read_vector, records.read_vector)
def cast_ray(simulation: Simulation, start_m: Vector3, end_m: Vector3) -> list[Any]:
    """Return every surface that the line between two points enters, nearest first, with its label."""
    x, y, z = (end - start for start, end in zip(start_m, end_m, strict=True))
    length = math.hypot(x, y, z)
    if length == 0.0:
        return []
    return _hits(simulation, start_m, (x / length, y / length, z / length), length, _MAX_HITS)


def _hits(simulation: Simulation, start_m: Vector3, direction: Vector3, length_m: float, limit: int) -> list[Any]:
    """Return at most ``limit`` labelled points along a unit direction."""
    perception = simulation.towns.views(simulation.world.town).perception
    scene = simulation.world.scene()
    ray, gone_m = np.array([direction]), 0.0
    points: list[Any] = []
    while len(points) < limit and gone_m < length_m:
        x, y, z = (at + gone_m * along for at, along in zip(start_m, direction, strict=True))
        hits = perception.cast((x, y, z), ray, length_m - gone_m, scene)
        step_m = float(hits.distance_m[0])
        if not math.isfinite(step_m):
            break
        place = (x + step_m * direction[0], y + step_m * direction[1], z + step_m * direction[2])
        points.append([records.vector(place), int(hits.label[0])])
        gone_m += step_m + _PAST_A_SURFACE_M
    return points


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

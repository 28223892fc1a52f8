"""One simulation step of all bodies: who may meet whom, then motion in small steps with contacts in between."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from carla_lite.engine._numba import jit
from carla_lite.engine.body import (
    COLLIDES,
    HALF_X,
    HALF_Y,
    HOLDS_VELOCITY,
    INVERSE_MASS,
    KIND,
    TARGET_X,
    TARGET_Y,
    VEHICLE,
    VX,
    VY,
    WALKER,
    YAW,
    X,
    Y,
)
from carla_lite.engine.contacts import obstacle_body, penetration, resolve
from carla_lite.engine.dynamics import move_vehicle, move_walker
from carla_lite.scene import Box, Shape
from waypilot.geometry import FloatArray

IndexArray = NDArray[np.int64]
_SUBSTEP_S = 0.001
# Contacts are resolved every so many sub-steps: at 30 m/s a body moves 0.3 m in between.
_SUBSTEPS_PER_CONTACT = 10
_BROAD_MARGIN_M = 1.0
_TRUNK_HALF_WIDTH_M = 0.2


@dataclass(frozen=True, slots=True)
class Contact:
    """Two touching things of one step; ``obstacle`` tells whether ``second`` indexes obstacles instead of bodies.

    ``impulse_on_first_ns`` is the summed normal impulse (N s) on the first body in map axes.
    """

    first: int
    second: int
    obstacle: bool
    impulse_on_first_ns: tuple[float, float]


def obstacles_of(boxes: tuple[Box, ...]) -> FloatArray:
    """Return the footprints (M, 5) of static boxes: x, y, yaw, half extents. Of a tree only the trunk is hard."""
    rows = np.zeros((len(boxes), 5))
    for row, box in zip(rows, boxes, strict=True):
        half = (_TRUNK_HALF_WIDTH_M,) * 2 if box.shape is Shape.TREE else box.half_extent_m[:2]
        row[:] = (box.center_m[0], box.center_m[1], box.yaw_rad, *half)
    return rows


def step_bodies(bodies: FloatArray, obstacles: FloatArray, dt_s: float, contact_threshold_ns: float) -> list[Contact]:
    """Advance ``bodies`` (N, SIZE) in place by ``dt_s``; returns the contacts above the threshold in index order."""
    pairs = _near_pairs(bodies, dt_s)
    walls = _near_obstacles(bodies, obstacles, dt_s)
    impulses, wall_impulses = np.zeros((len(pairs), 2)), np.zeros((len(walls), 2))
    substeps = max(1, round(dt_s / _SUBSTEP_S))
    _advance(bodies, obstacles, pairs, walls, impulses, wall_impulses, dt_s / substeps, substeps)
    return [
        Contact(int(first), int(second), is_obstacle, (float(impulse[0]), float(impulse[1])))
        for index, found, is_obstacle in ((pairs, impulses, False), (walls, wall_impulses, True))
        for (first, second), impulse in zip(index, found, strict=True)
        if math.hypot(impulse[0], impulse[1]) > contact_threshold_ns
    ]


@jit
def _reach(row: FloatArray, dt_s: float) -> float:
    speed = math.hypot(row[VX], row[VY])
    if row[HOLDS_VELOCITY] != 0.0:  # it is taken up at once
        speed = max(speed, math.hypot(row[TARGET_X], row[TARGET_Y]))
    return math.hypot(row[HALF_X], row[HALF_Y]) + speed * dt_s + _BROAD_MARGIN_M


@jit
def _near_pairs(bodies: FloatArray, dt_s: float) -> IndexArray:
    found = [(0, 0) for _ in range(0)]
    reach_m = np.empty(len(bodies))
    for i in range(len(bodies)):
        reach_m[i] = _reach(bodies[i], dt_s)
    for i in range(len(bodies)):
        for j in range(i + 1, len(bodies)):
            if bodies[i, COLLIDES] * bodies[j, COLLIDES] == 0.0:
                continue
            if bodies[i, INVERSE_MASS] + bodies[j, INVERSE_MASS] == 0.0:
                continue
            limit = reach_m[i] + reach_m[j]
            dx, dy = bodies[j, X] - bodies[i, X], bodies[j, Y] - bodies[i, Y]
            if dx * dx + dy * dy < limit * limit:
                found.append((i, j))
    return _as_index(found)


@jit
def _near_obstacles(bodies: FloatArray, obstacles: FloatArray, dt_s: float) -> IndexArray:
    found = [(0, 0) for _ in range(0)]
    radii_m = np.empty(len(obstacles))
    for j in range(len(obstacles)):
        radii_m[j] = math.hypot(obstacles[j, 3], obstacles[j, 4])
    for i in range(len(bodies)):
        if bodies[i, INVERSE_MASS] * bodies[i, COLLIDES] == 0.0:
            continue
        reach = _reach(bodies[i], dt_s)
        for j in range(len(obstacles)):
            limit = reach + radii_m[j]
            dx, dy = obstacles[j, 0] - bodies[i, X], obstacles[j, 1] - bodies[i, Y]
            if dx * dx + dy * dy < limit * limit:
                found.append((i, j))
    return _as_index(found)


@jit
def _as_index(pairs: list[tuple[int, int]]) -> IndexArray:
    result = np.empty((len(pairs), 2), dtype=np.int64)
    for number, (first, second) in enumerate(pairs):
        result[number, 0], result[number, 1] = first, second
    return result


@jit
def _advance(
    bodies: FloatArray,
    obstacles: FloatArray,
    pairs: IndexArray,
    walls: IndexArray,
    impulses: FloatArray,
    wall_impulses: FloatArray,
    dt_s: float,
    substeps: int,
) -> None:
    for number in range(substeps):
        for index in range(len(bodies)):
            row = bodies[index]
            if row[INVERSE_MASS] == 0.0:
                continue
            if row[KIND] == VEHICLE:
                move_vehicle(row, dt_s)
            elif row[KIND] == WALKER:
                move_walker(row, dt_s)
        if (number + 1) % _SUBSTEPS_PER_CONTACT == 0 or number + 1 == substeps:
            for k in range(len(pairs)):
                resolve(bodies[pairs[k, 0]], bodies[pairs[k, 1]], impulses[k])
            for k in range(len(walls)):
                resolve(bodies[walls[k, 0]], obstacle_body(obstacles[walls[k, 1]]), wall_impulses[k])


@jit
def overlaps_any(body: FloatArray, bodies: FloatArray, obstacles: FloatArray) -> bool:
    """Tell whether a body overlaps any of ``bodies`` (N, SIZE) or ``obstacles`` (M, 5) where it stands."""
    box = np.array([body[YAW], body[HALF_X], body[HALF_Y]])
    for index in range(len(bodies)):
        other = bodies[index]
        shape = np.array([other[YAW], other[HALF_X], other[HALF_Y]])
        if other[COLLIDES] != 0.0 and penetration(other[X] - body[X], other[Y] - body[Y], box, shape)[0] > 0.0:
            return True
    for index in range(len(obstacles)):
        wall = obstacles[index]
        if penetration(wall[0] - body[X], wall[1] - body[Y], box, wall[2:])[0] > 0.0:
            return True
    return False

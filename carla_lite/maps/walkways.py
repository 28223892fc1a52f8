"""Where people may walk, as convex polygons that meet edge to edge: what a navigation mesh is made of.

The ground is rasterised, cells of one kind are joined to rectangles, and a rectangle beside which others begin or end
gets their corners into its outline; so every inner edge belongs to exactly two polygons.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

import cv2
import numpy as np
from numpy.typing import NDArray

from carla_lite.maps.ground import lane_outlines, surface_of
from carla_lite.maps.lanes import Lane
from carla_lite.scene import Box, Shape, Surface
from waypilot.geometry import FloatArray

MAX_CORNERS = 6
"""Detour's polygons have no more."""
MAX_POLYGONS = 32_000
"""A tile of Detour's numbers its polygons with 15 bits."""
_FINEST_CELL_M = 0.5
_COARSER = 1.4
# Paths lead through the middles of edges: large rectangles would make them crooked.
_LONGEST_SIDE = 16
_MAX_CELLS = 16_000_000


class Area(IntEnum):
    """What people walk on, with CARLA's numbers."""

    NOTHING = 0
    SIDEWALK = 1
    CROSSWALK = 2
    ROAD = 3


_AREA_OF = {Surface.SIDEWALK: Area.SIDEWALK, Surface.CURB: Area.SIDEWALK}


@dataclass(frozen=True, slots=True, eq=False)
class Walkways:
    """Polygons by their corners: ``corners_m`` (N, 2) in map axes; ``polygons`` name them counter-clockwise.

    ``neighbours`` has for each edge (from a corner to the next) the number of the polygon beyond, or None.
    """

    corners_m: FloatArray
    polygons: tuple[tuple[int, ...], ...]
    neighbours: tuple[tuple[int | None, ...], ...]
    areas: tuple[Area, ...]


def find_walkways(
    lanes: tuple[Lane, ...],
    crosswalks_m: tuple[FloatArray, ...],
    boxes: tuple[Box, ...],
    bounds_m: tuple[float, float, float, float],
) -> Walkways:
    """Return pavements, crosswalks (rings (N, 2)) and roads without what stands there; coarser in a large town."""
    x0, y0, x1, y1 = bounds_m
    cell_m = max(_FINEST_CELL_M, math.sqrt((x1 - x0) * (y1 - y0) / _MAX_CELLS))
    while True:
        areas = _rasterise(lanes, crosswalks_m, boxes, bounds_m, cell_m)
        found = _join(areas, np.array([x0, y0]), cell_m)
        if len(found.polygons) <= MAX_POLYGONS and len(found.corners_m) <= 2 * MAX_POLYGONS:
            return found
        cell_m *= _COARSER


def _rasterise(
    lanes: tuple[Lane, ...],
    crosswalks_m: tuple[FloatArray, ...],
    boxes: tuple[Box, ...],
    bounds_m: tuple[float, float, float, float],
    cell_m: float,
) -> NDArray[np.uint8]:
    x0, y0, x1, y1 = bounds_m
    areas = np.zeros((math.ceil((y1 - y0) / cell_m), math.ceil((x1 - x0) / cell_m)), np.uint8)

    def fill(ring_m: FloatArray, area: Area) -> None:
        cells = np.floor((ring_m - (x0, y0)) / cell_m).astype(np.int32)
        cv2.fillPoly(areas, [cells], int(area))

    for wanted in (Area.SIDEWALK, Area.ROAD):
        for lane in lanes:
            surface = surface_of(lane)
            if surface is not None and _AREA_OF.get(surface, Area.ROAD) is wanted and lane.width_m.max() > 0.01:
                for ring in lane_outlines(lane):
                    fill(ring, wanted)
    for ring_m in crosswalks_m:
        fill(ring_m, Area.CROSSWALK)
    for box in boxes:
        if box.shape is not Shape.TREE:
            fill(_footprint(box), Area.NOTHING)
    return areas


def _footprint(box: Box) -> FloatArray:
    c, s = math.cos(box.yaw_rad), math.sin(box.yaw_rad)
    hx, hy = box.half_extent_m[:2]
    local = np.array([(-hx, -hy), (hx, -hy), (hx, hy), (-hx, hy)])
    ring: FloatArray = np.array(box.center_m[:2]) + local @ np.array([[c, s], [-s, c]])
    return ring


_Rectangle = tuple[int, int, int, int, int]
"""First row, last row + 1, first column, last column + 1, area."""


def _join(areas: NDArray[np.uint8], origin_m: FloatArray, cell_m: float) -> Walkways:
    rectangles = list(_rectangles(areas))
    is_corner = np.zeros((areas.shape[0] + 1, areas.shape[1] + 1), bool)
    for top, bottom, left, right, _ in rectangles:
        is_corner[[top, top, bottom, bottom], [left, right, left, right]] = True
    numbers: dict[tuple[float, float], int] = {}
    polygons: list[tuple[int, ...]] = []
    kinds: list[Area] = []
    for rectangle in rectangles:
        for places in _pieces(rectangle, is_corner):
            polygons.append(tuple(numbers.setdefault(place, len(numbers)) for place in places))
            kinds.append(Area(rectangle[4]))
    corners = np.array(list(numbers), np.float64).reshape(-1, 2)[:, ::-1] * cell_m + origin_m
    return Walkways(corners, tuple(polygons), _neighbours(polygons), tuple(kinds))


def _rectangles(areas: NDArray[np.uint8]) -> Iterator[_Rectangle]:
    """Join cells of a row to runs, and equal runs of successive rows to rectangles."""
    growing: dict[tuple[int, int, int], int] = {}
    for row, cells in enumerate([*areas, np.zeros(areas.shape[1], np.uint8)]):
        runs = set(_runs(cells))
        for run in [run for run in growing if run not in runs or row % _LONGEST_SIDE == 0]:
            yield growing.pop(run), row, *run
        for run in sorted(runs):
            growing.setdefault(run, row)


def _runs(cells: NDArray[np.uint8]) -> Iterator[tuple[int, int, int]]:
    if not cells.any():
        return
    changes = np.flatnonzero(np.diff(cells)) + 1
    ends = np.union1d(changes, np.arange(0, len(cells), _LONGEST_SIDE))
    for first, last in itertools.pairwise([*ends.tolist(), len(cells)]):
        if cells[first]:
            yield first, last, int(cells[first])


def _pieces(rectangle: _Rectangle, is_corner: NDArray[np.bool_]) -> Iterator[list[tuple[float, float]]]:
    """Yield the polygons of one rectangle, counter-clockwise as (row, column): itself, or a fan from its middle."""
    top, bottom, left, right, _ = rectangle
    outline: list[tuple[float, float]] = [(top, left + int(c)) for c in np.flatnonzero(is_corner[top, left:right])]
    outline += [(top + int(r), right) for r in np.flatnonzero(is_corner[top:bottom, right])]
    outline += [(bottom, left + 1 + int(c)) for c in np.flatnonzero(is_corner[bottom, left + 1 : right + 1])[::-1]]
    outline += [(top + 1 + int(r), left) for r in np.flatnonzero(is_corner[top + 1 : bottom + 1, left])[::-1]]
    if len(outline) <= MAX_CORNERS:
        yield outline
        return
    middle = (0.5 * (top + bottom), 0.5 * (left + right))
    for here, there in itertools.pairwise([*outline, outline[0]]):
        yield [middle, here, there]


def _neighbours(polygons: list[tuple[int, ...]]) -> tuple[tuple[int | None, ...], ...]:
    owner = {
        (here, there): number
        for number, ring in enumerate(polygons)
        for here, there in itertools.pairwise([*ring, ring[0]])
    }
    return tuple(
        tuple(owner.get((there, here)) for here, there in itertools.pairwise([*ring, ring[0]])) for ring in polygons
    )

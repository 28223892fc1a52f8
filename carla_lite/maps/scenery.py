"""Puts buildings, trees and lamp posts beside the streets of a map that brings none of its own."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from carla_lite.maps.ground import lane_outlines
from carla_lite.maps.lanes import Lane
from carla_lite.maps.opendrive import OpenDriveMap, RoadObject
from carla_lite.scene import Box, Rgb, Shape
from waypilot.geometry import FloatArray

_FINEST_CELL_M = 0.5
_WALLS: tuple[Rgb, ...] = (
    (172, 120, 96), (190, 180, 160), (140, 150, 160), (200, 160, 110), (120, 128, 140),
    (158, 92, 76), (214, 206, 190), (98, 104, 112), (182, 168, 128), (146, 124, 108),
)  # fmt: skip
_CROWNS: tuple[Rgb, ...] = ((58, 98, 46), (74, 112, 52), (48, 84, 44), (92, 118, 58))
_POST: Rgb = (92, 96, 100)
_CLEARANCE_M = 1.5
_SHORTEST_SIDE_M = 20.0
# Of a map tens of kilometres wide the raster gets coarser instead of larger.
_MAX_CELLS = 64_000_000


class FreeSpace:
    """A raster of what is taken: lanes first, then whatever is put down."""

    def __init__(self, bounds_m: tuple[float, float, float, float], lanes: Iterable[Lane]) -> None:
        """Cover ``bounds_m`` (x0, y0, x1, y1) and take the ground of ``lanes``."""
        x0, y0, x1, y1 = bounds_m
        self._origin = np.array([x0, y0])
        self._cell_m = cell = max(_FINEST_CELL_M, math.sqrt((x1 - x0) * (y1 - y0) / _MAX_CELLS))
        self._taken = np.zeros((math.ceil((y1 - y0) / cell), math.ceil((x1 - x0) / cell)), dtype=np.uint8)
        for lane in lanes:
            for ring in lane_outlines(lane):
                self._fill(self._taken, ring)

    def _fill(self, image: np.ndarray, ring_m: FloatArray, offset: tuple[int, int] = (0, 0)) -> None:
        cells = np.floor((ring_m - self._origin) / self._cell_m).astype(np.int32) - np.array(offset, dtype=np.int32)
        cv2.fillPoly(image, [cells], 1)

    def take(self, ring_m: FloatArray) -> bool:
        """Take a convex ring (N, 2) if all of it is free and inside the bounds; tell whether it was."""
        cells = np.floor((ring_m - self._origin) / self._cell_m).astype(np.int64)
        low, high = cells.min(axis=0), cells.max(axis=0) + 1
        if (low < 0).any() or high[0] > self._taken.shape[1] or high[1] > self._taken.shape[0]:
            return False
        window = self._taken[low[1] : high[1], low[0] : high[0]]
        mask = np.zeros(window.shape, dtype=np.uint8)
        self._fill(mask, ring_m, (int(low[0]), int(low[1])))
        if (window & mask).any():
            return False
        window |= mask
        return True


def rectangle(center: FloatArray, yaw_rad: float, half_x_m: float, half_y_m: float) -> FloatArray:
    """Return the corners (4, 2) of a turned rectangle."""
    c, s = math.cos(yaw_rad), math.sin(yaw_rad)
    local = np.array([(-half_x_m, -half_y_m), (half_x_m, -half_y_m), (half_x_m, half_y_m), (-half_x_m, half_y_m)])
    ring: FloatArray = center + local @ np.array([[c, s], [-s, c]])
    return ring


def place_scenery(
    source: OpenDriveMap,
    lanes: tuple[Lane, ...],
    bounds_m: tuple[float, float, float, float],
    seed: int,
    signals: tuple[Box, ...] = (),
) -> tuple[Box, ...]:
    """Return the upright objects of a town: the file's own buildings, or drawn ones where it has none.

    ``signals`` are already there: nothing is put where they stand.
    """
    own = [item for road in source.roads.values() for item in road.objects if item.type == "building"]
    if own:
        return tuple(_own_building(item, number) for number, item in enumerate(own))
    rng = np.random.default_rng([6, seed])
    space = FreeSpace(bounds_m, lanes)
    for box in signals:
        space.take(rectangle(np.array(box.center_m[:2]), box.yaw_rad, *box.half_extent_m[:2]))
    sides = list(_street_sides(lanes))
    boxes: list[Box] = []
    for side in sides:
        boxes.extend(_buildings_along(side, space, rng))
    for side in sides:
        boxes.extend(_trees_and_posts_along(side, space, rng))
    return tuple(boxes)


def _own_building(item: RoadObject, number: int) -> Box:
    outline = np.array(item.outline_m)
    middle = outline.mean(axis=0)
    # About its middle: cv2 computes in single precision, too coarse for the coordinates of a national grid.
    (dx, dy), (w, d), angle = cv2.minAreaRect((outline - middle).astype(np.float32))
    cx, cy = float(middle[0]) + dx, float(middle[1]) + dy
    half_height = 0.5 * max(item.height_m, 3.0)
    color = _WALLS[number % len(_WALLS)]
    return Box(Shape.BUILDING, (cx, cy, half_height), (0.5 * w, 0.5 * d, half_height), math.radians(angle), color)


@dataclass(frozen=True, slots=True, eq=False)
class _StreetSide:
    """The right edge of the outermost lane of one side of a street, measured once, as scenery asks for it often."""

    edge_m: FloatArray
    arc_m: FloatArray
    heading_rad: FloatArray
    length_m: float
    is_built_up: bool

    @staticmethod
    def of(lane: Lane) -> _StreetSide:
        """Measure a lane."""
        arc = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(lane.right_m, axis=0).T))])
        edge = np.ascontiguousarray(lane.right_m.T)
        return _StreetSide(edge, arc, np.unwrap(lane.heading_rad), lane.length_m, lane.type == "sidewalk")

    def beside(self, along_m: float, aside_m: float) -> tuple[FloatArray, float]:
        """Return the point ``aside_m`` right of the edge and the lane's heading there."""
        x, y = (np.interp(along_m, self.arc_m, self.edge_m[axis]) for axis in (0, 1))
        heading = float(np.interp(along_m, self.arc_m, self.heading_rad))
        return np.array([x + aside_m * math.sin(heading), y - aside_m * math.cos(heading)]), heading


def _street_sides(lanes: tuple[Lane, ...]) -> Iterator[_StreetSide]:
    """Yield either side of every street that is long enough for anything to stand there."""
    outermost: dict[tuple[str, int, bool], Lane] = {}
    for lane in lanes:
        key = (lane.road_id, lane.section_index, lane.lane_id > 0)
        if not lane.is_junction and (key not in outermost or abs(lane.lane_id) > abs(outermost[key].lane_id)):
            outermost[key] = lane
    for lane in outermost.values():
        if lane.length_m > _SHORTEST_SIDE_M:
            yield _StreetSide.of(lane)


def _tint(rng: np.random.Generator, base: Rgb) -> Rgb:
    r, g, b = np.clip(np.array(base) + rng.integers(-12, 13), 0, 255)
    return int(r), int(g), int(b)


def _buildings_along(side: _StreetSide, space: FreeSpace, rng: np.random.Generator) -> Iterator[Box]:
    """Put houses along a street with a sidewalk close together, and lonely ones along a country road."""
    along = rng.uniform(0.0, 6.0)
    while along < side.length_m:
        length, depth, height = rng.uniform(10.0, 22.0), rng.uniform(9.0, 15.0), rng.uniform(4.0, 20.0)
        setback, gap = rng.uniform(2.5, 7.0), rng.uniform(2.0, 14.0)
        if not side.is_built_up:
            height, setback, gap = 0.5 * height + 1.0, setback + rng.uniform(6.0, 30.0), gap + rng.uniform(20.0, 130.0)
        color = _tint(rng, _WALLS[int(rng.integers(len(_WALLS)))])
        center, yaw = side.beside(along + 0.5 * length, setback + 0.5 * depth)
        if space.take(rectangle(center, yaw, 0.5 * length + _CLEARANCE_M, 0.5 * depth + _CLEARANCE_M)):
            yield Box(
                Shape.BUILDING,
                (float(center[0]), float(center[1]), 0.5 * height),
                (0.5 * length, 0.5 * depth, 0.5 * height),
                yaw,
                color,
            )
        along += length + gap


def _trees_and_posts_along(side: _StreetSide, space: FreeSpace, rng: np.random.Generator) -> Iterator[Box]:
    """Line a street with trees and lamp posts; along a country road there are trees only, at any distance."""
    along = rng.uniform(4.0, 12.0)
    while along < side.length_m - 4.0:
        is_post = side.is_built_up and rng.random() < 0.5
        shape, half, color = (Shape.POLE, (0.08, 0.08, 2.8), _POST) if is_post else _tree(rng)
        aside = 1.3 if side.is_built_up else 1.8 + rng.exponential(5.0)
        center, yaw = side.beside(along, 0.4 if is_post else aside)
        if space.take(rectangle(center, yaw, 0.3, 0.3)):
            yield Box(shape, (float(center[0]), float(center[1]), half[2]), half, yaw, color)
        along += rng.uniform(9.0, 22.0)


def _tree(rng: np.random.Generator) -> tuple[Shape, tuple[float, float, float], Rgb]:
    crown, height = rng.uniform(0.9, 1.5), rng.uniform(1.8, 3.2)
    return Shape.TREE, (crown, crown, height), _tint(rng, _CROWNS[int(rng.integers(len(_CROWNS)))])

"""Paints a map's ground: lane surfaces, then crosswalks, lane marks and stop lines, in that order."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from carla_lite.maps.lanes import Lane
from carla_lite.maps.opendrive import OpenDriveMap, RoadMark, RoadObject
from carla_lite.scene import GroundPolygon, Surface
from waypilot.geometry import FloatArray

_SURFACE_OF_TYPE = {
    "sidewalk": Surface.SIDEWALK,
    "walking": Surface.SIDEWALK,
    "median": Surface.SIDEWALK,
    "shoulder": Surface.SHOULDER,
    "border": Surface.SHOULDER,
    "curb": Surface.CURB,
    "parking": Surface.PARKING,
}
_NO_SURFACE = frozenset({"none"})
# Junction lanes overlap streets and sidewalks; what is drawn later wins.
_PAINT_ORDER = (Surface.SIDEWALK, Surface.CURB, Surface.SHOULDER, Surface.PARKING, Surface.ROAD)
# Long patches are cut, so that a closed loop stays a simple polygon.
_PATCH_POINTS = 40
_DOUBLE_MARK_GAP_M = 0.12
_ZEBRA_STRIPE_M, _ZEBRA_PERIOD_M = 0.5, 1.0


def surface_of(lane: Lane) -> Surface | None:
    """Tell what a lane is paved with; None for lanes that are mere room."""
    if lane.type in _NO_SURFACE:
        return None
    return _SURFACE_OF_TYPE.get(lane.type, Surface.ROAD)


def paint_ground(source: OpenDriveMap, lanes: tuple[Lane, ...]) -> tuple[GroundPolygon, ...]:
    """Return every patch of a town's ground in painting order."""
    by_surface: dict[Surface, list[GroundPolygon]] = {surface: [] for surface in _PAINT_ORDER}
    for lane in lanes:
        surface = surface_of(lane)
        if surface is not None and lane.width_m.max() > 0.01:
            by_surface[surface].extend(GroundPolygon(surface, ring) for ring in lane_outlines(lane))
    patches = [patch for surface in _PAINT_ORDER for patch in by_surface[surface]]
    objects = [item for road in source.roads.values() for item in road.objects]
    for item in objects:
        if item.type == "crosswalk":
            patches.extend(_zebra(item))
    for lane in lanes:
        patches.extend(_lane_marks(lane))
    for item in objects:
        if item.type == "roadMark":
            patches.append(GroundPolygon(Surface.MARK_WHITE, np.array(item.outline_m)))
    return tuple(patches)


def lane_outlines(lane: Lane) -> Iterator[FloatArray]:
    """Cut a lane into simple closed rings (N, 2)."""
    last = len(lane.center_m) - 1
    for begin in range(0, last, _PATCH_POINTS):
        part = slice(begin, min(begin + _PATCH_POINTS, last) + 1)
        yield np.concatenate([lane.left_m[part], lane.right_m[part][::-1]])


def _lane_marks(lane: Lane) -> Iterator[GroundPolygon]:
    forward = slice(None, None, 1 if lane.lane_id < 0 else -1)
    s = lane.s_m[forward]
    outward = 1.0 if lane.lane_id < 0 else -1.0
    yield from _marks_along(lane.right_marks, s, lane.right_m[forward], outward)
    # The centre line belongs to both sides; the right side paints it, or the left one where there is no right side.
    if lane.lane_id == -1 or (lane.lane_id == 1 and not lane.has_opposite):
        yield from _marks_along(lane.left_marks, s, lane.left_m[forward], outward)


def _marks_along(
    marks: tuple[RoadMark, ...], s_m: FloatArray, edge_m: FloatArray, outward: float
) -> Iterator[GroundPolygon]:
    """Paint marks on an edge sampled along rising s; ``outward`` is +1 where the lane lies right of s."""
    starts = [s_m[0] + mark.s_offset_m for mark in marks]
    for mark, start, end in zip(marks, starts, [*starts[1:], s_m[-1]], strict=False):
        parts = mark.kind.replace("botts dots", "broken").split()
        surface = Surface.MARK_YELLOW if mark.color == "yellow" else Surface.MARK_WHITE
        for number, part in enumerate(parts):
            if part not in ("solid", "broken"):
                continue
            aside = 0.0 if len(parts) == 1 else (number - 0.5) * (mark.width_m + _DOUBLE_MARK_GAP_M)
            for low, high in _strokes(mark, part, start, end):
                yield GroundPolygon(surface, _strip(s_m, edge_m, low, high, -outward * aside, mark.width_m))


def _strokes(mark: RoadMark, part: str, start_m: float, end_m: float) -> Iterator[tuple[float, float]]:
    length, period = (mark.dash_m, mark.dash_m + mark.gap_m) if part == "broken" else (_PATCH_POINTS, _PATCH_POINTS)
    count = int(np.ceil(max(end_m - start_m, 0.0) / period))
    for number in range(count):
        low = start_m + number * period
        yield low, min(low + length, end_m)


def _strip(
    s_m: FloatArray, edge_m: FloatArray, low_m: float, high_m: float, aside_m: float, width_m: float
) -> FloatArray:
    first, last = np.searchsorted(s_m, low_m + 1e-6, "right"), np.searchsorted(s_m, high_m - 1e-6, "left")
    at = np.concatenate([[low_m], s_m[first:last], [high_m]])
    # Only the samples around: a long road has as many dashes as samples.
    near = slice(max(0, first - 2), last + 2)
    middle = np.stack([np.interp(at, s_m[near], edge_m[near, axis]) for axis in (0, 1)], axis=-1)
    step = np.gradient(middle, axis=0)
    normal = np.stack([-step[:, 1], step[:, 0]], axis=-1) / np.maximum(np.hypot(*step.T), 1e-9)[:, None]
    middle = middle + aside_m * normal
    half = 0.5 * width_m * normal
    return np.concatenate([middle + half, (middle - half)[::-1]])


def _zebra(item: RoadObject) -> Iterator[GroundPolygon]:
    ring = np.array(item.outline_m)
    if len(ring) == 5 and np.allclose(ring[0], ring[-1]):
        ring = ring[:4]
    if len(ring) != 4:
        yield GroundPolygon(Surface.CROSSWALK, ring)
        return
    # Stripes are stacked along the longer side, the one people walk along.
    if np.hypot(*(ring[1] - ring[0])) > np.hypot(*(ring[2] - ring[1])):
        ring = np.roll(ring, -1, axis=0)
    length = float(np.hypot(*(ring[2] - ring[1])))
    for low in np.arange(0.5 * _ZEBRA_STRIPE_M, length - _ZEBRA_STRIPE_M, _ZEBRA_PERIOD_M):
        a, b = low / length, (low + _ZEBRA_STRIPE_M) / length
        near, far = ring[2] - ring[1], ring[3] - ring[0]
        yield GroundPolygon(
            Surface.CROSSWALK, np.stack([ring[1] + a * near, ring[1] + b * near, ring[0] + b * far, ring[0] + a * far])
        )

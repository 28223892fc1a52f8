"""A town: its OpenDRIVE text and everything derived from it once, at loading."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, field
from functools import lru_cache

import numpy as np

from carla_lite.maps.ground import paint_ground, surface_of
from carla_lite.maps.lanes import Lane, build_lanes
from carla_lite.maps.lookup import LaneIndex, LanePosition
from carla_lite.maps.opendrive import OpenDriveError
from carla_lite.maps.plans import town_xodr
from carla_lite.maps.posts import Post, build_posts
from carla_lite.maps.reader import read_opendrive
from carla_lite.maps.scenery import place_scenery
from carla_lite.maps.signal_boxes import signal_boxes
from carla_lite.maps.speed_limits import SpeedLimits
from carla_lite.scene import StaticScene, Surface
from waypilot.geometry import FloatArray, Pose

# CARLA's spawn points hover a little above the road, so that a car never starts inside it.
SPAWN_HEIGHT_M = 0.3
_SPAWN_SPACING_M = 25.0
_SPAWN_END_MARGIN_M = 12.0
_TERRAIN_MARGIN_M = 60.0
_CACHED_TOWNS = 8


@dataclass(frozen=True, slots=True, eq=False)
class TownMap:
    """A loaded town, all in map axes; ``xodr`` is what clients get: the document, without its relief if it had any.

    ``geo_reference`` is (latitude, longitude) of the map origin in degrees, ``crosswalks_m`` are outlines (N, 2).
    """

    name: str
    xodr: str
    lanes: tuple[Lane, ...]
    scene: StaticScene
    spawn_points: tuple[Pose, ...]
    geo_reference: tuple[float, float]
    posts: tuple[Post, ...]
    crosswalks_m: tuple[FloatArray, ...]
    _limits: SpeedLimits = field(repr=False)
    _index: LaneIndex = field(repr=False)

    def lane_at(self, x_m: float, y_m: float, driving_only: bool = True) -> LanePosition | None:
        """Return the lane at a place (the nearest centre line wins where lanes overlap), or None."""
        return self._index.lane_at(x_m, y_m, driving_only)

    def on_road(self, x_m: float, y_m: float) -> bool:
        """Tell whether a place lies on a driving lane."""
        return self.lane_at(x_m, y_m) is not None

    def speed_limit_kph(self, x_m: float, y_m: float) -> float | None:
        """Return the limit of the signs that lead to a place; None off the lanes and before the first sign."""
        place = self.lane_at(x_m, y_m)
        return None if place is None else self._limits.on_lane(place.lane.index, place.lane.arc_at(place.s_m))

    def surface_at(self, x_m: float, y_m: float) -> Surface:
        """Tell what the ground is paved with, paint aside; TERRAIN off the lanes."""
        position = self.lane_at(x_m, y_m) or self.lane_at(x_m, y_m, driving_only=False)
        surface = surface_of(position.lane) if position else None
        return Surface.TERRAIN if surface is None else surface


@lru_cache(maxsize=_CACHED_TOWNS)
def load_town(name: str) -> TownMap:
    """Generate a built-in town or a ``generate:<seed>`` variant; raises ValueError for an unknown name."""
    return town_from_xodr(name, town_xodr(name))


def own_town_xodr(name: str) -> str | None:
    """OpenDRIVE text of a town that ``load_town`` knows, for a server that lacks it; None for any other name."""
    try:
        return town_xodr(name)
    except ValueError:
        return None


def town_from_xodr(name: str, xodr: str) -> TownMap:
    """Load any OpenDRIVE document; raises OpenDriveError saying what is wrong when nobody could drive on it."""
    source = read_opendrive(xodr)
    lanes = build_lanes(source)
    if not any(lane.is_driving for lane in lanes):
        raise OpenDriveError(f"map {name!r} has no driving lane")
    points = np.concatenate([lane.center_m for lane in lanes])
    low, high = points.min(axis=0) - _TERRAIN_MARGIN_M, points.max(axis=0) + _TERRAIN_MARGIN_M
    bounds = (float(low[0]), float(low[1]), float(high[0]), float(high[1]))
    posts, limits = build_posts(source, lanes)
    signals = signal_boxes(posts)
    boxes = place_scenery(source, lanes, bounds, zlib.crc32(xodr.encode()), signals)
    scene = StaticScene(bounds, paint_ground(source, lanes), (*boxes, *signals))
    spawn_points = _spawn_points(lanes)
    served = source.flat_xodr or xodr
    objects = [item for road in source.roads.values() for item in road.objects]
    crosswalks = tuple(np.array(item.outline_m) for item in objects if item.type == "crosswalk")
    return TownMap(
        name, served, lanes, scene, spawn_points, source.geo_reference, posts, crosswalks, limits, LaneIndex(lanes)
    )


def _spawn_points(lanes: tuple[Lane, ...]) -> tuple[Pose, ...]:
    """Put spawn points on driving lanes outside junctions, well away from their ends."""
    poses = []
    for lane in lanes:
        if lane.is_junction or not lane.is_driving or lane.width_m.min() < 2.0:
            continue
        arc, center = lane.arc_m, np.ascontiguousarray(lane.center_m.T)
        count = int((arc[-1] - 2.0 * _SPAWN_END_MARGIN_M) // _SPAWN_SPACING_M) + 1
        if arc[-1] < 2.0 * _SPAWN_END_MARGIN_M:
            continue
        heading = np.unwrap(lane.heading_rad)
        for number in range(count):
            at = _SPAWN_END_MARGIN_M + number * _SPAWN_SPACING_M
            x, y = (float(np.interp(at, arc, center[axis])) for axis in (0, 1))
            poses.append(Pose.from_xyz_rpy(x, y, SPAWN_HEIGHT_M, yaw_rad=float(np.interp(at, arc, heading))))
    return tuple(poses)

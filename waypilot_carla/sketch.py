"""A map as lines on paper: where its lanes run and where vehicles may start, for whoever writes a scenario."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

import carla
import numpy as np

from waypilot.geometry import SE2, FloatArray
from waypilot_carla import convert

_SPACING_M = 2.0


@dataclass(frozen=True, slots=True)
class MapSketch:
    """Spawn points in the map's order and the centre of every lane to drive on, (N, 2) in its direction; map frame."""

    spawn_poses: tuple[SE2, ...]
    lanes_m: tuple[FloatArray, ...]


def sketch_map(town: carla.Map) -> MapSketch:
    """Walk all lanes to drive on, a point every 2 m."""
    lanes: defaultdict[tuple[int, int, int], list[carla.Waypoint]] = defaultdict(list)
    for waypoint in town.generate_waypoints(_SPACING_M):
        lanes[waypoint.road_id, waypoint.section_id, waypoint.lane_id].append(waypoint)
    return MapSketch(
        spawn_poses=tuple(convert.pose(transform).planar for transform in town.get_spawn_points()),
        lanes_m=tuple(_line(lanes[key]) for key in sorted(lanes)),
    )


def _line(lane: list[carla.Waypoint]) -> FloatArray:
    """Order one lane's points as it is driven: OpenDRIVE's left lanes (positive numbers) run against ``s``."""
    ordered = sorted(lane, key=lambda waypoint: waypoint.s, reverse=lane[0].lane_id > 0)
    places = [convert.pose(waypoint.transform).planar for waypoint in ordered]
    return np.array([(place.x_m, place.y_m) for place in places])

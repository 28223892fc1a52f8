"""Where traffic lights and stop signs make vehicles stop, found as the CARLA leaderboard finds it.

A signal's trigger volume lies across the lanes that it governs; the stop line of each of these lanes is where the lane
enters the junction ahead. On maps whose signals have no volume, the client's stop waypoints are taken for lights.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import carla
import numpy as np

from waypilot.geometry import SE2, FloatArray
from waypilot.surroundings import SignalKind, StopLine
from waypilot_carla import convert

NEAR_ROUTE_M = 15.0
# The leaderboard's numbers: how the volume is cut into points, and how far a lane is followed per step.
_VOLUME_SHARE = 0.9
_VOLUME_STEP_M = 1.0
_LANE_STEP_M = 0.5
_MAX_STEPS = 100

_KINDS = {"traffic.traffic_light": SignalKind.TRAFFIC_LIGHT, "traffic.stop": SignalKind.STOP_SIGN}


def find_signals(world: carla.World) -> tuple[carla.Actor, ...]:
    """Return the world's traffic lights and stop signs in the order of their ids."""
    actors = world.get_actors()
    return tuple(sorted((actor for actor in actors if actor.type_id in _KINDS), key=lambda actor: actor.id))


def stop_lines(town: carla.Map, signals: tuple[carla.Actor, ...], route_m: FloatArray) -> tuple[StopLine, ...]:
    """Return the lines of all signals whose middle lies within 15 m of a route's points (N, 2)."""
    return lines_near(all_stop_lines(town, signals), route_m)


def all_stop_lines(town: carla.Map, signals: Iterable[carla.Actor]) -> tuple[StopLine, ...]:
    """Return the lines of all signals."""
    return tuple(line for signal in signals for line in _lines_of(town, signal))


def lines_near(lines: Iterable[StopLine], route_m: FloatArray) -> tuple[StopLine, ...]:
    """Choose the lines whose middle lies within 15 m of a route's points (N, 2)."""
    return tuple(line for line in lines if _distance(line, route_m) <= NEAR_ROUTE_M)


def _lines_of(town: carla.Map, signal: carla.Actor) -> Iterator[StopLine]:
    kind, seen = _KINDS[signal.type_id], set()
    for waypoint in _governed(town, signal):
        before = _before_junction(waypoint)
        lane = (before.road_id, before.section_id, before.lane_id)
        if lane not in seen:
            seen.add(lane)
            yield _line(signal.id, kind, before)


def _governed(town: carla.Map, signal: carla.Actor) -> list[carla.Waypoint]:
    """Waypoints of the lanes under a signal's trigger volume, from its one side to the other."""
    extent_m = signal.trigger_volume.extent.x
    if extent_m <= 0.0:
        return signal.get_stop_waypoints() if _KINDS[signal.type_id] is SignalKind.TRAFFIC_LIGHT else []
    here = signal.get_transform()
    centre_x, centre_y, centre_z = convert.vector(here.transform(carla.Location(signal.trigger_volume.location)))
    across = SE2(centre_x, centre_y, convert.pose(here).orientation.yaw_rad)
    reach_m = _VOLUME_SHARE * extent_m
    along_m = np.arange(-reach_m, reach_m, _VOLUME_STEP_M)
    places_m = across.transform_points(np.stack([along_m, np.zeros_like(along_m)], axis=-1))
    found = (town.get_waypoint(convert.location(x_m, y_m, centre_z)) for x_m, y_m in places_m.tolist())
    return [waypoint for waypoint in found if waypoint is not None]


def _before_junction(waypoint: carla.Waypoint) -> carla.Waypoint:
    """Follow a lane to its last waypoint before a junction; one that meets none stays where it is."""
    here = waypoint
    for _ in range(_MAX_STEPS):
        following = [] if here.is_junction else here.next(_LANE_STEP_M)
        if not following or following[0].is_junction:
            return here
        here = following[0]
    return waypoint


def _line(signal_id: int, kind: SignalKind, waypoint: carla.Waypoint) -> StopLine:
    pose = convert.pose(waypoint.transform).planar
    ends = pose.transform_points(np.array([(0.0, waypoint.lane_width / 2.0), (0.0, -waypoint.lane_width / 2.0)]))
    (left_x, left_y), (right_x, right_y) = ends.tolist()
    return StopLine(signal_id, kind, (left_x, left_y), (right_x, right_y), pose.yaw_rad)


def _distance(line: StopLine, route_m: FloatArray) -> float:
    middle = np.array([(line.left_m[0] + line.right_m[0]) / 2.0, (line.left_m[1] + line.right_m[1]) / 2.0])
    return float(np.hypot(*(route_m - middle).T).min())

"""Planning a route over CARLA's map: Dijkstra over its lanes, points about 1 m apart on the lane centres.

The route keeps to lanes and their successors; it never changes lanes sideways.
"""

from __future__ import annotations

import heapq
import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count, pairwise

import carla
import numpy as np

from waypilot.geometry import SE2, wrap_angle
from waypilot.route import Route
from waypilot_carla import convert
from waypilot_carla.errors import SetupError

STEP_M = 1.0
MAX_OFF_LANE_M = 3.0  # further from a lane centre than any point on a usual lane can be
MAX_START_HEADING_RAD = math.radians(60.0)
_MIN_LAST_STEP_M = 0.3  # a goal nearer to the point before it takes its place

LaneKey = tuple[int, int, int]


class RouteNotFoundError(SetupError):
    """No route leads from the start over the via points to the goal; the message says which leg and why."""


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Waypoints of one road up to where it ends or forks, and the waypoints that follow."""

    points: tuple[carla.Waypoint, ...]
    successors: tuple[carla.Waypoint, ...]


Stretches = dict[tuple[LaneKey, float], _Stretch]
"""Stretches of one map by where they begin, for whoever plans many routes on it."""


def plan_route(
    town: carla.Map,
    start: SE2,
    goal_m: tuple[float, float],
    via_m: Sequence[tuple[float, float]] = (),
    known: Stretches | None = None,
) -> Route:
    """Find the shortest route along lanes from ``start`` over ``via_m`` to ``goal_m`` (map frame, REP 103).

    The same map and places give the same route. ``known`` keeps what was found of this map, for later calls.
    Raises RouteNotFoundError when a place is not on a lane, when the start faces against its lane, when no lanes lead
    from one place to the next, or when the goal is the start.
    """
    here = _lane_at(town, "the start", (start.x_m, start.y_m))
    lane_yaw = convert.pose(here.transform).orientation.yaw_rad
    if abs(wrap_angle(start.yaw_rad - lane_yaw)) > MAX_START_HEADING_RAD:
        raise RouteNotFoundError(
            f"the start at {_text((start.x_m, start.y_m))} faces {math.degrees(start.yaw_rad):.0f} degrees, its lane "
            f"leads to {math.degrees(lane_yaw):.0f} degrees: turn the vehicle or move it to the other lane"
        )
    places = [*((f"via point {i}", place) for i, place in enumerate(via_m)), ("the goal", goal_m)]
    waypoints = [here]
    for name, place in places:
        leg = _leg(waypoints[-1], _lane_at(town, name, place), {} if known is None else known)
        if leg is None:
            raise RouteNotFoundError(
                f"no lanes lead from {_text(_place(waypoints[-1]))} to {name} at {_text(place)} on {town.name}: "
                "check the direction of its lane, or choose another place"
            )
        waypoints += leg[1:]
    points = np.array([_place(waypoint) for waypoint in waypoints])
    if np.ptp(points, axis=0).max() < _MIN_LAST_STEP_M:
        raise RouteNotFoundError(
            f"the goal at {_text(goal_m)} is where the drive starts: choose another place, or add via points that lead "
            "away and back"
        )
    return Route(points, _junctions(points, [waypoint.is_junction for waypoint in waypoints]))


def _lane_at(town: carla.Map, name: str, place_m: tuple[float, float]) -> carla.Waypoint:
    waypoint = town.get_waypoint(convert.location(*place_m), project_to_road=True, lane_type=carla.LaneType.Driving)
    off_m = math.inf if waypoint is None else math.dist(_place(waypoint), place_m)
    if off_m > MAX_OFF_LANE_M:
        raise RouteNotFoundError(
            f"{name} at {_text(place_m)} is {off_m:.1f} m from the nearest driving lane of {town.name}: "
            f"give a point on a lane, at most {MAX_OFF_LANE_M:g} m from its centre"
        )
    return waypoint


def _leg(start: carla.Waypoint, goal: carla.Waypoint, known: Stretches) -> list[carla.Waypoint] | None:
    """Waypoints from ``start`` to ``goal``, both included, or None."""
    order = count()  # ties are settled by the order of discovery: waypoints cannot be compared
    queue: list[tuple[float, int, carla.Waypoint, int]] = [(0.0, next(order), start, -1)]
    arrived: set[LaneKey] = set()
    done: list[tuple[int, tuple[carla.Waypoint, ...]]] = []  # (predecessor, waypoints) of every stretch taken
    while queue:
        cost_m, _, entry, before = heapq.heappop(queue)
        if before >= 0 and _key(entry) in arrived:
            continue
        if before >= 0:
            arrived.add(_key(entry))
        stretch = _known_stretch(entry, known)
        at = _index_of_goal(stretch.points, goal, is_start=before < 0)
        if at is not None:
            done.append((before, stretch.points[: at + 1]))
            return _ending_at(_trace(done), goal)
        done.append((before, stretch.points))
        for successor in stretch.successors:
            heapq.heappush(queue, (cost_m + STEP_M * len(stretch.points), next(order), successor, len(done) - 1))
    return None


def _known_stretch(entry: carla.Waypoint, known: Stretches) -> _Stretch:
    place = (_key(entry), entry.s)
    if place not in known:
        known[place] = _stretch(entry)
    return known[place]


def _stretch(entry: carla.Waypoint) -> _Stretch:
    points = [entry]
    while True:
        following = points[-1].next(STEP_M)
        on_road = len(following) == 1 and following[0].road_id == entry.road_id
        if not on_road or _is_lap(points, following[0]):
            return _Stretch(tuple(points), tuple(sorted(following, key=_key)))
        points.append(following[0])


def _is_lap(points: Sequence[carla.Waypoint], following: carla.Waypoint) -> bool:
    """Notice a road that leads into itself: the place along it jumps back."""
    if len(points) < 2 or following.section_id != points[-1].section_id:
        return False
    return bool((following.s - points[-1].s) * (points[1].s - points[0].s) < 0.0)


def _index_of_goal(points: Sequence[carla.Waypoint], goal: carla.Waypoint, is_start: bool) -> int | None:
    """Index of the first point within one step of the goal; a goal behind the start itself is not reached by it."""
    for i, point in enumerate(points):
        near = _key(point) == _key(goal) and abs(point.s - goal.s) <= STEP_M
        if near and not (is_start and i == 0 and _along(point, goal) < 0.0):
            return i
    return None


def _ending_at(points: list[carla.Waypoint], goal: carla.Waypoint) -> list[carla.Waypoint]:
    """Let the points end exactly at the goal, neither overshooting it nor with a tiny last step."""
    while len(points) > 1 and _along(points[-1], goal) < _MIN_LAST_STEP_M:
        points = points[:-1]
    return [*points, goal]


def _along(point: carla.Waypoint, goal: carla.Waypoint) -> float:
    """Distance to the goal along the point's heading, negative when it lies behind."""
    forward = point.transform.get_forward_vector()
    offset = goal.transform.location - point.transform.location
    return float(forward.x * offset.x + forward.y * offset.y)


def _trace(done: Sequence[tuple[int, tuple[carla.Waypoint, ...]]]) -> list[carla.Waypoint]:
    stretches: list[tuple[carla.Waypoint, ...]] = []
    index = len(done) - 1
    while index >= 0:
        before, points = done[index]
        stretches.append(points)
        index = before
    return [point for points in reversed(stretches) for point in points]


def _junctions(points_m: np.ndarray, inside: Sequence[bool]) -> list[tuple[float, float]]:
    """Arc lengths (from, to) of the stretches inside junctions; a border lies midway between two points."""
    arc_m = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points_m, axis=0).T))])
    borders = [0.0] if inside[0] else []
    borders += [float(arc_m[i] + arc_m[i + 1]) / 2.0 for i, (a, b) in enumerate(pairwise(inside)) if a != b]
    if inside[-1]:
        borders.append(float(arc_m[-1]))
    return list(zip(borders[::2], borders[1::2], strict=True))


def _key(waypoint: carla.Waypoint) -> LaneKey:
    return waypoint.road_id, waypoint.section_id, waypoint.lane_id


def _place(waypoint: carla.Waypoint) -> tuple[float, float]:
    at = convert.pose(waypoint.transform)
    return at.x_m, at.y_m


def _text(place_m: tuple[float, float]) -> str:
    return f"({place_m[0]:.1f}, {place_m[1]:.1f})"

"""Which traffic lights take turns with which: by the junctions' controllers, or by where their lanes lead."""

from __future__ import annotations

import math
from dataclasses import dataclass

from carla_lite.maps.lanes import Lane
from waypilot.geometry import SE2

Turn = tuple[int, int]
"""Group (a junction) and phase within it."""


@dataclass(frozen=True, slots=True)
class LaneSpot:
    """A place on a lane: its index and how far along it."""

    lane: int
    arc_m: float


def before_junction(spot: LaneSpot, lanes: tuple[Lane, ...]) -> LaneSpot:
    """Return the entry of the junction that a place lies in, or the place itself outside junctions.

    Files often hang a light on the ways through a junction, metres behind the line where one has to wait.
    """
    lane, visited = lanes[spot.lane], {spot.lane}
    if not lane.is_junction:
        return spot
    while True:
        inside = [i for i in lane.predecessors if lanes[i].junction_id == lane.junction_id and i not in visited]
        if not inside:
            return LaneSpot(lane.index, 0.0)
        lane = lanes[inside[0]]
        visited.add(lane.index)


def spot_before(line: LaneSpot, lanes: tuple[Lane, ...], distance_m: float) -> tuple[SE2, float]:
    """Return the pose on the lane so far before a line, and the lane's width there; lanes that lead there go on."""
    lane, arc = lanes[line.lane], line.arc_m - distance_m
    visited = {lane.index}
    while arc < 0.0:
        before = [index for index in lane.predecessors if index not in visited]
        if not before:
            break
        lane = lanes[before[0]]
        visited.add(lane.index)
        arc += lane.length_m
    at = max(arc, 0.0)
    return lane.pose_at(at), float(lane.width_m[min(int(lane.arc_m.searchsorted(at)), len(lane.width_m) - 1)])


def assign_turns(
    phases: dict[str, tuple[tuple[str, ...], ...]], lanes: tuple[Lane, ...], lights: dict[str, list[LaneSpot]]
) -> dict[str, Turn]:
    """Return group and phase of every light; ``phases`` are the signals of each controller, by junction."""
    turns: dict[str, Turn] = {}
    groups = 0
    for controllers in phases.values():
        switched = [[key for key in keys if key in lights and key not in turns] for keys in controllers]
        present = [keys for keys in switched if keys]
        for phase, keys in enumerate(present):
            turns.update(dict.fromkeys(keys, (groups, phase)))
        groups += bool(present)
    loose = {key: spots for key, spots in lights.items() if key not in turns}
    return turns | _turns_by_direction(loose, lanes, groups)


def _turns_by_direction(
    lights: dict[str, list[LaneSpot]], lanes: tuple[Lane, ...], first_group: int
) -> dict[str, Turn]:
    """Let lights without a controller take turns with those of the same junction that face another way."""
    axes: dict[str, list[float]] = {}
    turns: dict[str, Turn] = {}
    for key, spots in lights.items():
        known = axes.setdefault(_junction_ahead(spots, lanes) or f"signal {key}", [])
        yaw = spot_before(spots[0], lanes, 1.0)[0].yaw_rad
        same = [phase for phase, axis in enumerate(known) if abs(math.cos(yaw - axis)) > math.sqrt(0.5)]
        if not same:
            known.append(yaw)
        group = next(number for number, other in enumerate(axes.values()) if other is known)
        turns[key] = (first_group + group, same[0] if same else len(known) - 1)
    return turns


def _junction_ahead(spots: list[LaneSpot], lanes: tuple[Lane, ...]) -> str | None:
    """Return the junction that a light stands before."""
    for spot in spots:
        for index in (spot.lane, *lanes[spot.lane].successors):
            if lanes[index].is_junction:
                return lanes[index].junction_id
    return None

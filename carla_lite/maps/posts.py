"""Traffic lights and signs as the engine needs them: where they stand, where they hold, what switches with what.

A signal holds in *zones*: rectangles on its lanes before its line. The one that clients see as the trigger volume is
built as CARLA builds it; vehicles notice a light from their stopping distance on.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from carla_lite.maps.lanes import Lane
from carla_lite.maps.opendrive import OpenDriveMap, Signal
from carla_lite.maps.phases import LaneSpot, assign_turns, before_junction, spot_before
from carla_lite.maps.speed_limits import KPH_BY_UNIT, LimitSign, SpeedLimits
from waypilot.geometry import SE2

LIGHT_TYPES = frozenset({"1000001", "1000002", "1000007", "1000009", "1000010", "1000011", "1000012", "1000013"})
# CARLA's trigger boxes take 90 % of the lane's width and are as long as they are wide.
_BOX_SHARE = 0.45
_BRAKING_MPS2 = 8.0
_UNSIGNED_LIMIT_KPH = 30.0
_CHUNK_M = 5.0
_SAME_WAY_COS = 0.9
_SAME_APPROACH_M = 15.0


class PostKind(IntEnum):
    """What a signal tells."""

    LIGHT = 0
    STOP = 1
    YIELD = 2
    SPEED_LIMIT = 3


_KIND_BY_TYPE = {**dict.fromkeys(LIGHT_TYPES, PostKind.LIGHT), "206": PostKind.STOP, "205": PostKind.YIELD,
                 "274": PostKind.SPEED_LIMIT}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Zone:
    """A rectangle on the ground; ``pose`` is its middle, facing the direction of travel."""

    pose: SE2
    half_length_m: float
    half_width_m: float


@dataclass(frozen=True, slots=True)
class Post:
    """One traffic light or sign.

    ``pose`` is its foot, facing the traffic's direction of travel. ``trigger`` is the box before its line,
    ``zones`` where vehicles notice it. Lights of one ``group`` (a junction) take turns by ``phase``.
    ``limit_kph`` is zero but for speed limits.
    """

    signal_id: str
    kind: PostKind
    pose: SE2
    trigger: Zone
    zones: tuple[Zone, ...]
    limit_kph: float = 0.0
    group: int = -1
    phase: int = -1


def build_posts(source: OpenDriveMap, lanes: tuple[Lane, ...]) -> tuple[tuple[Post, ...], SpeedLimits]:
    """Return the signals that regulate a driving lane, in order of the file, and the speed limits that follow."""
    by_road = _driving_lanes_by_road(lanes)
    lines = {
        signal.id: [before_junction(line, lanes) for line in _lines(signal, by_road)]
        for signal in source.signals
        if signal.type in _KIND_BY_TYPE
    }
    known = [signal for signal in source.signals if lines.get(signal.id)]
    limits = SpeedLimits(
        lanes,
        tuple(
            LimitSign(line.lane, line.arc_m, limit_kph(signal))
            for signal in known
            if _KIND_BY_TYPE[signal.type] is PostKind.SPEED_LIMIT and limit_kph(signal) > 0.0
            for line in lines[signal.id]
        ),
    )
    lights = {signal.id: lines[signal.id] for signal in known if signal.type in LIGHT_TYPES}
    turns = assign_turns(source.phases, lanes, lights)
    return tuple(_post(signal, lines[signal.id], lanes, limits, turns) for signal in known), limits


def limit_kph(signal: Signal) -> float:
    """Return the value of a speed limit sign in km/h, 0 where it has none."""
    return max(signal.value, 0.0) * KPH_BY_UNIT.get(signal.unit, 1.0)


def _driving_lanes_by_road(lanes: tuple[Lane, ...]) -> dict[str, list[Lane]]:
    by_road: dict[str, list[Lane]] = {}
    for lane in lanes:
        if lane.is_driving:
            by_road.setdefault(lane.road_id, []).append(lane)
    return by_road


def _lines(signal: Signal, by_road: dict[str, list[Lane]]) -> list[LaneSpot]:
    found = []
    for place in signal.places:
        for lane in by_road.get(place.road_id, ()):
            holds = any(low <= lane.lane_id <= high for low, high in place.lanes)
            if holds and min(lane.s_m[0], lane.s_m[-1]) <= place.s_m <= max(lane.s_m[0], lane.s_m[-1]):
                found.append(LaneSpot(lane.index, lane.arc_at(place.s_m)))
    return found


def _zones(line: LaneSpot, lanes: tuple[Lane, ...], length_m: float) -> Iterator[Zone]:
    """Cover the way before a line with boxes short enough to follow a curve."""
    count = max(1, math.ceil(length_m / _CHUNK_M))
    half = 0.5 * length_m / count
    for number in range(count):
        pose, width = spot_before(line, lanes, (2 * number + 1) * half)
        yield Zone(pose, half, 2.0 * _BOX_SHARE * 0.5 * width)


def _trigger(lines: list[LaneSpot], lanes: tuple[Lane, ...]) -> Zone:
    """Return the box across all lanes of one approach, that of the first line; it faces as the lane does there."""
    at_line, width = spot_before(lines[0], lanes, 0.0)
    half = _BOX_SHARE * width
    middle, _ = spot_before(lines[0], lanes, half)
    first = SE2(middle.x_m, middle.y_m, at_line.yaw_rad)
    inverse, low, high = first.inverse(), -half, half
    for line in lines[1:]:
        pose, other_width = spot_before(line, lanes, half)
        seen = inverse.compose(pose)
        if math.cos(seen.yaw_rad) > _SAME_WAY_COS and math.hypot(seen.x_m, seen.y_m) < _SAME_APPROACH_M:
            low = min(low, seen.y_m - _BOX_SHARE * other_width)
            high = max(high, seen.y_m + _BOX_SHARE * other_width)
    return Zone(first.compose(SE2(0.0, 0.5 * (low + high), 0.0)), half, 0.5 * (high - low))


def _post(
    signal: Signal,
    lines: list[LaneSpot],
    lanes: tuple[Lane, ...],
    limits: SpeedLimits,
    turns: dict[str, tuple[int, int]],
) -> Post:
    kind = _KIND_BY_TYPE[signal.type]
    trigger = _trigger(lines, lanes)
    zones: dict[tuple[int, int], Zone] = {}
    for line in lines:
        length = 2.0 * trigger.half_length_m
        if kind is PostKind.LIGHT:
            limit = limits.on_lane(line.lane, line.arc_m) or _UNSIGNED_LIMIT_KPH
            length = max(length, (limit / 3.6) ** 2 / (2.0 * _BRAKING_MPS2))
        for zone in _zones(line, lanes, length):
            # Lanes that fan out in a junction come from one lane: its zones are wanted once.
            zones.setdefault((round(zone.pose.x_m), round(zone.pose.y_m)), zone)
    group, phase = turns.get(signal.id, (-1, -1))
    limit = limit_kph(signal) if kind is PostKind.SPEED_LIMIT else 0.0
    pose = SE2(signal.pose.x_m, signal.pose.y_m, trigger.pose.yaw_rad)
    return Post(signal.id, kind, pose, trigger, tuple(zones.values()), limit, group, phase)

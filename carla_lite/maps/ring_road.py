"""Lite05: a ring road of two lanes each way, with ramps to collector roads, crossed by an avenue.

The ring is a stadium around the map's origin, driven counter-clockwise on its outer side. Either half begins and ends
at a T-junction with lights, where the avenue comes from inside. Between exit and entry ramp of a half a collector road
runs along outside; before the exit and after the entry its lane is a third lane of the ring.
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

from carla_lite.maps.layout import STOP_LINE_DEPTH_M, STOP_LINE_FROM_END_M, Piece, advance, s_curve
from carla_lite.maps.network import End, LaneStrip, Network, NetworkRoad, Side, Way, write_network
from carla_lite.maps.road_text import outline_object
from carla_lite.maps.signal_writer import LIGHT, LIMIT, signal_text
from waypilot.geometry import SE2

_RADIUS_M, _HALF_STRAIGHT_M = 120.0, 190.0
_REACH_M, _AUXILIARY_M, _RAMP_M = 26.0, 80.0, 20.0
_COLLECTOR_ASIDE_M = 10.0
_LANE_M = 3.5
_RING_KPH, _COLLECTOR_KPH, _AVENUE_KPH = 60, 40, 30
_LINE_M = STOP_LINE_FROM_END_M + 0.5 * STOP_LINE_DEPTH_M
_LIGHT_FROM_END_M, _LIMIT_FROM_START_M, _POLE_ASIDE_M = 0.4, 12.0, 0.8
_ZEBRA_FROM_END_M, _ZEBRA_DEPTH_M = 1.9, 2.6

_FIRST, _LAST = LaneStrip("driving", _LANE_M, "broken"), LaneStrip("driving", _LANE_M, "solid")
_SHOULDER, _NARROW = LaneStrip("shoulder", 1.5), LaneStrip("shoulder", 0.8)
_INNER: Side = (_FIRST, _LAST, _NARROW)
_OUTER_TWO: Side = (_FIRST, _LAST, _SHOULDER)
_OUTER_THREE: Side = (_FIRST, _FIRST, _LAST, _SHOULDER)
_RAMP: Side = (_LAST, _SHOULDER)
_AVENUE: Side = (_LAST, LaneStrip("curb", 0.25), LaneStrip("sidewalk", 2.5))
_BARE, _BARE_SHOULDER = LaneStrip("driving", _LANE_M), LaneStrip("shoulder", 1.5)
_RING_CENTER, _AVENUE_CENTER = ("solid solid", "yellow"), ("broken", "white")

_BESIDE_M = _HALF_STRAIGHT_M - _REACH_M - _AUXILIARY_M - _RAMP_M
_COLLECTOR_RADIUS_M = _RADIUS_M + 2.0 * _LANE_M + _COLLECTOR_ASIDE_M
_STRAIGHT = (Piece(_AUXILIARY_M, 0.0),)
_BEND = (Piece(_BESIDE_M, 0.0), Piece(math.pi * _RADIUS_M, 1.0 / _RADIUS_M), Piece(_BESIDE_M, 0.0))
_COLLECTOR = (
    *s_curve(_BESIDE_M, -_COLLECTOR_ASIDE_M),
    Piece(math.pi * _COLLECTOR_RADIUS_M, 1.0 / _COLLECTOR_RADIUS_M),
    *s_curve(_BESIDE_M, _COLLECTOR_ASIDE_M),
)
_RAMP_EDGE = SE2(0.0, -2.0 * _LANE_M, 0.0)
"""The left edge of the third lane, from the ring's reference line."""

_SOUTH, _NORTH, _FIRST_RAMP_JUNCTION = 10_000, 10_001, 10_010
_AVENUE_ID, _FIRST_WAY_ID = 20, 100
_RIGHT = -math.pi / 2.0


@dataclass(frozen=True, slots=True)
class _Half:
    """One half of the ring: the pose where it begins, its junctions in driving order and the first of its road ids."""

    start: SE2
    before: int
    exit: int
    entry: int
    after: int
    first_id: int

    @property
    def auxiliary(self) -> tuple[int, int]:
        """Ids of the roads with three lanes: before the exit and after the entry."""
        return self.first_id, self.first_id + 2

    @property
    def main(self) -> int:
        """Id of the road between the ramps."""
        return self.first_id + 1

    @property
    def collector(self) -> int:
        """Id of the road beside it."""
        return self.first_id + 3

    @property
    def exit_start(self) -> SE2:
        """Where the road splits."""
        return self.start.compose(SE2(_AUXILIARY_M, 0.0, 0.0))

    @property
    def main_start(self) -> SE2:
        """Where the road between the ramps begins."""
        return self.exit_start.compose(SE2(_RAMP_M, 0.0, 0.0))

    @property
    def entry_start(self) -> SE2:
        """Where that road ends and the collector joins."""
        return _along(self.main_start, _BEND, sum(piece.length_m for piece in _BEND))

    @property
    def last_start(self) -> SE2:
        """Where the second road with three lanes begins."""
        return self.entry_start.compose(SE2(_RAMP_M, 0.0, 0.0))


_EAST = _Half(SE2(_REACH_M, -_RADIUS_M, 0.0), _SOUTH, _FIRST_RAMP_JUNCTION, _FIRST_RAMP_JUNCTION + 1, _NORTH, 1)
_WEST = _Half(
    SE2(-_REACH_M, _RADIUS_M, math.pi), _NORTH, _FIRST_RAMP_JUNCTION + 2, _FIRST_RAMP_JUNCTION + 3, _SOUTH, 11
)


def ring_road_xodr(name: str, geo_reference: tuple[float, float]) -> str:
    """Return the document."""
    ids = itertools.count(_FIRST_WAY_ID)
    roads = [road for half in (_EAST, _WEST) for road in _half_roads(half)] + [_avenue()]
    ways = [*_crossing_ways(_SOUTH, _WEST, _EAST, ids), *_crossing_ways(_NORTH, _EAST, _WEST, ids)]
    ways += [way for half in (_EAST, _WEST) for way in _ramp_ways(half, ids)]
    phases = {junction: _phases(junction, before, after)
              for junction, before, after in ((_SOUTH, _WEST, _EAST), (_NORTH, _EAST, _WEST))}  # fmt: skip
    x = _HALF_STRAIGHT_M + _RADIUS_M + 60.0
    bounds = (-x, -_RADIUS_M - 60.0, x, _RADIUS_M + 60.0)
    return write_network(Network(name, bounds, geo_reference, tuple(roads), tuple(ways), phases))


def _along(start: SE2, pieces: tuple[Piece, ...], distance_m: float) -> SE2:
    pose, left = start, distance_m
    for piece in pieces:
        if left <= piece.length_m:
            return advance(pose, Piece(left, piece.curvature_1pm))
        pose, left = advance(pose, piece), left - piece.length_m
    return pose


def _half_roads(half: _Half) -> list[NetworkRoad]:
    """Build the three roads of the ring and the collector beside the middle one."""
    first, last = half.auxiliary
    ring = (_INNER, _OUTER_THREE, _RING_CENTER)
    return [
        NetworkRoad(first, half.start, _STRAIGHT, *ring, (half.before, half.exit), _RING_KPH,
                    _stop_objects(first, _AUXILIARY_M, False, 2),
                    _limit(first, half.start, _STRAIGHT, (-3, -1), _RING_KPH)
                    + _light(first, half.start, _STRAIGHT, (1, 2))),
        NetworkRoad(half.main, half.main_start, _BEND, _INNER, _OUTER_TWO, _RING_CENTER, (half.exit, half.entry),
                    _RING_KPH),
        NetworkRoad(last, half.last_start, _STRAIGHT, *ring, (half.entry, half.after), _RING_KPH,
                    _stop_objects(last, _AUXILIARY_M, True, 3),
                    _limit(last, half.last_start, _STRAIGHT, (-3, -1), _RING_KPH)
                    + _limit(last, half.last_start, _STRAIGHT, (1, 2), _RING_KPH)
                    + _light(last, half.last_start, _STRAIGHT, (-3, -1))),
        _collector(half),
    ]  # fmt: skip


def _collector(half: _Half) -> NetworkRoad:
    start = half.main_start.compose(_RAMP_EDGE)
    limit = _limit(half.collector, start, _COLLECTOR, (-1, -1), _COLLECTOR_KPH)
    return NetworkRoad(half.collector, start, _COLLECTOR, (), _RAMP, ("solid", "white"), (half.exit, half.entry),
                       _COLLECTOR_KPH, "", limit)  # fmt: skip


def _avenue() -> NetworkRoad:
    length = 2.0 * (_RADIUS_M - _REACH_M)
    start, pieces = SE2(0.0, -0.5 * length, math.pi / 2.0), (Piece(length, 0.0),)
    objects = _stop_objects(_AVENUE_ID, length, False, 1) + _stop_objects(_AVENUE_ID, length, True, 1)
    objects += _zebra(1, _ZEBRA_FROM_END_M) + _zebra(2, length - _ZEBRA_FROM_END_M)
    signals = "".join(
        text
        for lanes in ((1, 1), (-1, -1))
        for text in (
            _light(_AVENUE_ID, start, pieces, lanes),
            _limit(_AVENUE_ID, start, pieces, lanes, _AVENUE_KPH),
        )
    )
    return NetworkRoad(
        _AVENUE_ID, start, pieces, _AVENUE, _AVENUE, _AVENUE_CENTER, (_SOUTH, _NORTH), _AVENUE_KPH, objects, signals
    )


def _zebra(number: int, s_m: float) -> str:
    return outline_object(900 + number, "crosswalk", "Crosswalk", s_m, 0.0, _ZEBRA_DEPTH_M, 2.0 * _LANE_M)


def _stop_objects(road: int, length_m: float, at_end: bool, lanes: int) -> str:
    """Paint the line before a junction across all lanes that lead to it."""
    width = lanes * _LANE_M
    s, t = (length_m - STOP_LINE_FROM_END_M, -0.5 * width) if at_end else (STOP_LINE_FROM_END_M, 0.5 * width)
    return outline_object(10 * road + at_end, "roadMark", "StopLine", s, t, STOP_LINE_DEPTH_M, width)


def _light_id(road: int, forward: bool) -> int:
    return 1_000 + 10 * road + int(forward)


def _light(road: int, start: SE2, pieces: tuple[Piece, ...], lanes: tuple[int, int]) -> str:
    """Write the light before the end that these lanes lead to."""
    forward = lanes[0] < 0
    length = sum(piece.length_m for piece in pieces)
    s, pole_s = (length - _LINE_M, length - _LIGHT_FROM_END_M) if forward else (_LINE_M, _LIGHT_FROM_END_M)
    return _beside(_light_id(road, forward), LIGHT, s, pole_s, start, pieces, lanes, 0)


def _limit(road: int, start: SE2, pieces: tuple[Piece, ...], lanes: tuple[int, int], limit_kph: int) -> str:
    """Write the speed limit where the traffic of these lanes comes in."""
    forward = lanes[0] < 0
    length = sum(piece.length_m for piece in pieces)
    s = _LIMIT_FROM_START_M if forward else length - _LIMIT_FROM_START_M
    return _beside(_light_id(road, forward) + 4, LIMIT, s, s, start, pieces, lanes, limit_kph)


def _beside(
    number: int,
    kind: int,
    s_m: float,
    pole_s_m: float,
    start: SE2,
    pieces: tuple[Piece, ...],
    lanes: tuple[int, int],
    value: int,
) -> str:
    """Put a signal off the road, on the right of the lanes that it holds for."""
    forward = lanes[0] < 0
    t = max(abs(lanes[0]), abs(lanes[1])) * _LANE_M + _SHOULDER.width_m + _POLE_ASIDE_M
    pole = _along(start, pieces, pole_s_m).compose(SE2(0.0, -t if forward else t, 0.0 if forward else math.pi))
    return signal_text(number, kind, s_m, -t if forward else t, lanes, pole, value)


def _phases(junction: int, before: _Half, after: _Half) -> list[list[int]]:
    """Give the ring its turn in both directions, then the avenue."""
    ring = [_light_id(before.auxiliary[1], True), _light_id(after.auxiliary[0], False)]
    return [ring, [_light_id(_AVENUE_ID, junction == _NORTH)]]


def _crossing_ways(junction: int, before: _Half, after: _Half, ids: itertools.count[int]) -> list[Way]:
    """Lead from the end of one half into the other, back, and from and to the avenue."""
    middle = after.start.compose(SE2(-_REACH_M, 0.0, 0.0))
    into, onward = before.auxiliary[1], after.auxiliary[0]
    inside = junction == _NORTH  # the avenue ends there
    avenue_in = End(_AVENUE_ID, inside, (-1 if inside else 1,))
    avenue_out = End(_AVENUE_ID, inside, (1 if inside else -1,))
    west, east = middle.compose(SE2(-_REACH_M, 0.0, 0.0)), middle.compose(SE2(_REACH_M, 0.0, math.pi))
    from_avenue = middle.compose(SE2(0.0, _REACH_M, _RIGHT))
    across = (Piece(2.0 * _REACH_M, 0.0),)
    left = (Piece(_REACH_M * math.pi / 2.0, 1.0 / _REACH_M),)
    radius = _REACH_M - _LANE_M
    right = Piece(radius * math.pi / 2.0, -1.0 / radius)
    rest = Piece(_LANE_M, 0.0)
    three = (_BARE, _BARE, _BARE, _BARE_SHOULDER)

    def way(start: SE2, pieces: tuple[Piece, ...], lanes: Side, incoming: End, outgoing: End) -> Way:
        return Way(next(ids), junction, start, pieces, lanes, incoming, outgoing, _RING_KPH)

    return [
        way(west, across, three, End(into, True, (-1, -2, -3, -4)), End(onward, False, (-1, -2, -3, -4))),
        way(east, across, (_BARE, _BARE), End(onward, False, (1, 2)), End(into, True, (1, 2))),
        way(west, left, (_BARE,), End(into, True, (-1,)), avenue_out),
        way(from_avenue, left, (_BARE,), avenue_in, End(onward, False, (-1,))),
        way(east.compose(SE2(0.0, -_LANE_M, 0.0)), (rest, right), (_BARE,), End(onward, False, (2,)), avenue_out),
        way(from_avenue, (right, rest), (_BARE,), avenue_in, End(into, True, (2,))),
    ]


def _ramp_ways(half: _Half, ids: itertools.count[int]) -> list[Way]:
    """Lead along the ring past both ramps, and from and to the collector."""
    first, last = half.auxiliary
    passing = (
        (half.exit, half.exit_start, first, half.main),
        (half.entry, half.entry_start, half.main, last),
    )
    back = SE2(_RAMP_M, 0.0, math.pi)
    straight = (Piece(_RAMP_M, 0.0),)
    ways = []
    for junction, start, before, after in passing:
        outer = End(before, True, (-1, -2)), End(after, False, (-1, -2))
        inner = End(after, False, (1, 2, 3)), End(before, True, (1, 2, 3))
        ways.append(Way(next(ids), junction, start, straight, (_FIRST, _BARE), *outer, _RING_KPH))
        ways.append(Way(next(ids), junction, start.compose(back), straight, _INNER, *inner, _RING_KPH))
    off = End(first, True, (-3, -4)), End(half.collector, False, (-1, -2))
    on = End(half.collector, True, (-1, -2)), End(last, False, (-3, -4))
    for junction, start, ends in ((half.exit, half.exit_start, off), (half.entry, half.entry_start, on)):
        edge = start.compose(_RAMP_EDGE)
        ways.append(Way(next(ids), junction, edge, straight, (_BARE, _BARE_SHOULDER), *ends, _COLLECTOR_KPH))
    return ways

"""Plans a town as a grid of junctions joined by streets of lines and arcs; knows nothing of OpenDRIVE.

Grid vertices with three or four streets become junctions whose arms are axis-parallel. Vertices with two streets
become part of one longer street, as a bend or straight through. Vertices moved sideways give S-curves and bowed streets
give chicanes, so that one plan holds curves of many radii.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from enum import Enum

from waypilot.geometry import SE2

Vertex = tuple[int, int]
# Distance from a junction's middle to where its streets begin; right turns get a lane centre of 12.25 m radius.
JUNCTION_REACH_M = 14.0
# The middle of a stop line lies this far before the junction.
STOP_LINE_FROM_END_M, STOP_LINE_DEPTH_M = 4.0, 0.4
_LEAD_M = 4.0


Edge = tuple[Vertex, Vertex]


class Control(Enum):
    """Who goes first at a junction."""

    NONE = "none"
    LIGHTS = "lights"
    STOP = "stop"
    """Stop signs: at a T-junction for the street that ends there, at a crossing for all."""
    YIELD = "yield"
    """The same with signs to give way."""


@dataclass(frozen=True, slots=True)
class TrafficRules:
    """What the signs of a town say: how junctions are controlled and how fast one may drive on a street.

    A street's limit is that of the first of its edges; streets that are not named have ``limit_kph``.
    """

    controls: dict[Vertex, Control]
    limit_kph: int
    limits_kph: dict[Edge, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Piece:
    """A line (curvature 0) or arc of a street."""

    length_m: float
    curvature_1pm: float


def advance(pose: SE2, piece: Piece) -> SE2:
    """Return the pose at the end of a piece that starts at ``pose``."""
    angle = piece.length_m * piece.curvature_1pm
    chord = piece.length_m if angle == 0.0 else 2.0 * math.sin(0.5 * angle) / piece.curvature_1pm
    half = 0.5 * angle
    return pose.compose(SE2(chord * math.cos(half), chord * math.sin(half), angle))


@dataclass(frozen=True, slots=True)
class TownPlan:
    """What tells one town from another.

    ``columns_m`` and ``rows_m`` are the grid's x and y positions; ``shifts_m`` moves single vertices (dx, dy);
    ``removed`` streets are missing, ``bowed`` streets swing out with that arc radius (left if positive, as
    seen from the smaller vertex); ``bend_radius_m`` is the radius at two-armed vertices, ``bend_radii_m`` single ones.
    Centre lines are painted in ``center_color``, "yellow" or "white". Streets have ``lanes`` driving lanes each way.
    ``verge`` are the lanes beside them, as (type, width in metres) from the inside. Without ``rules`` there are no
    signs and no traffic lights.
    """

    name: str
    columns_m: tuple[float, ...]
    rows_m: tuple[float, ...]
    shifts_m: dict[Vertex, tuple[float, float]]
    removed: frozenset[Edge]
    bowed: dict[Edge, float]
    bend_radii_m: dict[Vertex, float]
    bend_radius_m: float
    center_color: str
    geo_reference: tuple[float, float]
    verge: tuple[tuple[str, float], ...] = (("shoulder", 0.4), ("sidewalk", 2.2))
    rules: TrafficRules | None = None
    lanes: int = 1

    def position(self, vertex: Vertex) -> tuple[float, float]:
        """Return where a grid vertex lies."""
        dx, dy = self.shifts_m.get(vertex, (0.0, 0.0))
        return self.columns_m[vertex[0]] + dx, self.rows_m[vertex[1]] + dy


@dataclass(frozen=True, slots=True)
class Arm:
    """Where a street meets a junction: by which end, and the direction it leads away (0 E, 1 N, 2 W, 3 S)."""

    street: int
    at_end: bool
    direction: int


@dataclass(frozen=True, slots=True)
class Street:
    """One street between two junctions; ``limit_kph`` is 0 where no sign says how fast one may drive."""

    start: SE2
    pieces: tuple[Piece, ...]
    limit_kph: int = 0

    @property
    def length_m(self) -> float:
        """Length of the reference line."""
        return sum(piece.length_m for piece in self.pieces)

    def pose_at(self, s_m: float) -> SE2:
        """Return the reference line's pose at a distance from its start."""
        pose, left = self.start, s_m
        for piece in self.pieces:
            if left <= piece.length_m:
                return advance(pose, Piece(left, piece.curvature_1pm))
            pose, left = advance(pose, piece), left - piece.length_m
        return pose


@dataclass(frozen=True, slots=True)
class Crossing:
    """A junction: its middle and its arms in order of direction."""

    center_m: tuple[float, float]
    arms: tuple[Arm, ...]
    control: Control = Control.NONE


@dataclass(frozen=True, slots=True)
class Layout:
    """A planned town."""

    streets: tuple[Street, ...]
    crossings: tuple[Crossing, ...]


_STEPS: tuple[Vertex, ...] = ((1, 0), (0, 1), (-1, 0), (0, -1))


def lay_out(plan: TownPlan) -> Layout:
    """Turn a plan into streets and junctions; raises ValueError when its curves do not fit."""
    arms = {vertex: _directions(plan, vertex) for vertex in _vertices(plan)}
    lonely = [vertex for vertex, found in arms.items() if len(found) < 2]
    if lonely:
        raise ValueError(f"town {plan.name}: grid vertices {lonely} are dead ends; remove fewer streets")
    streets: list[Street] = []
    ends: dict[tuple[Vertex, int], Arm] = {}
    junctions = [vertex for vertex, found in arms.items() if len(found) > 2]
    for vertex in junctions:
        for direction in arms[vertex]:
            if (vertex, direction) not in ends:
                street, last, arrival = _trace(plan, arms, vertex, direction)
                ends[vertex, direction] = Arm(len(streets), False, direction)
                ends[last, arrival] = Arm(len(streets), True, arrival)
                streets.append(street)
    controls = plan.rules.controls if plan.rules else {}
    crossings = [
        Crossing(plan.position(v), tuple(ends[v, d] for d in arms[v]), controls.get(v, Control.NONE)) for v in junctions
    ]
    return Layout(tuple(streets), tuple(crossings))


def _vertices(plan: TownPlan) -> list[Vertex]:
    return [(i, j) for j in range(len(plan.rows_m)) for i in range(len(plan.columns_m))]


def _edge(a: Vertex, b: Vertex) -> Edge:
    return (a, b) if a < b else (b, a)


def _directions(plan: TownPlan, vertex: Vertex) -> list[int]:
    found = []
    for direction, (di, dj) in enumerate(_STEPS):
        other = (vertex[0] + di, vertex[1] + dj)
        inside = 0 <= other[0] < len(plan.columns_m) and 0 <= other[1] < len(plan.rows_m)
        if inside and _edge(vertex, other) not in plan.removed:
            found.append(direction)
    return found


def _trace(plan: TownPlan, arms: dict[Vertex, list[int]], start: Vertex, direction: int) -> tuple[Street, Vertex, int]:
    """Follow a street from a junction through two-armed vertices to the next junction and the arm it arrives at."""
    x, y = plan.position(start)
    yaw = direction * math.pi / 2.0
    pose = SE2(x + JUNCTION_REACH_M * math.cos(yaw), y + JUNCTION_REACH_M * math.sin(yaw), yaw)
    pieces: list[Piece] = []
    vertex, begin, first = start, JUNCTION_REACH_M, direction
    while True:
        step = _STEPS[direction]
        following = (vertex[0] + step[0], vertex[1] + step[1])
        back = (direction + 2) % 4
        onward = [d for d in arms[following] if d != back]
        turn = _turn(direction, onward)
        end = JUNCTION_REACH_M if turn is None else abs(turn) * _bend_radius(plan, following)
        pieces += _edge_pieces(plan, vertex, following, direction, begin, end)
        if turn is None:
            limit = _limit_kph(plan, start, first)
            return Street(pose, tuple(p for p in pieces if p.length_m > 1e-9), limit), following, back
        if turn:
            pieces.append(Piece(end * math.pi / 2.0, turn / end))
        vertex, direction, begin = following, onward[0], end


def _limit_kph(plan: TownPlan, start: Vertex, direction: int) -> int:
    if plan.rules is None:
        return 0
    di, dj = _STEPS[direction]
    edge = _edge(start, (start[0] + di, start[1] + dj))
    return plan.rules.limits_kph.get(edge, plan.rules.limit_kph)


def _turn(direction: int, onward: list[int]) -> int | None:
    """Return +1 left, -1 right, 0 straight at a two-armed vertex; None at a junction."""
    if len(onward) != 1:
        return None
    return {0: 0, 1: 1, 3: -1}[(onward[0] - direction) % 4]


def _bend_radius(plan: TownPlan, vertex: Vertex) -> float:
    return plan.bend_radii_m.get(vertex, plan.bend_radius_m)


def _edge_pieces(plan: TownPlan, a: Vertex, b: Vertex, direction: int, begin_m: float, end_m: float) -> list[Piece]:
    """Build the way between two neighbouring vertices, leaving out ``begin_m`` and ``end_m`` next to them."""
    (ax, ay), (bx, by) = plan.position(a), plan.position(b)
    c, s = _STEPS[direction]
    along = c * (bx - ax) + s * (by - ay) - begin_m - end_m
    aside = -s * (bx - ax) + c * (by - ay)
    if along < 2.0 * _LEAD_M:
        raise ValueError(f"town {plan.name}: no room between {a} and {b}; widen the grid or shrink the bend radius")
    if aside != 0.0:
        return s_curve(along, aside)
    radius = plan.bowed.get(_edge(a, b))
    if radius is None:
        return [Piece(along, 0.0)]
    return _bow(along, radius if a < b else -radius)


def s_curve(along_m: float, aside_m: float) -> list[Piece]:
    """Shift sideways (left if positive) with two equal arcs between short straight leads."""
    run = along_m - 2.0 * _LEAD_M
    shift = abs(aside_m)
    angle = 2.0 * math.atan2(shift, run)
    radius = run / (2.0 * math.sin(angle))
    sign = math.copysign(1.0, aside_m)
    arc = radius * angle
    return [Piece(_LEAD_M, 0.0), Piece(arc, sign / radius), Piece(arc, -sign / radius), Piece(_LEAD_M, 0.0)]


def _bow(along_m: float, radius_m: float) -> list[Piece]:
    """Swing out to the left (positive radius) and back, ending on the line it began on."""
    run = along_m - 2.0 * _LEAD_M
    sine = run / (4.0 * abs(radius_m))
    if sine > 0.7:
        raise ValueError(f"a bow of radius {abs(radius_m)} m over {run:.0f} m would turn by more than 45 degrees")
    angle, k = math.asin(sine), 1.0 / radius_m
    arc = abs(radius_m) * angle
    lead = Piece(_LEAD_M, 0.0)
    return [lead, Piece(arc, k), Piece(2.0 * arc, -k), Piece(arc, k), lead]

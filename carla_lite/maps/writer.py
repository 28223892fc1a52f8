"""Writes a planned town as OpenDRIVE 1.4, the version CARLA 0.9.16 reads.

Every street has one driving lane each way and a verge with a sidewalk. A way through a junction is a road of its own
whose reference line is the centre line of the streets it joins, so only its right side carries lanes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

from carla_lite.maps.layout import (
    JUNCTION_REACH_M,
    STOP_LINE_DEPTH_M,
    STOP_LINE_FROM_END_M,
    Arm,
    Control,
    Crossing,
    Layout,
    Piece,
    Street,
    TownPlan,
    advance,
)
from carla_lite.maps.number_text import num
from carla_lite.maps.signal_writer import controller_references, controllers_of, street_signals
from waypilot.geometry import SE2

LANE_WIDTH_M = 3.5
_MARK_WIDTH_M = 0.15
_DASH_M, _GAP_M = 3.0, 4.5
_POLE_FROM_KERB_M = 0.5
_CROSSWALK_FROM_END_M, _CROSSWALK_DEPTH_M = 0.6, 2.6
_SPEED_LIMIT_KPH = 50
_FIRST_JUNCTION_ID = 10_000


Verge = tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class _Connector:
    """A way through a junction, from one arm to another."""

    road_id: int
    junction_id: int
    start: SE2
    piece: Piece
    incoming: Arm
    outgoing: Arm
    has_sidewalk: bool


def write_opendrive(plan: TownPlan, layout: Layout) -> str:
    """Return the document; equal plans give equal bytes."""
    connectors = list(_connectors(layout))
    roads = [_street(index, street, layout, plan) for index, street in enumerate(layout.streets)]
    roads += [_connecting_road(connector, plan.verge) for connector in connectors]
    junctions = [
        _junction(number, crossing, connectors, plan.verge) for number, crossing in enumerate(layout.crossings)
    ]
    controllers = [
        text for number, crossing in enumerate(layout.crossings) for text in controllers_of(number, crossing)
    ]
    return "\n".join(['<?xml version="1.0" encoding="UTF-8"?>', "<OpenDRIVE>", _header(plan), *roads, *controllers,
                      *junctions, "</OpenDRIVE>", ""])  # fmt: skip


def _header(plan: TownPlan) -> str:
    latitude, longitude = plan.geo_reference
    margin = 60.0
    return (
        f'<header revMajor="1" revMinor="4" name="{plan.name}" version="1.00" date="1970-01-01T00:00:00" '
        f'north="{num(max(plan.rows_m) + margin)}" south="{num(min(plan.rows_m) - margin)}" '
        f'east="{num(max(plan.columns_m) + margin)}" west="{num(min(plan.columns_m) - margin)}" '
        'vendor="carla_lite">\n'
        f"<geoReference><![CDATA[+proj=tmerc +lat_0={num(latitude)} +lon_0={num(longitude)} +k=1 +x_0=0 +y_0=0 "
        "+datum=WGS84 +units=m +no_defs]]></geoReference>\n</header>"
    )


def _plan_view(start: SE2, pieces: tuple[Piece, ...]) -> str:
    lines, pose, s = [], start, 0.0
    for piece in pieces:
        shape = f'<arc curvature="{num(piece.curvature_1pm)}"/>' if piece.curvature_1pm else "<line/>"
        lines.append(
            f'<geometry s="{num(s)}" x="{num(pose.x_m)}" y="{num(pose.y_m)}" hdg="{num(pose.yaw_rad)}" '
            f'length="{num(piece.length_m)}">{shape}</geometry>'
        )
        pose, s = advance(pose, piece), s + piece.length_m
    return "<planView>\n" + "\n".join(lines) + "\n</planView>"


def _mark(kind: str, color: str, from_s_m: float = 0.0) -> str:
    if kind == "none":
        return (
            f'<roadMark sOffset="{num(from_s_m)}" type="none" weight="standard" color="standard" width="0" '
            'laneChange="none"/>'
        )
    change = "both" if kind == "broken" else "none"
    head = (
        f'<roadMark sOffset="{num(from_s_m)}" type="{kind}" weight="standard" color="{color}" width="{_MARK_WIDTH_M}" '
        f'laneChange="{change}"'
    )
    if kind != "broken":
        return head + "/>"
    return (
        f'{head}><type name="broken" width="{_MARK_WIDTH_M}"><line length="{num(_DASH_M)}" space="{num(_GAP_M)}" '
        f'tOffset="0" sOffset="0" rule="caution" width="{_MARK_WIDTH_M}"/></type></roadMark>'
    )


def _lane(lane_id: int, kind: str, width_m: float, mark: str, link: tuple[int, int] | None) -> str:
    joined = f'<link><predecessor id="{link[0]}"/><successor id="{link[1]}"/></link>' if link else "<link/>"
    width = f'<width sOffset="0" a="{num(width_m)}" b="0" c="0" d="0"/>' if lane_id else ""
    return f'<lane id="{lane_id}" type="{kind}" level="false">{joined}{width}{mark}</lane>'


def _side(sign: int, verge: Verge) -> str:
    lanes = [_lane(sign, "driving", LANE_WIDTH_M, _mark("solid", "white"), None)]
    lanes += [
        _lane(number * sign, kind, width, _mark("none", ""), None) for number, (kind, width) in enumerate(verge, 2)
    ]
    return "".join(lanes if sign < 0 else reversed(lanes))


def _road(
    road_id: int,
    junction: int,
    length_m: float,
    link: str,
    plan_view: str,
    lanes: str,
    objects: str = "",
    signals: str = "",
    limit_kph: int = 0,
) -> str:
    signs = f"<signals>{signals}</signals>" if signals else "<signals/>"
    return (
        f'<road name="Road {road_id}" length="{num(length_m)}" id="{road_id}" junction="{junction}">\n{link}\n'
        f'<type s="0" type="town"><speed max="{limit_kph or _SPEED_LIMIT_KPH}" unit="km/h"/></type>\n{plan_view}\n'
        '<elevationProfile><elevation s="0" a="0" b="0" c="0" d="0"/></elevationProfile>\n<lateralProfile/>\n'
        '<lanes>\n<laneOffset s="0" a="0" b="0" c="0" d="0"/>\n<laneSection s="0">\n'
        f"{lanes}\n</laneSection>\n</lanes>\n<objects>{objects}</objects>\n{signs}\n</road>"
    )


def _street(index: int, street: Street, layout: Layout, plan: TownPlan) -> str:
    length = street.length_m
    ends = {
        arm.at_end: (number, crossing)
        for number, crossing in enumerate(layout.crossings)
        for arm in crossing.arms
        if arm.street == index
    }
    link = "".join(
        f'<{tag} elementType="junction" elementId="{_FIRST_JUNCTION_ID + ends[at_end][0]}"/>'
        for tag, at_end in (("predecessor", False), ("successor", True))
    )
    stop = STOP_LINE_FROM_END_M
    center = _mark("none", "") + _mark("broken", plan.center_color, stop) + _mark("none", "", length - stop)
    lanes = (
        f"<left>{_side(1, plan.verge)}</left>\n<center>{_lane(0, 'none', 0.0, center, None)}</center>\n"
        f"<right>{_side(-1, plan.verge)}</right>"
    )
    margin = plan.verge[0][1]
    objects = "".join(
        _end_objects(index, at_end, length, crossing, margin) for at_end, (_, crossing) in sorted(ends.items())
    )
    pole_t = LANE_WIDTH_M + sum(width for _, width in plan.verge[:-1]) + _POLE_FROM_KERB_M
    signals = street_signals(index, street, {at_end: crossing for at_end, (_, crossing) in ends.items()}, pole_t)
    plan_view = _plan_view(street.start, street.pieces)
    return _road(index + 1, -1, length, f"<link>{link}</link>", plan_view, lanes, objects, signals, street.limit_kph)


def _end_objects(street: int, at_end: bool, length_m: float, crossing: Crossing, margin_m: float) -> str:
    """Paint a stop line before the junction and, where four streets meet or lights guard it, a crosswalk."""
    side = -1.0 if at_end else 1.0
    stop = STOP_LINE_FROM_END_M
    s = length_m - stop if at_end else stop
    number = 10 * street + (5 if at_end else 0)
    # The stop line crosses the lane towards the junction: lane -1 at the road's end, lane 1 at its start.
    text = _outline_object(
        number, "roadMark", "StopLine", s, side * 0.5 * LANE_WIDTH_M, STOP_LINE_DEPTH_M, LANE_WIDTH_M
    )
    if len(crossing.arms) == 4 or crossing.control is Control.LIGHTS:
        middle = _CROSSWALK_FROM_END_M + 0.5 * _CROSSWALK_DEPTH_M
        s = length_m - middle if at_end else middle
        width = 2.0 * (LANE_WIDTH_M + margin_m)
        text += _outline_object(number + 1, "crosswalk", "Crosswalk", s, 0.0, _CROSSWALK_DEPTH_M, width)
    return text


def _outline_object(number: int, kind: str, name: str, s_m: float, t_m: float, depth_m: float, width_m: float) -> str:
    u, v = 0.5 * depth_m, 0.5 * width_m
    ring = [(-u, -v), (u, -v), (u, v), (-u, v), (-u, -v)]
    corners = "".join(f'<cornerLocal u="{num(a)}" v="{num(b)}" z="0" height="0"/>' for a, b in ring)
    return (
        f'<object id="{number}" type="{kind}" name="{name}" s="{num(s_m)}" t="{num(t_m)}" zOffset="0" hdg="0" '
        f'pitch="0" roll="0" orientation="none" length="{num(depth_m)}" width="{num(width_m)}">'
        f"<outline>{corners}</outline></object>"
    )


def _connectors(layout: Layout) -> Iterator[_Connector]:
    road_id = len(layout.streets)
    for number, crossing in enumerate(layout.crossings):
        directions = {arm.direction for arm in crossing.arms}
        for incoming in crossing.arms:
            for outgoing in crossing.arms:
                if incoming is outgoing:
                    continue
                road_id += 1
                yield _connector(road_id, number, crossing, incoming, outgoing, directions)


def _connector(
    road_id: int, number: int, crossing: Crossing, incoming: Arm, outgoing: Arm, directions: set[int]
) -> _Connector:
    out = incoming.direction * math.pi / 2.0
    x, y = crossing.center_m
    start = SE2(x + JUNCTION_REACH_M * math.cos(out), y + JUNCTION_REACH_M * math.sin(out), out + math.pi)
    # Seen from an arm pointing out along d, the exits are d+1 (a right turn), d+2 (ahead) and d+3 (a left turn).
    turn = (outgoing.direction - incoming.direction) % 4
    arc = JUNCTION_REACH_M * math.pi / 2.0
    piece = {
        1: Piece(arc, -1.0 / JUNCTION_REACH_M),
        2: Piece(2.0 * JUNCTION_REACH_M, 0.0),
        3: Piece(arc, 1.0 / JUNCTION_REACH_M),
    }[turn]
    has_sidewalk = turn == 1 or (turn == 2 and (incoming.direction + 1) % 4 not in directions)
    return _Connector(road_id, _FIRST_JUNCTION_ID + number, start, piece, incoming, outgoing, has_sidewalk)


def _incoming_lane(arm: Arm) -> int:
    return -1 if arm.at_end else 1


def _connecting_road(connector: _Connector, verge: Verge) -> str:
    ends = (("predecessor", connector.incoming), ("successor", connector.outgoing))
    link = "".join(
        f'<{tag} elementType="road" elementId="{arm.street + 1}" contactPoint="{"end" if arm.at_end else "start"}"/>'
        for tag, arm in ends
    )
    into, out = _incoming_lane(connector.incoming), -_incoming_lane(connector.outgoing)
    lanes = [_lane(-1, "driving", LANE_WIDTH_M, _mark("none", ""), (into, out))]
    if connector.has_sidewalk:
        lanes += [
            _lane(-number, kind, width, _mark("none", ""), (number * into, number * out))
            for number, (kind, width) in enumerate(verge, 2)
        ]
    text = f"<center>{_lane(0, 'none', 0.0, _mark('none', ''), None)}</center>\n<right>{''.join(lanes)}</right>"
    plan_view = _plan_view(connector.start, (connector.piece,))
    length = connector.piece.length_m
    return _road(connector.road_id, connector.junction_id, length, f"<link>{link}</link>", plan_view, text)


def _junction(number: int, crossing: Crossing, connectors: list[_Connector], verge: Verge) -> str:
    junction_id = _FIRST_JUNCTION_ID + number
    rows = []
    for index, connector in enumerate(c for c in connectors if c.junction_id == junction_id):
        into = _incoming_lane(connector.incoming)
        lanes = range(1, 2 + len(verge)) if connector.has_sidewalk else (1,)
        links = "".join(f'<laneLink from="{into * lane}" to="{-lane}"/>' for lane in lanes)
        rows.append(
            f'<connection id="{index}" incomingRoad="{connector.incoming.street + 1}" '
            f'connectingRoad="{connector.road_id}" contactPoint="start">{links}</connection>'
        )
    rows += controller_references(number, crossing)
    return f'<junction id="{junction_id}" name="Junction {number}">\n' + "\n".join(rows) + "\n</junction>"

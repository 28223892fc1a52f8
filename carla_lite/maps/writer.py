"""Writes a planned town as OpenDRIVE 1.4, the version CARLA 0.9.16 reads.

Every street has the plan's number of driving lanes each way and its verge. A way through a junction is a road of its
own whose reference line is the centre line of the streets it joins, so only its right side carries lanes; where there
are two lanes, both may turn.
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
)
from carla_lite.maps.road_text import (
    document_text,
    header_text,
    lane_text,
    mark_text,
    outline_object,
    plan_view_text,
    road_text,
)
from carla_lite.maps.signal_writer import Roadside, controller_references, controllers_of, street_signals
from waypilot.geometry import SE2

LANE_WIDTH_M = 3.5
_POLE_FROM_KERB_M = 0.5
_CROSSWALK_FROM_END_M, _CROSSWALK_DEPTH_M = 0.6, 2.6
_FIRST_JUNCTION_ID = 10_000


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
    roads += [_connecting_road(connector, plan) for connector in connectors]
    junctions = [_junction(number, crossing, connectors, plan) for number, crossing in enumerate(layout.crossings)]
    controllers = [
        text for number, crossing in enumerate(layout.crossings) for text in controllers_of(number, crossing)
    ]
    header = header_text(plan.name, _bounds(plan), plan.geo_reference)
    return document_text(header, [*roads, *controllers, *junctions])


def _bounds(plan: TownPlan) -> tuple[float, float, float, float]:
    xs, ys, margin = plan.columns_m, plan.rows_m, 60.0
    return min(xs) - margin, min(ys) - margin, max(xs) + margin, max(ys) + margin


def _side(sign: int, plan: TownPlan) -> str:
    lanes = [
        lane_text(
            *(number * sign, "driving", LANE_WIDTH_M),
            *(mark_text("solid" if number == plan.lanes else "broken", "white"), None),
        )
        for number in range(1, plan.lanes + 1)
    ]
    lanes += [
        lane_text(number * sign, kind, width, mark_text("none", ""), None)
        for number, (kind, width) in enumerate(plan.verge, plan.lanes + 1)
    ]
    return "".join(lanes if sign < 0 else reversed(lanes))


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
    kind = "broken" if plan.lanes == 1 else "solid solid"
    center = mark_text("none", "") + mark_text(kind, plan.center_color, stop) + mark_text("none", "", length - stop)
    lanes = (
        f"<left>{_side(1, plan)}</left>\n<center>{lane_text(0, 'none', 0.0, center, None)}</center>\n"
        f"<right>{_side(-1, plan)}</right>"
    )
    objects = "".join(
        _end_objects(index, at_end, length, crossing, plan) for at_end, (_, crossing) in sorted(ends.items())
    )
    crossings = {at_end: crossing for at_end, (_, crossing) in ends.items()}
    signals = street_signals(index, street, crossings, Roadside(_pole_t_m(plan), plan.lanes))
    plan_view = plan_view_text(street.start, street.pieces)
    return road_text(
        index + 1, -1, length, f"<link>{link}</link>", plan_view, lanes, objects, signals, street.limit_kph
    )


def _pole_t_m(plan: TownPlan) -> float:
    """Return how far from a street's middle poles stand: on the sidewalk, or off the road where there is none."""
    paved = plan.verge[:-1] if plan.verge[-1][0] == "sidewalk" else plan.verge
    return plan.lanes * LANE_WIDTH_M + (sum(width for _, width in paved) + _POLE_FROM_KERB_M)


def _end_objects(street: int, at_end: bool, length_m: float, crossing: Crossing, plan: TownPlan) -> str:
    """Paint a stop line before the junction and, where four streets meet or lights guard it, a crosswalk."""
    side = -1.0 if at_end else 1.0
    stop = STOP_LINE_FROM_END_M
    s = length_m - stop if at_end else stop
    number = 10 * street + (5 if at_end else 0)
    # The stop line crosses the lanes towards the junction: the right ones at the road's end, the left at its start.
    across = plan.lanes * LANE_WIDTH_M
    text = outline_object(number, "roadMark", "StopLine", s, side * 0.5 * across, STOP_LINE_DEPTH_M, across)
    if len(crossing.arms) == 4 or crossing.control is Control.LIGHTS:
        middle = _CROSSWALK_FROM_END_M + 0.5 * _CROSSWALK_DEPTH_M
        s = length_m - middle if at_end else middle
        width = 2.0 * (across + plan.verge[0][1])
        text += outline_object(number + 1, "crosswalk", "Crosswalk", s, 0.0, _CROSSWALK_DEPTH_M, width)
    return text


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


def _incoming_side(arm: Arm) -> int:
    """Return the sign of the lanes that lead to the junction."""
    return -1 if arm.at_end else 1


def _connecting_road(connector: _Connector, plan: TownPlan) -> str:
    ends = (("predecessor", connector.incoming), ("successor", connector.outgoing))
    link = "".join(
        f'<{tag} elementType="road" elementId="{arm.street + 1}" contactPoint="{"end" if arm.at_end else "start"}"/>'
        for tag, arm in ends
    )
    into, out = _incoming_side(connector.incoming), -_incoming_side(connector.outgoing)
    strips = (("driving", LANE_WIDTH_M),) * plan.lanes + (plan.verge if connector.has_sidewalk else ())
    lanes = [
        lane_text(-number, kind, width, mark_text("none", ""), (number * into, number * out))
        for number, (kind, width) in enumerate(strips, 1)
    ]
    text = f"<center>{lane_text(0, 'none', 0.0, mark_text('none', ''), None)}</center>\n<right>{''.join(lanes)}</right>"
    plan_view = plan_view_text(connector.start, (connector.piece,))
    length = connector.piece.length_m
    return road_text(connector.road_id, connector.junction_id, length, f"<link>{link}</link>", plan_view, text)


def _junction(number: int, crossing: Crossing, connectors: list[_Connector], plan: TownPlan) -> str:
    junction_id = _FIRST_JUNCTION_ID + number
    rows = []
    for index, connector in enumerate(c for c in connectors if c.junction_id == junction_id):
        into = _incoming_side(connector.incoming)
        lanes = range(1, 1 + plan.lanes + (len(plan.verge) if connector.has_sidewalk else 0))
        links = "".join(f'<laneLink from="{into * lane}" to="{-lane}"/>' for lane in lanes)
        rows.append(
            f'<connection id="{index}" incomingRoad="{connector.incoming.street + 1}" '
            f'connectingRoad="{connector.road_id}" contactPoint="start">{links}</connection>'
        )
    rows += controller_references(number, crossing)
    return f'<junction id="{junction_id}" name="Junction {number}">\n' + "\n".join(rows) + "\n</junction>"

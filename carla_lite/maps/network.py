"""Roads of any cross-section and ways through junctions, as values, and the OpenDRIVE document that they make."""

from __future__ import annotations

from dataclasses import dataclass

from carla_lite.maps.layout import Piece
from carla_lite.maps.road_text import document_text, header_text, lane_text, mark_text, plan_view_text, road_text
from carla_lite.maps.signal_writer import controller_texts, reference_texts
from waypilot.geometry import SE2


@dataclass(frozen=True, slots=True)
class LaneStrip:
    """One lane of a cross-section: OpenDRIVE's type, width, and the mark on its outer edge."""

    kind: str
    width_m: float
    mark: str = "none"


Side = tuple[LaneStrip, ...]
"""Lanes of one side of the reference line, from the inside."""


@dataclass(frozen=True, slots=True)
class End:
    """Where a way through a junction begins or ends: a road, at its start or end, and its lanes from the inside."""

    road: int
    at_end: bool
    lanes: tuple[int, ...]

    @property
    def contact(self) -> str:
        """OpenDRIVE's name of the end."""
        return "end" if self.at_end else "start"


@dataclass(frozen=True, slots=True)
class NetworkRoad:
    """A road between two junctions (number before and after); ``center`` is (type, color) of its centre line."""

    id: int
    start: SE2
    pieces: tuple[Piece, ...]
    left: Side
    right: Side
    center: tuple[str, str]
    junctions: tuple[int, int]
    limit_kph: int
    objects: str = ""
    signals: str = ""

    @property
    def length_m(self) -> float:
        """Length of the reference line."""
        return sum(piece.length_m for piece in self.pieces)


@dataclass(frozen=True, slots=True)
class Way:
    """A one-way road through a junction, all its lanes right of the reference line."""

    id: int
    junction: int
    start: SE2
    pieces: tuple[Piece, ...]
    lanes: Side
    incoming: End
    outgoing: End
    limit_kph: int


@dataclass(frozen=True, slots=True)
class Network:
    """A whole map; ``phases`` are the signal ids that are green together, by junction number."""

    name: str
    bounds_m: tuple[float, float, float, float]
    geo_reference: tuple[float, float]
    roads: tuple[NetworkRoad, ...]
    ways: tuple[Way, ...]
    phases: dict[int, list[list[int]]]


def write_network(network: Network) -> str:
    """Return the document; equal networks give equal bytes."""
    roads = [_road(road) for road in network.roads] + [_way(way) for way in network.ways]
    controllers = [text for junction, phases in network.phases.items() for text in controller_texts(junction, phases)]
    numbers = dict.fromkeys(way.junction for way in network.ways)
    junctions = [_junction(number, network) for number in numbers]
    header = header_text(network.name, network.bounds_m, network.geo_reference)
    return document_text(header, [*roads, *controllers, *junctions])


def _side(side: Side, sign: int, links: list[tuple[int, int]] | None = None) -> str:
    lanes = [
        lane_text(sign * number, strip.kind, strip.width_m, mark_text(strip.mark, "white"), links and links[number - 1])
        for number, strip in enumerate(side, 1)
    ]
    return "".join(lanes if sign < 0 else reversed(lanes))


def _lanes(left: str, center: str, right: str) -> str:
    outer = f"<left>{left}</left>\n" if left else ""
    return f"{outer}<center>{lane_text(0, 'none', 0.0, center, None)}</center>\n<right>{right}</right>"


def _road(road: NetworkRoad) -> str:
    link = "".join(
        f'<{tag} elementType="junction" elementId="{junction}"/>'
        for tag, junction in zip(("predecessor", "successor"), road.junctions, strict=True)
    )
    lanes = _lanes(_side(road.left, 1), mark_text(*road.center), _side(road.right, -1))
    plan_view = plan_view_text(road.start, road.pieces)
    return road_text(
        road.id, -1, road.length_m, f"<link>{link}</link>", plan_view, lanes, road.objects, road.signals, road.limit_kph
    )


def _way(way: Way) -> str:
    link = "".join(
        f'<{tag} elementType="road" elementId="{end.road}" contactPoint="{end.contact}"/>'
        for tag, end in (("predecessor", way.incoming), ("successor", way.outgoing))
    )
    links = list(zip(way.incoming.lanes, way.outgoing.lanes, strict=True))
    lanes = _lanes("", mark_text("none", ""), _side(way.lanes, -1, links))
    length = sum(piece.length_m for piece in way.pieces)
    plan_view = plan_view_text(way.start, way.pieces)
    return road_text(way.id, way.junction, length, f"<link>{link}</link>", plan_view, lanes, limit_kph=way.limit_kph)


def _junction(number: int, network: Network) -> str:
    rows = []
    for index, way in enumerate(way for way in network.ways if way.junction == number):
        links = "".join(f'<laneLink from="{lane}" to="{-k}"/>' for k, lane in enumerate(way.incoming.lanes, 1))
        rows.append(
            f'<connection id="{index}" incomingRoad="{way.incoming.road}" connectingRoad="{way.id}" '
            f'contactPoint="start">{links}</connection>'
        )
    rows += reference_texts(number, len(network.phases.get(number, [])))
    return f'<junction id="{number}" name="Junction {number}">\n' + "\n".join(rows) + "\n</junction>"

"""The parts of an OpenDRIVE document that driving and drawing need, as plain values.

Names follow the standard: ``s_m`` runs along a road's reference line, ``t_m`` to its left. Lanes left of the line have
positive ids and, in right-hand traffic, are driven against ``s``.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from carla_lite.maps.cubic import PiecewiseCubic
from carla_lite.maps.refline import ReferenceLine
from waypilot.geometry import SE2


class OpenDriveError(ValueError):
    """The document is no OpenDRIVE map that can be driven on; the message names the element."""


@dataclass(frozen=True, slots=True)
class RoadMark:
    """A painted line along the outer edge of a lane, from ``s_offset_m`` after its lane section's start.

    ``kind`` is OpenDRIVE's type ("solid", "broken", "solid broken", ...); dash and gap hold for broken parts.
    """

    s_offset_m: float
    kind: str
    color: str
    width_m: float
    dash_m: float
    gap_m: float


@dataclass(frozen=True, slots=True)
class LaneRecord:
    """One lane of a lane section. One of ``width`` and ``border`` is given, in metres over s - section start."""

    id: int
    type: str
    width: PiecewiseCubic | None
    border: PiecewiseCubic | None
    marks: tuple[RoadMark, ...]
    predecessor: int | None
    successor: int | None


@dataclass(frozen=True, slots=True)
class LaneSection:
    """The cross-section between ``s_m`` and ``end_s_m``; ``lanes`` maps id to lane, 0 being the centre line."""

    s_m: float
    end_s_m: float
    lanes: dict[int, LaneRecord]


@dataclass(frozen=True, slots=True)
class RoadLink:
    """What joins a road's end: a road (then ``contact`` is "start" or "end") or a junction (``contact`` is "")."""

    element: str
    element_id: str
    contact: str


@dataclass(frozen=True, slots=True)
class RoadObject:
    """Something beside or on a road; ``outline_m`` is (N, 2) in map axes, heights are above ground."""

    id: str
    type: str
    name: str
    outline_m: tuple[tuple[float, float], ...]
    height_m: float


@dataclass(frozen=True, slots=True)
class SignalPlace:
    """Where a signal holds: at ``s_m`` of a road, for the lanes between the ids of each pair in ``lanes``."""

    road_id: str
    s_m: float
    lanes: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class Signal:
    """A traffic light or sign: ``pose`` is where it stands in map axes, facing the way that it regulates.

    ``type`` is CARLA's code ("1000001" light, "206" stop, ...), ``value`` the number of a sign, ``unit`` that of the
    value. ``places`` holds its own place first, then those that refer to it.
    """

    id: str
    type: str
    name: str
    value: float
    unit: str
    pose: SE2
    places: tuple[SignalPlace, ...]


@dataclass(frozen=True, slots=True)
class Road:
    """One road: reference line, lanes along it, and what joins its ends. ``junction`` is "-1" outside junctions."""

    id: str
    length_m: float
    junction: str
    line: ReferenceLine
    lane_offset: PiecewiseCubic
    sections: tuple[LaneSection, ...]
    predecessor: RoadLink | None
    successor: RoadLink | None
    objects: tuple[RoadObject, ...] = ()


@dataclass(frozen=True, slots=True)
class Connection:
    """One way through a junction; ``lane_links`` pairs incoming lane ids with connecting lane ids."""

    incoming_road: str
    connecting_road: str
    contact: str
    lane_links: tuple[tuple[int, int], ...]


@dataclass(frozen=True, slots=True)
class OpenDriveMap:
    """A whole document. ``geo_reference`` is (latitude, longitude) of the map origin in degrees.

    ``phases`` are the controllers of each junction in the order of the file: ids of the signals that switch together.
    ``flat_xodr`` is the document without its relief, None where it has none.
    """

    roads: dict[str, Road]
    junctions: dict[str, tuple[Connection, ...]] = field(default_factory=dict)
    geo_reference: tuple[float, float] = (0.0, 0.0)
    signals: tuple[Signal, ...] = ()
    phases: dict[str, tuple[tuple[str, ...], ...]] = field(default_factory=dict)
    flat_xodr: str | None = None

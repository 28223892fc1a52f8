"""Reads OpenDRIVE 1.4 to 1.7 and flattens it: elevation, superelevation and lane height are ignored with a warning."""

from __future__ import annotations

import logging
import math
import xml.etree.ElementTree as ET
from collections.abc import Iterator

import numpy as np

from carla_lite.maps.cubic import PiecewiseCubic
from carla_lite.maps.flattening import flattened
from carla_lite.maps.opendrive import (
    Connection,
    LaneRecord,
    LaneSection,
    OpenDriveError,
    OpenDriveMap,
    Road,
    RoadLink,
    RoadMark,
    RoadObject,
)
from carla_lite.maps.refline import Clothoid, Geometry, ParametricCubic, ReferenceLine, Shape
from carla_lite.maps.signals import read_phases, read_signals
from carla_lite.maps.xml_values import integer_of, number_of, text_of
from waypilot.geometry import FloatArray

_LOG = logging.getLogger(__name__)
_DEFAULT_MARK_WIDTH_M = {"bold": 0.25}
_STANDARD_MARK_WIDTH_M = 0.15
_LENGTH_TOLERANCE_M = 0.5
_STANDARD_DASH_M, _STANDARD_GAP_M = 3.0, 6.0
_DEFAULT_ORIGIN_DEG = (42.0, 2.0)
"""Where carla 0.9.16's ``map.transform_to_geolocation`` puts the origin of a map without a usable reference."""


def read_opendrive(xodr: str) -> OpenDriveMap:
    """Parse a document; raises OpenDriveError naming the element when it is malformed or holds no road."""
    try:
        root = ET.fromstring(xodr)
    except ET.ParseError as error:
        raise OpenDriveError(f"the OpenDRIVE document is not well-formed XML: {error}") from error
    if root.tag != "OpenDRIVE":
        raise OpenDriveError(f"the document's root element is <{root.tag}>, expected <OpenDRIVE>")
    roads: dict[str, Road] = {}
    for road in map(_road, root.findall("road")):
        if road.id in roads:
            raise OpenDriveError(f"two roads have the id {road.id!r}, ids must differ")
        roads[road.id] = road
    if not roads:
        raise OpenDriveError("the OpenDRIVE document holds no <road>")
    junctions = {text_of(j, "id"): tuple(_connections(j)) for j in root.findall("junction")}
    geo_reference, signals, phases = _geo_reference(root), read_signals(root, roads), read_phases(root)
    flat_xodr = None
    if _has_relief(root):
        _LOG.warning("the map has elevation; this simulator is flat and ignores it, and so does the map it serves")
        flat_xodr = flattened(root)
    return OpenDriveMap(roads, junctions, geo_reference, signals, phases, flat_xodr)


def _cubic(elements: list[ET.Element], start: str) -> PiecewiseCubic:
    return PiecewiseCubic.from_rows(
        [
            (number_of(e, start), number_of(e, "a"), number_of(e, "b"), number_of(e, "c"), number_of(e, "d"))
            for e in elements
        ]
    )


def _has_relief(root: ET.Element) -> bool:
    tags = ("elevationProfile/elevation", "lateralProfile/superelevation", "lateralProfile/shape")
    profiles = [element for tag in tags for element in root.iterfind(f"road/{tag}")]
    return any(number_of(e, k, 0.0) != 0.0 for e in profiles for k in "abcd")


def _geo_reference(root: ET.Element) -> tuple[float, float]:
    """Return (latitude, longitude) of the origin in degrees, read word by word as CARLA's client reads it.

    A GNSS sensor must agree with its client, which takes its own default unless it finds both numbers.
    """
    text = root.findtext("header/geoReference") or ""
    words = (word.split("=") for word in text.split(" "))
    found = {parts[0]: parts[1] for parts in words if len(parts) == 2}
    try:
        latitude, longitude = (float(found.get(key, "nan")) for key in ("+lat_0", "+lon_0"))
    except ValueError as error:
        raise OpenDriveError(f"<geoReference> is {text!r}, expected numbers after +lat_0= and +lon_0=") from error
    if math.isfinite(latitude) and math.isfinite(longitude):
        return latitude, longitude
    _LOG.warning("the map has no usable <geoReference>; its origin is taken to be at %g N %g E", *_DEFAULT_ORIGIN_DEG)
    return _DEFAULT_ORIGIN_DEG


def _shape(element: ET.Element, length_m: float) -> Shape:
    kinds = [child for child in element if child.tag in ("line", "arc", "spiral", "poly3", "paramPoly3")]
    if len(kinds) != 1:
        raise OpenDriveError(
            f"<geometry s={element.get('s')!r}> needs exactly one of line, arc, spiral, poly3, paramPoly3"
        )
    kind = kinds[0]
    if kind.tag == "line":
        return Clothoid(0.0)
    if kind.tag == "arc":
        return Clothoid(number_of(kind, "curvature"))
    if kind.tag == "spiral":
        start, end = number_of(kind, "curvStart"), number_of(kind, "curvEnd")
        return Clothoid(start, (end - start) / length_m)
    if kind.tag == "poly3":
        v = tuple(number_of(kind, key) for key in "abcd")
        return ParametricCubic((0.0, 1.0, 0.0, 0.0), v, length_m, None)
    u, v = (tuple(number_of(kind, f"{key}{axis}") for key in "abcd") for axis in "UV")
    end = 1.0 if kind.get("pRange", "normalized") == "normalized" else length_m
    if not any((*u[1:], *v[1:])):
        raise OpenDriveError(f"<geometry s={element.get('s')!r}> has a <paramPoly3> that stays in one point")
    return ParametricCubic(u, v, length_m, end)


def _reference_line(road: ET.Element) -> ReferenceLine:
    elements = []
    for g in road.iterfind("planView/geometry"):
        length = number_of(g, "length")
        if length <= 0.0:
            continue
        elements.append(
            Geometry(
                number_of(g, "s"), number_of(g, "x"), number_of(g, "y"), number_of(g, "hdg"), length, _shape(g, length)
            )
        )
    if not elements:
        raise OpenDriveError(f"road {road.get('id')!r} has no <planView> geometry")
    return ReferenceLine(tuple(sorted(elements, key=lambda e: e.s_m)))


def _mark(element: ET.Element) -> RoadMark:
    weight = element.get("weight", "standard")
    width = number_of(element, "width", _DEFAULT_MARK_WIDTH_M.get(weight, _STANDARD_MARK_WIDTH_M))
    line = element.find("type/line")
    dash = number_of(line, "length", 0.0) if line is not None else 0.0
    gap = number_of(line, "space", 0.0) if line is not None else 0.0
    if dash <= 0.0:
        dash, gap = _STANDARD_DASH_M, _STANDARD_GAP_M
    return RoadMark(
        number_of(element, "sOffset", 0.0),
        element.get("type", "none"),
        element.get("color", "standard"),
        width,
        dash,
        gap,
    )


def _lane(element: ET.Element) -> LaneRecord:
    widths, borders = element.findall("width"), element.findall("border")
    link = {tag: element.find(f"link/{tag}") for tag in ("predecessor", "successor")}
    before, after = (None if e is None else integer_of(e, "id") for e in link.values())
    return LaneRecord(
        id=integer_of(element, "id"),
        type=element.get("type", "none"),
        width=_cubic(widths, "sOffset") if widths or not borders else None,
        border=_cubic(borders, "sOffset") if borders and not widths else None,
        marks=tuple(sorted(map(_mark, element.findall("roadMark")), key=lambda m: m.s_offset_m)),
        predecessor=before,
        successor=after,
    )


def _sections(road: ET.Element, length_m: float) -> tuple[LaneSection, ...]:
    elements = sorted(road.findall("lanes/laneSection"), key=lambda e: number_of(e, "s"))
    if not elements:
        raise OpenDriveError(f"road {road.get('id')!r} has no <laneSection>")
    starts = [number_of(e, "s") for e in elements]
    ends = [*(min(start, length_m) for start in starts[1:]), length_m]
    return tuple(
        LaneSection(start, end, {lane.id: lane for lane in map(_lane, e.iterfind("*/lane"))})
        for e, start, end in zip(elements, starts, ends, strict=True)
        if end > start
    )


def _check_road(road: ET.Element, length_m: float, line: ReferenceLine) -> None:
    name = f"road {road.get('id')!r}"
    if road.get("rule") == "LHT":
        raise OpenDriveError(f"{name} has left-hand traffic; CARLA and this simulator drive on the right")
    drawn = line.elements[-1].s_m + line.elements[-1].length_m
    if abs(drawn - length_m) > _LENGTH_TOLERANCE_M:
        raise OpenDriveError(f"{name} is {length_m:g} m long but its geometry covers {drawn:g} m")


def _link(road: ET.Element, side: str) -> RoadLink | None:
    element = road.find(f"link/{side}")
    if element is None:
        return None
    return RoadLink(text_of(element, "elementType"), text_of(element, "elementId"), element.get("contactPoint", ""))


def _outline(element: ET.Element, line: ReferenceLine) -> FloatArray | None:
    """Return an object's footprint in map axes, (N, 2), or None when the file gives it no size."""
    s, t, heading = number_of(element, "s"), number_of(element, "t"), number_of(element, "hdg", 0.0)
    corners = element.findall(".//cornerRoad")
    if corners:
        pose = line.sample(np.array([number_of(c, "s") for c in corners]))
        lateral = np.array([number_of(c, "t") for c in corners])
        normal = np.stack([-np.sin(pose[:, 2]), np.cos(pose[:, 2])], axis=-1)
        return np.asarray(pose[:, :2] + lateral[:, None] * normal, dtype=np.float64)
    local = np.array([(number_of(c, "u"), number_of(c, "v")) for c in element.iterfind(".//cornerLocal")])
    if not len(local):
        half = 0.5 * np.array([number_of(element, "length", 0.0), number_of(element, "width", 0.0)])
        if not (half > 0.0).all():
            return None
        local = half * np.array([(-1, -1), (1, -1), (1, 1), (-1, 1)])
    x, y, road_heading = line.sample(np.array([s]))[0]
    c0, s0 = math.cos(road_heading), math.sin(road_heading)
    c, n = math.cos(road_heading + heading), math.sin(road_heading + heading)
    return np.asarray([x - t * s0, y + t * c0] + local @ np.array([[c, n], [-n, c]]), dtype=np.float64)


def _objects(road: ET.Element, line: ReferenceLine) -> Iterator[RoadObject]:
    for element in road.iterfind("objects/object"):
        outline = _outline(element, line)
        if outline is not None:
            points = tuple((float(x), float(y)) for x, y in outline)
            name, height = element.get("name", ""), number_of(element, "height", 0.0)
            yield RoadObject(element.get("id", ""), element.get("type", "none"), name, points, height)


def _road(element: ET.Element) -> Road:
    length = number_of(element, "length")
    line = _reference_line(element)
    _check_road(element, length, line)
    return Road(
        id=text_of(element, "id"),
        length_m=length,
        junction=element.get("junction", "-1"),
        line=line,
        lane_offset=_cubic(element.findall("lanes/laneOffset"), "s"),
        sections=_sections(element, length),
        predecessor=_link(element, "predecessor"),
        successor=_link(element, "successor"),
        objects=tuple(_objects(element, line)),
    )


def _connections(junction: ET.Element) -> Iterator[Connection]:
    for element in junction.iterfind("connection"):
        if element.get("connectingRoad") is None:
            # Virtual and direct junctions of OpenDRIVE 1.7 carry no connecting road.
            _LOG.warning("junction %s has a connection without connectingRoad: not supported, no way leads through",
                         junction.get("id"))  # fmt: skip
            continue
        links = tuple((integer_of(e, "from"), integer_of(e, "to")) for e in element.iterfind("laneLink"))
        yield Connection(
            text_of(element, "incomingRoad"),
            text_of(element, "connectingRoad"),
            element.get("contactPoint", "start"),
            links,
        )

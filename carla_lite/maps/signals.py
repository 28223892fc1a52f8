"""Reads traffic lights, signs and the controllers that switch lights together, as CARLA's client reads them."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET
from collections.abc import Iterator

import numpy as np

from carla_lite.maps.opendrive import Road, Signal, SignalPlace
from carla_lite.maps.xml_values import integer_of, number_of, text_of
from waypilot.geometry import SE2, wrap_angle


def read_signals(root: ET.Element, roads: dict[str, Road]) -> tuple[Signal, ...]:
    """Return every signal with all its places; of signals that share an id the last one counts."""
    places: dict[str, list[SignalPlace]] = {}
    found: dict[str, ET.Element] = {}
    owner: dict[str, Road] = {}
    for element in root.iterfind("road"):
        road = roads[text_of(element, "id")]
        for signal in (*element.iterfind("signals/signal"), *_speed_objects(element)):
            key = text_of(signal, "id")
            found[key], owner[key] = signal, road
            places.setdefault(key, []).insert(0, _place(signal, road))
        for reference in element.iterfind("signals/signalReference"):
            places.setdefault(text_of(reference, "id"), []).append(_place(reference, road))
    return tuple(_signal(key, signal, owner[key], tuple(places[key])) for key, signal in found.items())


def _speed_objects(road: ET.Element) -> Iterator[ET.Element]:
    """Yield the speed limits that CARLA's towns hold as objects, named ``Speed_30``, as the signals they stand for."""
    for element in road.iterfind("objects/object"):
        prefix, _, value = element.get("name", "").partition("_")
        if prefix.lower() == "speed" and value.isdecimal():
            place = {key: element.get(key, "0") for key in ("id", "name", "s", "t")}
            turned = {"hOffset": element.get("hdg", "0"), "orientation": element.get("orientation", "none")}
            yield ET.Element("signal", {**place, **turned, "type": "274", "value": value, "unit": "km/h"})


def _signal(key: str, element: ET.Element, road: Road, places: tuple[SignalPlace, ...]) -> Signal:
    value = number_of(element, "value", -1.0)
    if value < 0.0 and element.get("subtype", "").isdecimal():
        value = float(element.get("subtype", ""))  # several tools write a speed limit there only
    return Signal(
        id=key,
        type=element.get("type", ""),
        name=element.get("name", ""),
        value=value,
        unit=element.get("unit", ""),
        pose=_pose(element, road),
        places=places,
    )


def _pose(element: ET.Element, road: Road) -> SE2:
    """Return where a signal stands: a given position in the map, or beside the reference line."""
    inertial = element.find("positionInertial")
    if inertial is not None:
        return SE2(number_of(inertial, "x"), number_of(inertial, "y"), wrap_angle(number_of(inertial, "hdg", 0.0)))
    x, y, heading = road.line.sample(np.array([number_of(element, "s")]))[0]
    t = number_of(element, "t", 0.0)
    turned = wrap_angle(float(heading) + number_of(element, "hOffset", 0.0))
    return SE2(float(x) - t * math.sin(heading), float(y) + t * math.cos(heading), turned)


def _place(element: ET.Element, road: Road) -> SignalPlace:
    given = [(integer_of(v, "fromLane"), integer_of(v, "toLane")) for v in element.iterfind("validity")]
    s = min(max(number_of(element, "s"), 0.0), road.length_m)
    lanes = given or list(_default_lanes(element.get("orientation", "none"), road, s))
    return SignalPlace(road.id, s, tuple((min(pair), max(pair)) for pair in lanes))


def _default_lanes(orientation: str, road: Road, s_m: float) -> Iterator[tuple[int, int]]:
    """Return the lanes that a signal without validity holds for: to CARLA's client "+" means those of positive id."""
    section = max((x for x in road.sections if x.s_m <= s_m), key=lambda x: x.s_m, default=road.sections[0])
    if orientation != "-" and max(section.lanes) > 0:
        yield 1, max(section.lanes)
    if orientation != "+" and min(section.lanes) < 0:
        yield min(section.lanes), -1


def read_phases(root: ET.Element) -> dict[str, tuple[tuple[str, ...], ...]]:
    """Return, by junction, the signal ids of each of its controllers."""
    controls = {
        text_of(controller, "id"): tuple(text_of(control, "signalId") for control in controller.iterfind("control"))
        for controller in root.iterfind("controller")
    }
    return {
        text_of(junction, "id"): tuple(
            controls[key] for c in junction.iterfind("controller") if (key := text_of(c, "id")) in controls
        )
        for junction in root.iterfind("junction")
    }

"""Takes the relief out of an OpenDRIVE document, so that clients drive on the same flat road as this simulator."""

from __future__ import annotations

import xml.etree.ElementTree as ET

_RELIEF = ("elevationProfile", "lateralProfile")


def flattened(root: ET.Element) -> str:
    """Return the document without elevation, superelevation and the height of signals."""
    for road in root.iterfind("road"):
        for tag in _RELIEF:
            for profile in road.findall(tag):
                profile.clear()
        for lane in road.iterfind("lanes/laneSection/*/lane"):
            for height in lane.findall("height"):
                lane.remove(height)
        for position in road.iterfind("signals/signal/positionInertial"):
            position.set("z", "0")
    return ET.tostring(root, encoding="unicode", xml_declaration=True)

"""Checked reading of XML attributes; every error is an OpenDriveError that names element, attribute and value."""

from __future__ import annotations

import math
import xml.etree.ElementTree as ET

from carla_lite.maps.opendrive import OpenDriveError


def text_of(element: ET.Element, name: str) -> str:
    """Return an attribute that must be there."""
    value = element.get(name)
    if value is None:
        raise OpenDriveError(f"<{element.tag} id={element.get('id')!r}> lacks the attribute {name!r}")
    return value


def number_of(element: ET.Element, name: str, default: float | None = None) -> float:
    """Return a finite number; one without a default must be there."""
    if default is not None and element.get(name) is None:
        return default
    text = text_of(element, name)
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise OpenDriveError(f"<{element.tag}> has {name}={text!r}, expected a finite number")
    return value


def integer_of(element: ET.Element, name: str) -> int:
    """Return a whole number that must be there."""
    text = text_of(element, name)
    try:
        return int(text)
    except ValueError as error:
        raise OpenDriveError(f"<{element.tag}> has {name}={text!r}, expected an integer") from error

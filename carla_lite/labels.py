"""CARLA 0.9.16's semantic labels (``carla.CityObjectLabel``): what segmentation shows of everything there is."""

from __future__ import annotations

from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from carla_lite.scene import Shape, Surface


class Label(IntEnum):
    """What a pixel, a point or an object is; the numbers are CARLA's."""

    NONE = 0
    ROADS = 1
    SIDEWALKS = 2
    BUILDINGS = 3
    POLES = 6
    TRAFFIC_LIGHT = 7
    TRAFFIC_SIGNS = 8
    VEGETATION = 9
    TERRAIN = 10
    SKY = 11
    PEDESTRIANS = 12
    CAR = 14
    TRUCK = 15
    BUS = 16
    MOTORCYCLE = 18
    BICYCLE = 19
    STATIC = 20
    DYNAMIC = 21
    ROAD_LINES = 24


LABEL_OF_SHAPE: dict[Shape, Label] = {
    Shape.BUILDING: Label.BUILDINGS,
    Shape.BOX: Label.STATIC,
    Shape.POLE: Label.POLES,
    Shape.TREE: Label.VEGETATION,
    Shape.TRAFFIC_LIGHT: Label.TRAFFIC_LIGHT,
    Shape.STOP_SIGN: Label.TRAFFIC_SIGNS,
    Shape.YIELD_SIGN: Label.TRAFFIC_SIGNS,
    Shape.SPEED_SIGN: Label.TRAFFIC_SIGNS,
}
"""Labels of a town's own objects; vehicles, walkers and props have theirs in the catalog."""

LABEL_OF_SURFACE: dict[Surface, Label] = {
    Surface.ROAD: Label.ROADS,
    Surface.SHOULDER: Label.ROADS,
    Surface.CROSSWALK: Label.ROADS,
    Surface.PARKING: Label.ROADS,
    Surface.MARK_WHITE: Label.ROAD_LINES,
    Surface.MARK_YELLOW: Label.ROAD_LINES,
    Surface.SIDEWALK: Label.SIDEWALKS,
    Surface.CURB: Label.SIDEWALKS,
    Surface.TERRAIN: Label.TERRAIN,
}


def surface_label_table() -> NDArray[np.uint8]:
    """Return the label of every ``Surface`` value."""
    return np.array([LABEL_OF_SURFACE[surface] for surface in sorted(Surface)], np.uint8)

"""The colours in which CARLA's client shows labels (``carla.ColorConverter.CityScapesPalette``)."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from carla_lite.labels import Label

_RED = 2
_COLORS: tuple[tuple[Label, tuple[int, int, int]], ...] = (
    (Label.NONE, (0, 0, 0)),
    (Label.ROADS, (128, 64, 128)),
    (Label.SIDEWALKS, (244, 35, 232)),
    (Label.BUILDINGS, (70, 70, 70)),
    (Label.POLES, (153, 153, 153)),
    (Label.TRAFFIC_LIGHT, (250, 170, 30)),
    (Label.TRAFFIC_SIGNS, (220, 220, 0)),
    (Label.VEGETATION, (107, 142, 35)),
    (Label.TERRAIN, (152, 251, 152)),
    (Label.SKY, (70, 130, 180)),
    (Label.PEDESTRIANS, (220, 20, 60)),
    (Label.CAR, (0, 0, 142)),
    (Label.TRUCK, (0, 0, 70)),
    (Label.BUS, (0, 60, 100)),
    (Label.MOTORCYCLE, (0, 0, 230)),
    (Label.BICYCLE, (119, 11, 32)),
    (Label.STATIC, (110, 190, 160)),
    (Label.DYNAMIC, (170, 120, 50)),
    (Label.ROAD_LINES, (157, 234, 50)),
)
_BGRA = np.zeros((256, 4), np.uint8)
_BGRA[:, 3] = 255
for _label, _rgb in _COLORS:
    _BGRA[_label, :3] = _rgb[::-1]


def in_city_colors(labels: Any) -> NDArray[np.uint8]:
    """Return a picture of labels (BGRA, the label in red) in the colours of the client's palette."""
    picture: NDArray[np.uint8] = _BGRA[labels[..., _RED]]
    return picture

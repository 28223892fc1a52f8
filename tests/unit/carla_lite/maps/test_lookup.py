import math

import numpy as np
import pytest

from carla_lite.maps import TownMap, load_town
from carla_lite.scene import Surface


@pytest.fixture(scope="module")
def town() -> TownMap:
    return load_town("Lite02")


def test_the_lookup_agrees_with_an_exhaustive_search(town: TownMap) -> None:
    rng = np.random.default_rng(3)
    x0, y0, x1, y1 = town.scene.bounds_m
    driving = [lane for lane in town.lanes if lane.is_driving]
    hits = 0
    for x, y in rng.uniform((x0, y0), (x1, y1), (400, 2)):
        distance = min(np.hypot(*(lane.center_m - [x, y]).T).min() for lane in driving)
        place = town.lane_at(float(x), float(y))
        if distance < 1.7:
            hits += 1
            assert place is not None
            assert abs(place.lateral_m) <= distance + 1e-6
        elif distance > 2.1:
            assert place is None
        assert town.on_road(float(x), float(y)) == (place is not None)
    assert hits > 20


def test_lateral_position_is_positive_on_the_left() -> None:
    town = load_town("Lite01")
    east = town.lane_at(-100.0, -1.25)
    west = town.lane_at(-100.0, 1.25)
    assert east is not None
    assert west is not None
    assert east.lateral_m == pytest.approx(0.5)
    assert west.lateral_m == pytest.approx(0.5)
    assert abs(west.heading_rad) == pytest.approx(math.pi)
    assert east.s_m == pytest.approx(west.s_m)


def test_surfaces_beside_the_road() -> None:
    town = load_town("Lite01")
    surfaces = [town.surface_at(-100.0, y) for y in (-1.75, -3.7, -5.0, -8.0)]
    assert surfaces == [Surface.ROAD, Surface.SHOULDER, Surface.SIDEWALK, Surface.TERRAIN]
    assert town.lane_at(-100.0, -5.0) is None
    assert town.lane_at(-100.0, -5.0, driving_only=False) is not None
    assert town.lane_at(1e6, -1e6) is None

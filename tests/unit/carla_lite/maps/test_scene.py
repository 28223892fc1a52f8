from itertools import pairwise

import cv2
import numpy as np
import pytest

from carla_lite.maps import TownMap, available_towns, load_town, town_from_xodr
from carla_lite.maps.scenery import rectangle
from carla_lite.scene import Shape, StaticScene, Surface

_CELL_M = 0.1


def paint(scene: StaticScene, x0: float, y0: float, x1: float, y1: float) -> np.ndarray:
    """Rasterise a window of the ground; row 0 is y0."""
    image = np.zeros((round((y1 - y0) / _CELL_M), round((x1 - x0) / _CELL_M)), dtype=np.uint8)
    for patch in scene.ground:
        cells = np.floor((patch.outline_m - [x0, y0]) / _CELL_M).astype(np.int32)
        cv2.fillPoly(image, [cells], int(patch.surface))
    return image


def at(image: np.ndarray, window: tuple[float, float], x: float, y: float) -> Surface:
    return Surface(int(image[int((y - window[1]) / _CELL_M), int((x - window[0]) / _CELL_M)]))


@pytest.fixture(scope="module")
def lite01() -> TownMap:
    return load_town("Lite01")


@pytest.fixture(scope="module")
def crossing(lite01: TownMap) -> np.ndarray:
    """The 4-way crossing at (-60, 0), 30 m around."""
    return paint(lite01.scene, -90.0, -30.0, -30.0, 30.0)


@pytest.mark.parametrize(
    ("x", "y", "surface"),
    [
        (-80.0, -1.75, Surface.ROAD),
        (-76.5, 0.0, Surface.ROAD),  # the centre line ends at the stop line
        (-80.0, -3.5, Surface.MARK_WHITE),
        (-80.0, -3.7, Surface.SHOULDER),
        (-80.0, -5.0, Surface.SIDEWALK),
        (-80.0, -7.0, Surface.TERRAIN),
        (-60.0, 0.0, Surface.ROAD),
        (-64.0, -4.5, Surface.ROAD),
        (-78.1, -1.75, Surface.MARK_WHITE),  # the stop line of the eastbound lane
        (-78.1, 1.75, Surface.ROAD),
        (-41.9, 1.75, Surface.MARK_WHITE),  # the stop line of the westbound lane
        (-58.25, -18.1, Surface.MARK_WHITE),  # northbound traffic keeps right of x = -60
        (-61.75, 18.1, Surface.MARK_WHITE),
    ],
)
def test_the_crossing_is_paved_and_painted(crossing: np.ndarray, x: float, y: float, surface: Surface) -> None:
    assert at(crossing, (-90.0, -30.0), x, y) == surface


def test_the_centre_line_is_broken_and_yellow(lite01: TownMap) -> None:
    line = paint(lite01.scene, -150.0, -2.0, -100.0, 2.0)[20]
    share = np.mean(line == Surface.MARK_YELLOW)
    # Dashes of 3 m, gaps of 4.5 m.
    assert share == pytest.approx(0.4, abs=0.05)
    assert set(np.unique(line)) == {Surface.ROAD, Surface.MARK_YELLOW}


def test_crosswalks_are_striped_across_the_road(crossing: np.ndarray) -> None:
    x = -74.0 - 1.9
    column = [at(crossing, (-90.0, -30.0), x, y) for y in np.arange(-3.3, 3.3, 0.1)]
    changes = sum(a != b for a, b in pairwise(column))
    assert Surface.CROSSWALK in column
    assert changes >= 12


@pytest.mark.parametrize("name", available_towns())
def test_nothing_upright_stands_on_a_lane_or_in_another_building(name: str) -> None:
    town = load_town(name)
    buildings = [box for box in town.scene.boxes if box.shape is Shape.BUILDING]
    assert len(buildings) >= 50
    taken = np.zeros((7000, 7000), dtype=np.uint8)
    for index, box in enumerate(town.scene.boxes):
        ring = rectangle(np.array(box.center_m[:2]), box.yaw_rad, *box.half_extent_m[:2])
        edge = np.concatenate([np.linspace(a, b, 20) for a, b in zip(ring, np.roll(ring, 1, axis=0), strict=True)])
        # Crowns may hang over the sidewalk, signals stand on it.
        if box.shape is not Shape.TREE and index < len(town.scene.boxes) - 2 * len(town.posts):
            assert all(town.lane_at(float(x), float(y), driving_only=False) is None for x, y in edge)
    for box in buildings:
        ring = rectangle(np.array(box.center_m[:2]), box.yaw_rad, *box.half_extent_m[:2])
        mask = np.zeros_like(taken)
        low = ((ring.min(axis=0) + 350.0) * 10.0).astype(int)
        high = ((ring.max(axis=0) + 350.0) * 10.0).astype(int) + 2
        cv2.fillPoly(mask, [((ring + 350.0) * 10.0).astype(np.int32)], 1)
        window = (slice(low[1], high[1]), slice(low[0], high[0]))
        assert not (taken[window] & mask[window]).any()
        taken[window] |= mask[window]
        assert box.center_m[2] == box.half_extent_m[2]


def test_the_files_own_buildings_take_the_place_of_ours(lite01: TownMap) -> None:
    house = (
        '<object id="900000" type="building" name="house" s="20" t="30" zOffset="0" hdg="0" length="8" width="6" '
        'height="9"/></objects>'
    )
    town = town_from_xodr("own", lite01.xodr.replace("</objects>", house, 1))
    (box,) = town.scene.boxes
    assert box.shape is Shape.BUILDING
    assert sorted(box.half_extent_m) == pytest.approx([3.0, 4.0, 4.5], abs=1e-3)


def test_own_buildings_stand_in_their_place_far_from_the_origin() -> None:
    east, north = 700_000.3, 5_400_000.7
    text = f"""<OpenDRIVE><header/><road id="1" length="100" junction="-1"><link/>
    <planView><geometry s="0" x="{east}" y="{north}" hdg="0" length="100"><line/></geometry></planView>
    <lanes><laneSection s="0"><center><lane id="0"/></center><right>
    <lane id="-1" type="driving"><width sOffset="0" a="3.5" b="0" c="0" d="0"/></lane></right></laneSection></lanes>
    <objects><object id="1" type="building" s="20" t="30" hdg="0" length="8" width="6" height="9"/></objects>
    </road></OpenDRIVE>"""
    (box,) = town_from_xodr("far", text).scene.boxes
    assert box.center_m == pytest.approx((east + 20.0, north + 30.0, 4.5), rel=0.0, abs=1e-3)


def test_the_scene_covers_all_lanes(lite01: TownMap) -> None:
    x0, y0, x1, y1 = lite01.scene.bounds_m
    points = np.concatenate([lane.center_m for lane in lite01.lanes])
    assert (points > [x0, y0]).all()
    assert (points < [x1, y1]).all()
    assert 300.0 < x1 - x0 < 600.0

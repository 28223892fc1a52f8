"""The ground texture: exact shapes, bounded memory, and lane lines that neither vanish nor flicker far away."""

from __future__ import annotations

import numpy as np
import pytest
from tiny_town import rectangle

from carla_lite.render import Renderer
from carla_lite.render.ground import FINEST_TEXEL_M, build_ground
from carla_lite.render.materials import GROUND_LOOKS
from carla_lite.scene import Camera, DynamicScene, GroundPolygon, StaticScene, Surface, Weather
from waypilot.geometry import Pose

BOUNDS = (-10.0, -6.0, 14.0, 6.0)


def finest(*polygons: GroundPolygon, bounds=BOUNDS) -> np.ndarray:
    """Return the finest level as (rows, columns, 3) floats: red, green, blue."""
    texture = build_ground(StaticScene(bounds, tuple(polygons), ()))
    _, rows, columns = texture.levels[0]
    texels = texture.texels[: rows * columns].reshape(rows, columns)
    return np.stack([(texels >> shift) & 255 for shift in (16, 8, 0)], axis=2).astype(float)


def test_colours_and_place():
    picture = finest(rectangle(Surface.ROAD, -10, -6, 4, 0))
    assert picture.shape == (120, 240, 3)
    for patch, surface in ((picture[:58, :138], Surface.ROAD), (picture[62:], Surface.TERRAIN)):
        np.testing.assert_allclose(patch.mean(axis=(0, 1)), GROUND_LOOKS[surface].color, atol=6.0)


def test_later_patch_covers_earlier_one():
    picture = finest(rectangle(Surface.ROAD, -9, -5, 9, 5), rectangle(Surface.MARK_WHITE, -1, -1, 1, 1))
    assert picture[55:65, 95:105].min() > 180
    assert picture[55:65, 120:130].max() < 120


@pytest.mark.parametrize("width_m", [0.1, 0.15, 0.3])
@pytest.mark.parametrize("offset_m", [0.0, 0.03, 0.07])
def test_thin_line_keeps_its_width(width_m: float, offset_m: float):
    road = rectangle(Surface.ROAD, -10, -6, 14, 6)
    y = 1.0 + offset_m
    line = rectangle(Surface.MARK_WHITE, -10, y, 14, y + width_m)
    rows = finest(road, line).mean(axis=(1, 2))
    dark, white = np.mean(GROUND_LOOKS[Surface.ROAD].color), np.mean(GROUND_LOOKS[Surface.MARK_WHITE].color)
    covered_m = ((rows - np.median(rows)) / (white - dark)).clip(0.02).sum() * FINEST_TEXEL_M
    assert covered_m == pytest.approx(width_m + 0.002 * len(rows), abs=0.05 + 0.02)


def test_neighbours_leave_no_seam():
    # Two slanted patches share an edge; nothing of the grass may show between them.
    left = GroundPolygon(Surface.ROAD, np.array([[-9.0, -5.0], [0.3, -5.0], [3.7, 5.0], [-9.0, 5.0]]))
    right = GroundPolygon(Surface.ROAD, np.array([[0.3, -5.0], [9.0, -5.0], [9.0, 5.0], [3.7, 5.0]]))
    picture = finest(left, right)[12:108, 12:188]
    greenness = picture[..., 1] - picture[..., 0]
    assert np.abs(greenness).max() <= 1.0


def test_concave_outline():
    corners = np.array(
        [[-8.0, -5.0], [8.0, -5.0], [8.0, 5.0], [4.0, 5.0], [4.0, -1.0], [-4.0, -1.0], [-4.0, 5.0], [-8.0, 5.0]]
    )
    picture = finest(GroundPolygon(Surface.MARK_WHITE, corners))
    assert picture[80, 30].min() > 170, "left arm"
    assert picture[80, 170].min() > 170, "right arm"
    assert picture[80, 100].max() < 150, "the notch stays grass"


@pytest.mark.parametrize("side", [(-14, -4, -11, 4), (15, -4, 18, 4), (-4, -11, 4, -7), (-4, 7, 4, 11)])
def test_patches_beyond_the_bounds_leave_the_ground_as_it_is(side: tuple[float, float, float, float]):
    np.testing.assert_array_equal(finest(rectangle(Surface.MARK_WHITE, *side)), finest())


def test_patch_across_the_bounds_is_cut_off():
    inside = finest(rectangle(Surface.MARK_WHITE, -10, -3, -8, 3))
    np.testing.assert_array_equal(finest(rectangle(Surface.MARK_WHITE, -30, -3, -8, 3)), inside)


def test_winding_does_not_matter():
    outline = np.array([[-3.0, -3.0], [5.0, -2.0], [4.0, 4.0]])
    forward = finest(GroundPolygon(Surface.CURB, outline))
    np.testing.assert_array_equal(forward, finest(GroundPolygon(Surface.CURB, outline[::-1])))


def test_memory_is_bounded():
    scene = StaticScene((0.0, 0.0, 1000.0, 500.0), (rectangle(Surface.ROAD, 0, 0, 1000, 500),), ())
    texture = build_ground(scene, max_texels=20_000)
    assert texture.levels[0, 1] * texture.levels[0, 2] <= 20_300
    assert len(texture.texels) <= 27_500
    assert texture.texel_m == pytest.approx(5.0)


def test_mip_levels_keep_the_mean():
    texture = build_ground(StaticScene(BOUNDS, (rectangle(Surface.SIDEWALK, -10, -6, 4, 6),), ()))
    means = [(texture.texels[o : o + r * c] & 255).mean() for o, r, c in texture.levels[:4]]
    np.testing.assert_allclose(means, means[0], atol=1.5)


@pytest.mark.parametrize(
    ("scene", "message"),
    [
        (StaticScene((0.0, 0.0, 0.0, 5.0), (), ()), "x0 < x1"),
        (StaticScene((0.0, 0.0, float("nan"), 5.0), (), ()), "finite"),
        (StaticScene(BOUNDS, (GroundPolygon(Surface.ROAD, np.zeros((2, 2))),), ()), "polygon 0"),
        (StaticScene(BOUNDS, (GroundPolygon(Surface.ROAD, np.full((3, 2), np.nan)),), ()), "finite corners"),
    ],
)
def test_bad_scenes_are_refused(scene: StaticScene, message: str):
    with pytest.raises(ValueError, match=message):
        build_ground(scene)


@pytest.fixture(scope="module")
def lined_road() -> Renderer:
    bounds = (-20.0, -20.0, 150.0, 20.0)
    line = rectangle(Surface.MARK_WHITE, -20, -0.075, 150, 0.075)
    return Renderer(StaticScene(bounds, (rectangle(Surface.ROAD, *bounds), line), ()))


def line_strength(renderer: Renderer, x_m: float, y_m: float, depth_m: float) -> float:
    """Return how far the line stands out of the road in the image row that shows ``depth_m``."""
    camera = Camera(320, 180, np.radians(100.0), Pose.from_xyz_rpy(x_m, y_m, 2.0))
    row = int(90 + 160.0 / np.tan(np.radians(50.0)) * 2.0 / depth_m)
    brightness = renderer.rgb(camera, DynamicScene(0, 0.0, Weather()))[row, 120:200, :3].astype(float).mean(axis=1)
    return float(brightness.max() - np.median(brightness))


def test_lane_line_is_visible_at_distance(lined_road: Renderer):
    assert line_strength(lined_road, 0.0, 0.0, 10.0) > 60.0
    assert line_strength(lined_road, 0.0, 0.0, 25.0) > 25.0
    assert line_strength(lined_road, 0.0, 0.0, 40.0) > 10.0


def test_lane_line_does_not_flicker(lined_road: Renderer):
    strengths = [line_strength(lined_road, 0.37 * k, 0.04 * k, 20.0) for k in range(12)]
    assert min(strengths) > 0.45 * max(strengths)


def test_ground_does_not_depend_on_how_far_the_texture_reaches():
    """Rows that cross the texture's edge are sampled with more care than others, to the same colours."""
    camera = Camera(200, 120, np.radians(100.0), Pose.from_xyz_rpy(2.0, 8.0, 1.5))
    drawn = [
        Renderer(StaticScene((0.0, 0.0, side_m, side_m), (rectangle(Surface.ROAD, 0, 4, 12, 12),), ())).rgb(
            camera, DynamicScene(0, 0.0, Weather())
        )
        for side_m in (16.0, 64.0)
    ]
    rows, columns = np.mgrid[64:120, 0:200] + 0.5
    focal_px = 100.0 / np.tan(np.radians(50.0))
    ahead_m = 1.5 * focal_px / (rows - 60.0)
    aside_m = ahead_m * (columns - 100.0) / focal_px
    inside = (ahead_m < 11.0) & (np.abs(aside_m) < 6.5)
    crosses_edge = inside & (ahead_m > 7.0)
    assert crosses_edge.sum() > 200
    small, large = drawn[0][64:], drawn[1][64:]
    np.testing.assert_array_equal(small[inside], large[inside])
    assert (small[~inside] != large[~inside]).any()

"""Known answers: what a pinhole camera must show, worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from tiny_town import rectangle

from carla_lite.render import Renderer
from carla_lite.scene import Box, Camera, DynamicScene, Shape, StaticScene, Surface, Weather
from waypilot.geometry import Pose

NOON = DynamicScene(0, 0.0, Weather())
# Field of view 90 degrees at 200 px: the focal length is 100 px.
FOCAL_PX = 100.0


def camera(x=0.0, y=0.0, z=1.0, roll=0.0, pitch=0.0, yaw=0.0) -> Camera:
    return Camera(200, 200, math.pi / 2, Pose.from_xyz_rpy(x, y, z, roll, pitch, yaw))


def scene(*boxes: Box, ground=(), half_size_m: float = 40.0) -> StaticScene:
    return StaticScene((-half_size_m, -half_size_m, half_size_m, half_size_m), tuple(ground), boxes)


def box(x0, x1, y0, y1, z0, z1, color=(250, 20, 20), shape=Shape.BOX) -> Box:
    center = ((x0 + x1) / 2, (y0 + y1) / 2, (z0 + z1) / 2)
    return Box(shape, center, ((x1 - x0) / 2, (y1 - y0) / 2, (z1 - z0) / 2), 0.0, color)


def image(static: StaticScene, view: Camera) -> np.ndarray:
    return Renderer(static).rgb(view, NOON)


def covered(static: StaticScene, view: Camera) -> np.ndarray:
    """Return which pixels the boxes cover (H, W)."""
    bare = StaticScene(static.bounds_m, static.ground, ())
    return (image(static, view) != image(bare, view)).any(axis=2)


def test_image_is_opaque_bgra():
    red_wall = scene(box(10, 12, -50, 50, -50, 50))
    picture = image(red_wall, camera())
    assert picture.shape == (200, 200, 4)
    assert picture.dtype == np.uint8
    assert (picture[..., 3] == 255).all()
    blue, green, red = picture[100, 100, :3].astype(int)
    assert red > 4 * green
    assert red > 4 * blue


def test_box_covers_exactly_the_expected_pixels():
    # 2 m wide and high, its front 10 m ahead: 20 px each way, centred.
    mask = covered(scene(box(10, 12, -1, 1, 0, 2)), camera())
    expected = np.zeros((200, 200), bool)
    expected[90:110, 90:110] = True
    np.testing.assert_array_equal(mask, expected)


def test_left_is_left_and_up_is_up():
    mask = covered(scene(box(10, 12, 3, 5, 3, 5)), camera())
    rows, columns = np.nonzero(mask)
    assert columns.max() < 100
    assert rows.max() < 100


@pytest.mark.parametrize("yaw_deg", [30.0, -120.0, 179.0])
def test_turning_with_the_box_changes_nothing(yaw_deg: float):
    yaw = math.radians(yaw_deg)
    c, s = math.cos(yaw), math.sin(yaw)
    turned = Box(Shape.BOX, (11 * c, 11 * s, 1.0), (1.0, 1.0, 1.0), yaw, (250, 20, 20))
    assert covered(scene(turned), camera(yaw=yaw)).sum() == pytest.approx(400, abs=40)


@pytest.mark.parametrize("pitch_deg", [-15.0, 0.0, 10.0, 25.0])
def test_horizon_row(pitch_deg: float):
    # Positive pitch lowers the nose (REP 103), so the horizon rises in the picture.
    overcast = DynamicScene(0, 0.0, Weather(cloudiness=100.0))
    picture = Renderer(scene()).rgb(camera(z=2.0, pitch=math.radians(pitch_deg)), overcast).astype(int)
    ground_is_greener_than_blue = picture[..., 1] > picture[..., 0]
    first_ground_row = np.argmax(ground_is_greener_than_blue[:, 100])
    expected = 100.0 - FOCAL_PX * math.tan(math.radians(pitch_deg))
    assert first_ground_row == pytest.approx(expected, abs=1.5)


def test_lane_line_column_at_distance():
    # A white line 1 m to the left on a road; row v below the horizon sees the ground at depth f h / v.
    road = rectangle(Surface.ROAD, -40, -40, 40, 40)
    line = rectangle(Surface.MARK_WHITE, -40, 0.9, 40, 1.1)
    picture = image(scene(ground=(road, line)), camera(z=1.5)).astype(float).sum(axis=2)
    for row in (110, 120, 140, 180):
        below = row + 0.5 - 100.0
        depth_m = FOCAL_PX * 1.5 / below
        brightness = picture[row] - np.median(picture[row])
        brightness[brightness < 0.5 * brightness.max()] = 0.0
        column = (brightness * (np.arange(200) + 0.5)).sum() / brightness.sum()
        assert column == pytest.approx(100.0 - FOCAL_PX / depth_m, abs=0.7)


def test_straight_down():
    # From 10 m up the picture spans 20 m; a square of 4 m is 40 px wide.
    square = rectangle(Surface.MARK_WHITE, -2, -2, 2, 2)
    picture = image(scene(ground=(square,)), camera(z=10.0, pitch=math.pi / 2))
    white = picture[..., :3].min(axis=2) > 150
    assert white.sum() == pytest.approx(1600, rel=0.06)
    assert white[82:118, 82:118].all()


def test_nearer_box_hides_farther_one_in_any_order():
    near, far = box(5, 6, -1, 1, 0, 2, (250, 20, 20)), box(10, 11, -3, 3, 0, 4, (20, 20, 250))
    picture = image(scene(near, far), camera())
    np.testing.assert_array_equal(picture, image(scene(far, near), camera()))
    assert picture[100, 100, 2] > picture[100, 100, 0], "the near red box is in front"
    assert picture[100, 75, 0] > picture[100, 75, 2], "the far blue box looks out beside it"


def test_wall_through_the_near_plane_keeps_its_edges():
    # A wall from behind the camera to far ahead, 1 m to the right, its top 2 m above the eye.
    mask = covered(scene(box(-10, 30, -2, -1, 0, 3)), camera())
    for column in (110, 130, 148):
        right = column + 0.5 - 100.0
        depth_m = FOCAL_PX / right
        top_row = 100.0 - FOCAL_PX * 2.0 / depth_m
        assert np.argmax(mask[:, column]) == pytest.approx(top_row, abs=1.0)
    assert mask[:, 155:].all(axis=0)[5:].any(), "beside the camera the wall fills whole columns"
    assert not mask[:, :100].any()


def test_camera_inside_a_box_sees_out():
    around = scene(box(-3, 3, -3, 3, -1, 4, shape=Shape.BUILDING))
    assert not covered(around, camera()).any()


def test_objects_behind_the_camera_are_not_drawn():
    assert not covered(scene(box(-12, -10, -1, 1, 0, 2)), camera()).any()


def test_many_sizes_from_one_renderer():
    renderer = Renderer(scene(box(10, 12, -1, 1, 0, 2)))
    first = renderer.rgb(camera(), NOON)
    wide = Camera(64, 20, math.radians(70), camera().pose_map_from_camera)
    assert renderer.rgb(wide, NOON).shape == (20, 64, 4)
    np.testing.assert_array_equal(renderer.rgb(camera(), NOON), first)


def test_output_buffer_is_used():
    renderer = Renderer(scene(box(10, 12, -1, 1, 0, 2)))
    out = np.zeros((200, 200, 4), np.uint8)
    assert renderer.rgb(camera(), NOON, out) is out
    np.testing.assert_array_equal(out, renderer.rgb(camera(), NOON))

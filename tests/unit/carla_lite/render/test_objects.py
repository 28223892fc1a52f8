"""Shapes: closed from every side, and clear errors for what cannot be drawn."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from tiny_town import driver_camera

from carla_lite.render import Renderer
from carla_lite.render.meshes import build_meshes
from carla_lite.scene import Box, Camera, DynamicScene, SceneActor, Shape, StaticScene, Weather
from waypilot.geometry import Pose, Quaternion

OVERCAST = Weather(cloudiness=100.0)
CAR = SceneActor(1, Shape.CAR, Pose.from_xyz_rpy(12.0, 0.0, 0.0), (2.3, 0.95, 0.75), (200, 30, 30))


@pytest.fixture(scope="module")
def empty_field() -> Renderer:
    return Renderer(StaticScene((-40.0, -40.0, 40.0, 40.0), (), ()))


def changed(renderer: Renderer, camera: Camera, *actors: SceneActor) -> np.ndarray:
    bare = renderer.rgb(camera, DynamicScene(0, 0.0, OVERCAST))
    return (renderer.rgb(camera, DynamicScene(0, 0.0, OVERCAST, actors)) != bare).any(axis=2)


def test_faces_are_flat():
    meshes = build_meshes()
    for corners in meshes.corners:
        u, v, diagonal = corners[1] - corners[0], corners[3] - corners[0], corners[2] - corners[0]
        normal = np.cross(u, v)
        assert np.linalg.norm(normal) > 1e-6
        assert abs(normal @ diagonal) / np.linalg.norm(normal) < 0.02


@pytest.mark.parametrize("distance_m", [8.0, 60.0])
@pytest.mark.parametrize("yaw_deg", range(0, 360, 45))
def test_car_has_no_holes(empty_field: Renderer, yaw_deg: int, distance_m: float):
    yaw = math.radians(yaw_deg)
    width_m = 2 * (2.3 * abs(math.sin(yaw)) + 0.95 * abs(math.cos(yaw)))
    pose = Pose.from_xyz_rpy(distance_m, 0.0, 0.0, 0.0, 0.0, yaw)
    mask = changed(empty_field, driver_camera(640, 360, 60.0, x_m=0.0, y_m=0.0, z_m=1.2), replace(CAR, pose=pose))
    focal = 320.0 / math.tan(math.radians(30.0))
    # Somewhere between a thin slice at the car's middle and a full box at its nearest point, plus the shadow.
    smallest = 0.6 * width_m * 1.0 * (focal / distance_m) ** 2
    largest = 1.4 * width_m * 1.5 * (focal / (distance_m - 2.3)) ** 2
    assert smallest < mask.sum() < largest
    # The body's middle is solid.
    row = int(180 + focal * 0.55 / distance_m)
    half = int(0.3 * width_m * focal / distance_m)
    assert mask[row, 320 - half : 320 + half].all()


@pytest.mark.parametrize("shape", list(Shape))
def test_every_shape_stands_where_it_should(empty_field: Renderer, shape: Shape):
    half = (0.6, 0.6, 1.0)
    z_m = 1.0 if shape == Shape.PEDESTRIAN else 0.0
    actor = SceneActor(7, shape, Pose.from_xyz_rpy(10.0, 0.0, z_m), half, (220, 60, 60))
    rows, columns = np.nonzero(changed(empty_field, driver_camera(200, 200, 90.0, x_m=0.0, y_m=0.0, z_m=1.0), actor))
    # 2 m high at 10 m with a focal length of 100 px, centred on the horizon; shadows may reach a little lower.
    assert 86 <= rows.min() <= 93
    assert 107 <= rows.max() <= 114
    assert columns.mean() == pytest.approx(99.5, abs=1.5)


@pytest.mark.parametrize("sun_altitude_deg", [60.0, -60.0])
def test_house_front_does_not_depend_on_what_hides_parts_of_it(sun_altitude_deg: float):
    house = Box(Shape.BUILDING, (20.0, 0.0, 6.0), (4.0, 9.0, 6.0), 0.3, (180, 120, 90))
    posts = [Box(Shape.BOX, (9.0, 0.37 * k - 3.0, 2.0), (0.02 * k, 0.05, 2.0), 0.0, (9, 9, 9)) for k in range(1, 17)]
    dynamic = DynamicScene(0, 0.0, Weather(sun_altitude_angle=sun_altitude_deg))
    camera = driver_camera(320, 180, 60.0, x_m=0.0, y_m=0.0)

    def drawn(*boxes: Box) -> np.ndarray:
        return Renderer(StaticScene((-40.0, -40.0, 40.0, 40.0), (), boxes)).rgb(camera, dynamic)

    alone, field = drawn(house), drawn()
    behind_posts = drawn(house, *posts)
    hidden = (drawn(*posts) != field).any(axis=2)
    front = (alone != field).any(axis=2)
    assert (front & hidden).sum() > 1000
    np.testing.assert_array_equal(behind_posts[front & ~hidden], alone[front & ~hidden])
    assert (behind_posts[front & hidden] != alone[front & hidden]).any(axis=1).all()


def test_contact_shadow_darkens_the_road_beside_the_wheels(empty_field: Renderer):
    camera = driver_camera(320, 180, 60.0, x_m=0.0, y_m=0.0)
    with_car = empty_field.rgb(camera, DynamicScene(0, 0.0, OVERCAST, (CAR,))).astype(int)
    without = empty_field.rgb(camera, DynamicScene(0, 0.0, OVERCAST)).astype(int)
    focal = 160.0 / math.tan(math.radians(30.0))
    row = int(90 + focal * 2.0 / 9.9)
    right_of_tyre = int(160 + focal * 1.0 / 9.9)
    assert with_car[row, right_of_tyre, :3].sum() < 0.85 * without[row, right_of_tyre, :3].sum()


def test_tilted_car_follows_its_pose(empty_field: Renderer):
    lying = replace(CAR, pose=Pose.from_xyz_rpy(12.0, 0.0, 1.0, math.pi / 2, 0.0, 0.0))
    camera = driver_camera(200, 200, 90.0, x_m=0.0, y_m=0.0, z_m=1.0)
    rows, columns = np.nonzero(changed(empty_field, camera, lying)[:107])
    # On its side the car is taller (1.9 m) than wide (1.5 m).
    assert np.ptp(rows) > np.ptp(columns)


@pytest.mark.parametrize(
    ("camera", "message"),
    [
        (replace(driver_camera(), width_px=0), "width is 0 px"),
        (replace(driver_camera(), height_px=100_000), "height is 100000 px"),
        (replace(driver_camera(), fov_rad=math.pi), "field of view"),
        (replace(driver_camera(), fov_rad=float("nan")), "field of view"),
        (driver_camera(x_m=float("nan")), "pose is not finite"),
        (
            replace(driver_camera(), pose_map_from_camera=Pose(0.0, 0.0, 1.0, Quaternion(0.0, 0.0, 0.0, 2.0))),
            "unit quaternion",
        ),
    ],
)
def test_bad_cameras_are_refused(empty_field: Renderer, camera: Camera, message: str):
    with pytest.raises(ValueError, match=message):
        empty_field.rgb(camera, DynamicScene(0, 0.0, Weather()))


def test_bad_actors_boxes_and_buffers_are_refused(empty_field: Renderer):
    with pytest.raises(ValueError, match="actor 1 has half extent"):
        empty_field.rgb(driver_camera(), DynamicScene(0, 0.0, Weather(), (replace(CAR, half_extent_m=(1, 0, 1)),)))
    lost = replace(CAR, pose=Pose.from_xyz_rpy(float("inf"), 0.0, 0.0))
    with pytest.raises(ValueError, match="actor 1 has a pose"):
        empty_field.rgb(driver_camera(), DynamicScene(0, 0.0, Weather(), (lost,)))
    with pytest.raises(ValueError, match="box 0 has half extent"):
        Renderer(StaticScene((0, 0, 1, 1), (), (Box(Shape.BOX, (0, 0, 0), (1, 1, -1), 0.0, (9, 9, 9)),)))
    with pytest.raises(ValueError, match="output has shape"):
        empty_field.rgb(driver_camera(), DynamicScene(0, 0.0, Weather()), np.empty((3, 3, 4), np.uint8))

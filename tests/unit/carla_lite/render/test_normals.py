"""Normals agree with plain geometry and with what rays meet, from any pose; they are those of CARLA's world."""

from __future__ import annotations

import math

import numpy as np
import pytest
from tiny_town import driver_camera, make_scene, make_town, pixel_rays

from carla_lite.labels import Label
from carla_lite.render import Perception
from carla_lite.scene import Box, Camera, DynamicScene, SceneActor, Shape, StaticScene, Weather
from waypilot.geometry import Pose

NOTHING = DynamicScene(0, 0.0, Weather())
STEP = 1.0 / 127.5
"""One step of the code."""


def town_of(*boxes: Box) -> Perception:
    return Perception(StaticScene((-50.0, -50.0, 50.0, 50.0), (), boxes))


def decoded(image: np.ndarray) -> np.ndarray:
    """Return the vectors (..., 3) in CARLA's world axes."""
    return image[..., 2::-1] / 127.5 - 1.0


def carla_from_map(vector) -> np.ndarray:
    return np.array(vector) * (1.0, -1.0, 1.0)


@pytest.mark.parametrize("yaw", [0.0, 0.5, 2.0])
@pytest.mark.parametrize("pose", [{}, {"pitch_rad": 0.1, "roll_rad": 0.7, "yaw_rad": -0.1}])
def test_a_wall_faces_where_it_is_turned_to_whatever_the_cameras_pose(yaw, pose):
    wall = Box(Shape.BOX, (10.0, 0.0, 2.0), (4.0, 4.0, 2.0), yaw, (9, 9, 9))
    camera = driver_camera(33, 33, x_m=0.0, y_m=0.0, z_m=2.0, **pose)
    seen = decoded(town_of(wall).normals(camera, NOTHING))[16, 16]
    sides = [carla_from_map((math.cos(yaw + turn), math.sin(yaw + turn), 0.0)) for turn in np.arange(4) * math.pi / 2.0]
    nearest = min(sides, key=lambda side: side[0])  # the side that looks most against x is the one seen ahead
    assert seen == pytest.approx(nearest, abs=STEP)


@pytest.mark.parametrize("pose", [{}, {"roll_rad": 0.4, "yaw_rad": 2.0}, {"pitch_rad": 1.2, "z_m": 30.0}])
def test_ground_faces_up_and_the_sky_nowhere(pose):
    camera = driver_camera(40, 40, **pose)
    town = town_of()
    image, labels = town.normals(camera, NOTHING), town.labels(camera, NOTHING)[..., 2]
    assert (image[labels == Label.TERRAIN] == (255, 128, 128, 255)).all()
    assert (image[labels == Label.SKY] == (128, 128, 128, 255)).all()
    assert (labels == Label.TERRAIN).any()


def test_a_car_from_above_is_level_on_its_roof_and_leans_on_its_windows():
    car = SceneActor(7, Shape.CAR, Pose.from_xyz_rpy(0.0, 0.0, 0.0), (2.0, 1.0, 0.75), (9, 9, 9), label=Label.CAR)
    camera = Camera(101, 101, math.radians(30.0), Pose.from_xyz_rpy(0.0, 0.0, 12.0, pitch_rad=math.pi / 2.0))
    seen = decoded(town_of().normals(camera, DynamicScene(0, 0.0, Weather(), (car,))))
    metres = 12.0 * math.tan(math.radians(15.0)) * 2.0 / 101.0  # per pixel, on the ground
    level = 12.0 / (12.0 - 1.5)  # the roof, nearer to the camera, is drawn larger
    roof = seen[round(50.0 + 0.36 / metres * level), 50]  # the picture's up is x
    windscreen = seen[round(50.0 - 0.56 / metres * level), 50]
    assert roof == pytest.approx((0.0, 0.0, 1.0), abs=STEP)
    # From (0.92 m, 0.885 m) at the foot to (0.2 m, 1.5 m) at the top of the pane.
    lean = math.atan2(0.92 - 0.2, 1.5 - 0.885)
    assert windscreen == pytest.approx((math.cos(lean), 0.0, math.sin(lean)), abs=0.02)


def test_a_crown_bulges():
    tree = Box(Shape.TREE, (10.0, 0.0, 3.0), (2.0, 2.0, 3.0), 0.0, (9, 9, 9))
    camera = driver_camera(201, 201, x_m=0.0, y_m=0.0, z_m=4.5, fov_deg=40.0)
    town = town_of(tree)
    seen = decoded(town.normals(camera, NOTHING))
    crown = (town.labels(camera, NOTHING)[..., 2] == Label.VEGETATION) & (np.arange(201)[:, None] < 100)
    rows, columns = np.nonzero(crown)
    high, left, right = seen[rows[0], columns[0]], seen[rows, columns][columns < 80], seen[rows, columns][columns > 120]
    assert high[2] > 0.7
    assert left[:, 1].mean() < -0.3  # CARLA's y points to the right
    assert right[:, 1].mean() > 0.3
    assert (seen[crown][:, 0] < 3 * STEP).all()  # nothing of it faces away
    assert np.linalg.norm(seen[crown], axis=1) == pytest.approx(1.0, abs=2 * STEP)


@pytest.mark.parametrize(
    "pose", [{}, {"pitch_rad": 0.3, "roll_rad": -0.4, "yaw_rad": 0.2}, {"z_m": 20.0, "pitch_rad": 1.0}]
)
def test_rays_meet_surfaces_under_the_same_angle(pose):
    camera, scene, town = driver_camera(96, 54, **pose), make_scene(), Perception(make_town())
    seen = decoded(town.normals(camera, scene)) * (1.0, -1.0, 1.0)
    rays, _ = pixel_rays(camera)
    place = camera.pose_map_from_camera
    hits = town.cast((place.x_m, place.y_m, place.z_m), rays, 1e4, scene)
    cosine = -(seen.reshape(-1, 3) * rays).sum(axis=1)
    # Balls are flat discs to a camera and round to a ray; edges fall either way.
    compared = (hits.label != Label.VEGETATION) & np.isfinite(hits.distance_m) & (hits.distance_m < 100.0)
    assert compared.mean() > 0.4
    assert (np.abs(cosine - hits.cosine)[compared] > 3 * STEP).mean() < 0.03


def test_the_same_again_gives_the_same_bytes():
    camera, scene = driver_camera(64, 36, roll_rad=0.2), make_scene()
    assert (
        Perception(make_town()).normals(camera, scene).tobytes()
        == Perception(make_town()).normals(camera, scene).tobytes()
    )

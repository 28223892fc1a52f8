"""Depth images, labels, rays and spheres agree with each other and with plain geometry, from any pose."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from tiny_town import driver_camera, make_scene, make_town, pixel_rays

from carla_lite.labels import Label
from carla_lite.render import Perception
from carla_lite.render.sweeping import first_touch
from carla_lite.scene import Box, Camera, DynamicScene, SceneActor, Shape, StaticScene, Weather
from waypilot.geometry import Pose

NOTHING = DynamicScene(0, 0.0, Weather())


@pytest.fixture(scope="module")
def town():
    return Perception(make_town())


def labelled_scene():
    scene = make_scene()
    labels = {Shape.CAR: Label.CAR, Shape.PEDESTRIAN: Label.PEDESTRIANS}
    return dataclasses.replace(
        scene, actors=tuple(dataclasses.replace(actor, label=labels[actor.shape]) for actor in scene.actors)
    )


def metres(image):
    blue, green, red = (image[..., channel].astype(float) for channel in range(3))
    return (red + 256.0 * green + 65536.0 * blue) / (2.0**24 - 1.0) * 1000.0


@pytest.mark.parametrize(
    "pose", [{}, {"pitch_rad": 0.3, "roll_rad": -0.4, "yaw_rad": 0.2}, {"z_m": 30.0, "pitch_rad": 1.2}]
)
def test_a_ray_through_every_pixel_finds_what_the_pixel_shows(town, pose):
    camera, scene = driver_camera(96, 54, **pose), labelled_scene()
    depth, shown = metres(town.depth(camera, scene)), town.labels(camera, scene, with_ids=True)
    rays, length = pixel_rays(camera)
    place = camera.pose_map_from_camera
    hits = town.cast((place.x_m, place.y_m, place.z_m), rays, 1e4, scene)
    met_m = np.minimum(hits.distance_m / length, 1000.0).reshape(depth.shape)
    label = np.where(np.isfinite(hits.distance_m), hits.label, Label.SKY).reshape(depth.shape)
    ids = shown[..., 1] + 256 * shown[..., 0].astype(int)
    # Crowns of trees are flat discs to a camera and round to a ray; edges fall either way.
    other = shown[..., 2] != Label.VEGETATION
    assert other.mean() > 0.7
    assert (np.abs(met_m - depth) > 0.01 * depth)[other].mean() < 0.03
    assert (label != shown[..., 2])[other].mean() < 0.03
    on_actor = hits.actor_id.reshape(depth.shape) > 0
    assert (hits.actor_id.reshape(depth.shape) != ids)[on_actor].mean() < 0.05


def test_the_cosine_is_that_of_the_surface():
    wall = Box(Shape.BOX, (10.0, 0.0, 2.0), (1.0, 4.0, 2.0), 0.0, (9, 9, 9))
    town = Perception(StaticScene((-20.0, -20.0, 20.0, 20.0), (), (wall,)))
    angles = np.radians([-20.0, 0.0, 15.0])
    rays = np.stack([np.cos(angles), np.sin(angles), np.zeros(3)], axis=1)
    hits = town.cast((0.0, 0.0, 1.0), rays, 50.0, NOTHING)
    assert hits.distance_m == pytest.approx(9.0 / np.cos(angles))
    assert hits.cosine == pytest.approx(np.cos(angles))
    assert hits.label.tolist() == [Label.STATIC] * 3


def test_reach_ends_rays_and_starting_inside_is_no_hit():
    wall = Box(Shape.BOX, (10.0, 0.0, 2.0), (1.0, 4.0, 2.0), 0.3, (9, 9, 9))
    town = Perception(StaticScene((-20.0, -20.0, 20.0, 20.0), (), (wall,)))
    ahead = np.array([[1.0, 0.0, 0.0]])
    assert np.isinf(town.cast((0.0, 0.0, 1.0), ahead, 8.0, NOTHING).distance_m).all()
    assert np.isinf(town.cast((10.0, 0.0, 1.0), ahead, 100.0, NOTHING).distance_m).all()
    down = np.array([[0.0, 0.0, -1.0]])
    assert town.cast((0.0, 0.0, 1.0), down, 100.0, NOTHING).distance_m == pytest.approx(1.0)
    assert len(town.cast((0.0, 0.0, 1.0), np.empty((0, 3)), 10.0, NOTHING).label) == 0


def test_an_empty_town_has_terrain_and_sky():
    town = Perception(StaticScene((0.0, 0.0, 5.0, 5.0), (), ()))
    camera = Camera(8, 8, math.radians(60.0), Pose.from_xyz_rpy(-50.0, 0.0, 1.5))
    labels = town.labels(camera, NOTHING)[..., 2]
    assert set(labels[:4].ravel()) == {Label.SKY}
    assert set(labels[4:].ravel()) == {Label.TERRAIN}


def test_a_sphere_comes_as_far_as_its_radius_lets_it():
    corner = Box(Shape.BOX, (10.0, 0.0, 1.0), (1.0, 1.0, 1.0), math.pi / 4.0, (9, 9, 9))
    tree = Box(Shape.TREE, (6.0, 1.0, 2.0), (1.5, 1.5, 2.0), 0.0, (9, 9, 9))
    car = SceneActor(7, Shape.CAR, Pose.from_xyz_rpy(15.0, 0.0, 0.0), (2.0, 1.0, 0.75), (9, 9, 9), label=Label.CAR)
    town = Perception(StaticScene((-20.0, -20.0, 20.0, 20.0), (), (corner, tree)))
    scene = DynamicScene(0, 0.0, Weather(), (car,))
    met = town.sweep((0.0, 0.0, 0.5), (1.0, 0.0, 0.0), 20.0, 0.25, scene, with_town=True)
    assert (met.actor_id, met.box) == (0, 0)  # past the crown of the tree
    assert met.distance_m == pytest.approx(10.0 - math.sqrt(2.0) - 0.25, abs=1e-3)
    only_actors = town.sweep((0.0, 0.0, 0.5), (1.0, 0.0, 0.0), 20.0, 0.25, scene, with_town=False)
    assert (only_actors.actor_id, only_actors.distance_m) == (7, pytest.approx(12.75, abs=1e-3))
    assert town.sweep((0.0, 0.0, 0.5), (-1.0, 0.0, 0.0), 20.0, 0.25, scene, with_town=True) is None


def test_a_sphere_rounds_corners():
    cube = np.array([[[1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0], [10.0, 0.0, 0.0]]])
    # Passing 1.3 m beside the middle with a radius of 0.5 m: the edge at y = 1 is touched 0.3 m aside.
    number, distance_m = first_touch(cube, (0.0, 1.3, 0.0), (1.0, 0.0, 0.0), 20.0, 0.5)
    assert number == 0
    assert distance_m == pytest.approx(9.0 - math.sqrt(0.5**2 - 0.3**2), abs=2e-3)
    assert first_touch(cube, (0.0, 1.51, 0.0), (1.0, 0.0, 0.0), 20.0, 0.5) is None

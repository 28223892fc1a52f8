"""Depth and segmentation cameras, pixel values read through CARLA's own client: a container high above the town."""

import math

import carla
import numpy as np
import pytest

from tests.contract.wire.conftest import TIMEOUT_S

HEIGHT_M = 200.857
"""Height of the eye; the middle of a container that stands at 200 m."""
NEAR_FACE_M = 20.0 - 0.966
SIZE = {"image_size_x": 64, "image_size_y": 48}
EYE = carla.Transform(carla.Location(0.0, 0.0, HEIGHT_M))
SKY, STATIC, CAR, PEDESTRIAN, TRUCK, BICYCLE = 11, 20, 14, 12, 15, 19


@pytest.fixture
def container(world):
    blueprint = world.get_blueprint_library().find("static.prop.container")
    return world.spawn_actor(blueprint, carla.Transform(carla.Location(20.0, 0.0, 200.0)))


def take(world, listeners, kind, at, **attributes):
    """Return (image, pixels (H, W, 4) BGRA) of one tick."""
    _, images = listeners.attach(f"sensor.camera.{kind}", transform=at, **{**SIZE, **attributes})
    frame = world.tick()
    image = images.get(timeout=TIMEOUT_S)
    assert image.frame == frame
    return image, np.frombuffer(image.raw_data, np.uint8).reshape(image.height, image.width, 4)


def metres(pixels):
    """Decode as CARLA's documentation says."""
    blue, green, red = (pixels[..., channel].astype(float) for channel in range(3))
    return (red + 256.0 * green + 65536.0 * blue) / (256.0**3 - 1.0) * 1000.0


def test_depth_of_a_wall_and_of_the_sky(world, listeners, container):
    image, pixels = take(world, listeners, "depth", EYE, image_size_x=320, image_size_y=240)
    depth = metres(pixels)
    assert depth[120, 160] == pytest.approx(NEAR_FACE_M, abs=1e-3)
    # Planar depth: the same over the whole face, not growing to its edges.
    face = depth < 100.0
    assert np.ptp(depth[face]) < 2e-3
    assert face.sum() == pytest.approx((160.0 / NEAR_FACE_M) ** 2 * 1.012 * 1.714, rel=0.15)
    assert depth[0, 0] == 1000.0
    assert (pixels[..., 3] == 255).all()
    image.convert(carla.ColorConverter.Depth)
    grey = np.frombuffer(image.raw_data, np.uint8).reshape(240, 320, 4)
    assert (grey[0, 0, :3] == 255).all()
    assert abs(int(grey[120, 160, 0]) - 255 * NEAR_FACE_M / 1000.0) < 1.0


@pytest.mark.parametrize("roll", [0.0, 30.0])
def test_depth_of_the_ground_from_any_pose(world, listeners, roll):
    down = carla.Transform(carla.Location(0.0, 0.0, 150.0), carla.Rotation(pitch=-90.0, yaw=20.0, roll=roll))
    _, straight_down = take(world, listeners, "depth", down, fov=20)
    assert metres(straight_down)[24, 32] == pytest.approx(150.0, abs=0.01)
    tilted = carla.Transform(carla.Location(0.0, 0.0, 150.0), carla.Rotation(pitch=-45.0, roll=roll))
    _, slanting = take(world, listeners, "depth", tilted, fov=20, image_size_x=65, image_size_y=49)
    assert metres(slanting)[24, 32] == pytest.approx(150.0 * math.sqrt(2.0), rel=1e-3)


def test_fog_does_not_shorten_depth(world, listeners, container):
    world.set_weather(carla.WeatherParameters(fog_density=100.0, precipitation=100.0, sun_altitude_angle=-90.0))
    _, pixels = take(world, listeners, "depth", EYE)
    assert metres(pixels)[24, 32] == pytest.approx(NEAR_FACE_M, abs=1e-3)


def test_segmentation_has_the_label_in_red_only(world, listeners, container):
    image, pixels = take(world, listeners, "semantic_segmentation", EYE)
    assert pixels[24, 32].tolist() == [0, 0, STATIC, 255]
    assert pixels[0, 0].tolist() == [0, 0, SKY, 255]
    assert (pixels[..., :2] == 0).all()
    image.convert(carla.ColorConverter.CityScapesPalette)
    painted = np.frombuffer(image.raw_data, np.uint8).reshape(48, 64, 4)
    assert painted[0, 0].tolist() == [180, 130, 70, 255]  # sky of the Cityscapes palette, as BGRA


@pytest.mark.parametrize(
    ("type_id", "label"),
    [
        ("vehicle.audi.tt", CAR),
        ("vehicle.tesla.cybertruck", TRUCK),
        ("vehicle.bh.crossbike", BICYCLE),
        ("walker.pedestrian.0001", PEDESTRIAN),
    ],
)
def test_every_kind_of_actor_has_its_label_and_id(world, listeners, type_id, label):
    blueprint = world.get_blueprint_library().find(type_id)
    actor = world.spawn_actor(blueprint, world.get_map().get_spawn_points()[0])
    world.tick()
    place = actor.get_transform()
    above = carla.Transform(place.location + carla.Location(z=15.0), carla.Rotation(pitch=-90.0))
    _, pixels = take(world, listeners, "instance_segmentation", above, fov=20)
    assert pixels[24, 32].tolist() == [actor.id >> 8 & 255, actor.id & 255, label, 255]
    assert actor.semantic_tags == [label]


def test_segmentation_of_the_ground_agrees_with_the_map(world, listeners):
    """Straight down from 40 m over a spawn point: what the map calls a driving lane is road or road lines."""
    spawn = world.get_map().get_spawn_points()[0]
    above = carla.Transform(carla.Location(spawn.location.x, spawn.location.y, 40.0), carla.Rotation(pitch=-90.0))
    _, pixels = take(world, listeners, "semantic_segmentation", above, fov=60, image_size_x=48, image_size_y=48)
    scale = 40.0 * 2.0 * math.tan(math.radians(30.0)) / 48.0
    checked = wrong = 0
    for row in range(0, 48, 3):
        for column in range(0, 48, 3):
            # Facing down with yaw 0: up in the picture is x, right is y.
            x, y = spawn.location.x + (23.5 - row) * scale, spawn.location.y + (column - 23.5) * scale
            label = pixels[row, column, 2]
            if label in (1, 2, 10, 24):
                on_road = world.get_map().get_waypoint(carla.Location(x, y, 0.0), project_to_road=False) is not None
                checked += 1
                wrong += on_road != (label in (1, 24))
    assert checked > 150
    assert wrong <= 0.03 * checked


def test_a_chase_camera_sees_its_car_and_a_driver_does_not(world, ego, listeners):
    behind = carla.Transform(carla.Location(x=-6.0, z=2.5), carla.Rotation(pitch=-12.0))
    inside = carla.Transform(carla.Location(x=1.3, z=1.6))
    for at, seen in ((behind, True), (inside, False)):
        _, images = listeners.attach("sensor.camera.instance_segmentation", ego, at, **SIZE)
        world.tick()
        pixels = np.frombuffer(images.get(timeout=TIMEOUT_S).raw_data, np.uint8).reshape(48, 64, 4)
        own = (pixels[..., 2] == CAR) & (pixels[..., 1] == ego.id & 255) & (pixels[..., 0] == ego.id >> 8 & 255)
        assert (own.sum() > 100) == seen


def test_the_cosmos_camera_shows_labels_in_the_clients_palette(world, listeners, ego):
    library = world.get_blueprint_library()
    types = ("vehicle.audi.a2", "vehicle.carlamotors.firetruck", "vehicle.mitsubishi.fusorosa", "vehicle.vespa.zx125")
    types += ("vehicle.bh.crossbike", "walker.pedestrian.0001", "static.prop.barrel", "static.prop.streetsign")
    for number, type_id in enumerate(types):  # a circle of everything, seen from above
        way = carla.Rotation(yaw=number * 360.0 / len(types)).get_forward_vector()
        ahead = carla.Location(x=300.0, y=300.0, z=0.5) + carla.Location(way * 12.0)
        world.spawn_actor(library.find(type_id), carla.Transform(ahead))
    kinds = ("semantic_segmentation", "cosmos_visualization")
    size = {"image_size_x": 160, "image_size_y": 90}
    places = (
        (None, carla.Transform(carla.Location(x=300.0, y=300.0, z=25.0), carla.Rotation(pitch=-85.0))),
        (ego, carla.Transform(carla.Location(x=1.0, z=2.0))),
    )
    boxes = [
        listeners.attach(f"sensor.camera.{kind}", parent, place, **size)[1]
        for parent, place in places
        for kind in kinds
    ]
    world.tick()
    images = [received.get(timeout=TIMEOUT_S) for received in boxes]
    seen = set()
    for labels, cosmos in (images[:2], images[2:]):
        seen |= set(bytes(labels.raw_data)[2::4])
        labels.convert(carla.ColorConverter.CityScapesPalette)
        assert bytes(cosmos.raw_data) == bytes(labels.raw_data)
    assert len(seen) >= 12

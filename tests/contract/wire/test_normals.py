"""The normals camera, pixel values read through CARLA's own client: a container high above the town."""

import carla
import numpy as np
import pytest

from tests.contract.wire.conftest import TIMEOUT_S

HEIGHT_M = 200.857
"""Height of the eye; the middle of a container that stands at 200 m."""
SIZE = {"image_size_x": 64, "image_size_y": 48}
NORMALS = "sensor.camera.normals"


def take(world, listeners, at, parent=None, **attributes):
    """Return (image, pixels (H, W, 4) BGRA) of one tick."""
    _, images = listeners.attach(NORMALS, parent, at, **{**SIZE, **attributes})
    frame = world.tick()
    image = images.get(timeout=TIMEOUT_S)
    assert image.frame == frame
    return image, pixels_of(image)


def pixels_of(image):
    return np.frombuffer(image.raw_data, np.uint8).reshape(image.height, image.width, 4)


def code(*normal):
    """Return the BGRA pixel of a unit normal (x, y, z of CARLA's world)."""
    red, green, blue = (np.array(normal) * 127.5 + 128.001).clip(0, 255).astype(int).tolist()
    return [blue, green, red, 255]


@pytest.mark.parametrize("roll", [0.0, 40.0])
@pytest.mark.parametrize(
    ("yaw", "normal"), [(0.0, (-1.0, 0.0, 0.0)), (90.0, (0.0, -1.0, 0.0)), (180.0, (1.0, 0.0, 0.0))]
)
def test_a_wall_ahead_looks_back_in_the_axes_of_the_world(world, listeners, yaw, normal, roll):
    blueprint = world.get_blueprint_library().find("static.prop.container")
    ahead = carla.Rotation(yaw=yaw).get_forward_vector() * 20.0
    place = carla.Location(ahead.x, ahead.y, 200.0)
    world.spawn_actor(blueprint, carla.Transform(place, carla.Rotation(yaw=yaw)))
    eye = carla.Transform(carla.Location(z=HEIGHT_M), carla.Rotation(yaw=yaw, roll=roll))
    image, pixels = take(world, listeners, eye)
    assert pixels[24, 32].tolist() == code(*normal)
    assert pixels[0, 0].tolist() == [128, 128, 128, 255]  # sky
    assert (image.width, image.height, image.fov) == (64, 48, pytest.approx(90.0))


def test_the_road_faces_up_for_a_camera_on_a_moving_car(world, ego, listeners):
    down = carla.Transform(carla.Location(x=2.8, z=1.2), carla.Rotation(pitch=-60.0, yaw=30.0))
    ego.enable_constant_velocity(carla.Vector3D(8.0, 0.0, 0.0))
    _, images = listeners.attach(NORMALS, ego, down, **SIZE)
    for _ in range(3):
        frame = world.tick()
        image = images.get(timeout=TIMEOUT_S)
        assert image.frame == frame
        assert pixels_of(image)[40, 32].tolist() == code(0.0, 0.0, 1.0)
    image.convert(carla.ColorConverter.Raw)
    assert image[40 * 64 + 32] == carla.Color(128, 128, 255, 255)

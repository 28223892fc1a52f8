"""The optical flow camera, values read through CARLA's own client, against the analytic flow of known motions."""

import math

import carla
import numpy as np
import pytest

from tests.contract.wire.conftest import STEP_S, TIMEOUT_S

FLOW = "sensor.camera.optical_flow"
SIZE = {"image_size_x": 64, "image_size_y": 48}
HEIGHT_M = 200.857
"""Height of the eye; the middle of a container that stands at 200 m."""
NEAR_FACE_M = 20.0 - 0.966
NARROW = {**SIZE, "fov": 10}
"""The container's wall of 1 m, 19 m away, fills a third of the width."""
SCALE = 1.0 / math.tan(math.radians(5.0))
"""Half widths of the narrow picture per metre, one metre away."""
AHEAD = carla.Transform(carla.Location(z=HEIGHT_M))


@pytest.fixture
def container(world):
    blueprint = world.get_blueprint_library().find("static.prop.container")
    return world.spawn_actor(blueprint, carla.Transform(carla.Location(20.0, 0.0, 200.0)))


def next_image(world, images):
    """Tick; return the image of that frame."""
    frame = world.tick()
    image = images.get(timeout=TIMEOUT_S)
    assert image.frame == frame
    return image


def flow_of(image):
    """Return (H, W, 2)."""
    return np.frombuffer(image.raw_data, np.float32).reshape(image.height, image.width, 2)


def test_nothing_moves_no_flow(world, ego, listeners):
    _, images = listeners.attach(FLOW, ego, carla.Transform(carla.Location(x=-6.0, z=3.0)), fov=100, **SIZE)
    for _ in range(3):
        image = next_image(world, images)
        assert (image.width, image.height, image.fov) == (64, 48, pytest.approx(100.0))
        assert (flow_of(image) == 0.0).all()


@pytest.mark.parametrize("shift", [(0.5, 0.0, 0.0), (0.0, 0.4, 0.0), (0.0, 0.0, 0.3), (-0.7, 0.3, -0.2)])
def test_a_wall_flows_as_the_moving_camera_makes_it(world, listeners, container, shift):
    sensor, images = listeners.attach(FLOW, transform=AHEAD, **NARROW)
    next_image(world, images)
    sensor.set_transform(carla.Transform(AHEAD.location + carla.Location(*shift)))
    image = next_image(world, images)
    forward, right, up = shift
    then_m, now_m = NEAR_FACE_M, NEAR_FACE_M - forward
    # Of the pixel right and below of the middle, whose middle is half a pixel off in either direction.
    x = y = 0.5 / 32.0 / SCALE
    then_x, then_y = (x * now_m + right) / then_m, (y * now_m - up) / then_m
    expected = (SCALE * (x - then_x), -SCALE * (y - then_y) * 64 / 48)
    assert flow_of(image)[24, 32] == pytest.approx(expected, abs=1e-5)
    # The client's own pixels, row by row, and its picture of them.
    pixel = image[24 * 64 + 32]
    assert (pixel.x, pixel.y) == pytest.approx(expected, abs=1e-5)
    assert len(image) == 64 * 48
    # Nothing moves any more.
    assert (flow_of(next_image(world, images)) == 0.0).all()


def test_the_clients_colours_tell_left_from_right(world, listeners, container):
    sensor, images = listeners.attach(FLOW, transform=AHEAD, **NARROW)
    next_image(world, images)
    hues = []
    for y in (0.4, 0.0):
        sensor.set_transform(carla.Transform(AHEAD.location + carla.Location(y=y)))
        picture = next_image(world, images).get_color_coded_flow()
        pixels = np.frombuffer(picture.raw_data, np.uint8).reshape(48, 64, 4)
        assert pixels[0, 0, :3].tolist() == [0, 0, 0]  # the sky does not move
        hues.append(pixels[24, 32, :3].astype(int))
    # The wall goes to the left, then to the right: red and cyan, as BGR.
    assert np.abs(np.array(hues) - ((0, 0, 255), (255, 255, 0))).max() <= 2


def test_the_road_flows_under_a_car_that_drives(world, ego, listeners):
    mount = carla.Transform(carla.Location(x=1.5, z=1.6))
    ego.enable_constant_velocity(carla.Vector3D(10.0, 0.0, 0.0))
    world.tick()
    _, images = listeners.attach(FLOW, ego, mount, **SIZE)
    assert (flow_of(next_image(world, images)) == 0.0).all()  # the first picture has nothing to compare with
    for _ in range(3):
        before = ego.get_location()
        flow = flow_of(next_image(world, images))
        step_m = ego.get_location().distance(before)
        assert step_m == pytest.approx(10.0 * STEP_S, rel=1e-2)
        rows, columns = np.mgrid[36:48, 20:44]
        x, y = (columns + 0.5 - 32.0) / 32.0, (rows + 0.5 - 24.0) / 32.0
        depth_m = 1.6 / y
        shrink = step_m / (depth_m + step_m)
        assert flow[36:48, 20:44, 0] == pytest.approx(x * shrink, abs=2e-3)
        assert flow[36:48, 20:44, 1] == pytest.approx(-y * shrink * 64 / 48, abs=2e-3)


def test_a_car_that_drives_by_flows_alone(world, ego, listeners):
    """Seen from above, where the picture's up is x: a car at 8 m/s along its own lane."""
    other = world.spawn_actor(
        world.get_blueprint_library().find("vehicle.audi.tt"), world.get_map().get_spawn_points()[1]
    )
    world.tick()
    above = carla.Transform(other.get_location() + carla.Location(z=60.0), carla.Rotation(pitch=-90.0))
    _, images = listeners.attach(FLOW, transform=above, **NARROW)
    _, segments = listeners.attach("sensor.camera.instance_segmentation", transform=above, **NARROW)
    other.enable_constant_velocity(carla.Vector3D(8.0, 0.0, 0.0))
    next_image(world, images)
    segments.get(timeout=TIMEOUT_S)
    before = other.get_location()
    flow = flow_of(next_image(world, images))
    ids = np.frombuffer(segments.get(timeout=TIMEOUT_S).raw_data, np.uint8).reshape(48, 64, 4)
    on_car = (ids[..., 1] == other.id & 255) & (ids[..., 0] == other.id >> 8 & 255)
    step = other.get_location() - before
    assert step.length() == pytest.approx(8.0 * STEP_S, rel=1e-2)
    assert on_car.sum() > 10
    assert (flow[~on_car] == 0.0).all()
    # Its surface is 58.6 m to 60 m below the camera.
    assert flow[on_car][:, 0] == pytest.approx(SCALE * step.y / 59.3, rel=0.02, abs=1e-4)
    assert flow[on_car][:, 1] == pytest.approx(SCALE * step.x / 59.3 * 64 / 48, rel=0.02, abs=1e-4)


def test_flow_covers_the_time_since_the_cameras_last_picture(world, listeners, container):
    every, images = listeners.attach(FLOW, transform=AHEAD, **NARROW)
    seldom, rare = listeners.attach(FLOW, transform=AHEAD, sensor_tick=2 * STEP_S, **NARROW)
    sums = []
    for number in range(5):
        for sensor in (every, seldom):
            sensor.set_transform(carla.Transform(AHEAD.location + carla.Location(y=0.1 * number)))
        sums.append(flow_of(next_image(world, images))[24, 32, 0])
        if number % 2 == 0:
            taken = flow_of(rare.get(timeout=TIMEOUT_S))[24, 32, 0]
            assert taken == pytest.approx(sum(sums[-2:]), abs=1e-5)
    assert sums == pytest.approx([0.0, *[-0.1 * SCALE / NEAR_FACE_M] * 4], abs=1e-5)


def test_after_a_pause_there_is_nothing_to_compare_with(world, ego, listeners):
    ego.enable_constant_velocity(carla.Vector3D(10.0, 0.0, 0.0))
    _, images = listeners.attach(FLOW, ego, carla.Transform(carla.Location(x=1.5, z=1.6)), **SIZE)
    next_image(world, images)
    assert np.abs(flow_of(next_image(world, images))).max() > 0.01
    for rendering_off in (True, False):
        settings = world.get_settings()
        settings.no_rendering_mode = rendering_off
        last = world.apply_settings(settings)
        for _ in range(3):
            last = world.tick()
    seen = {}
    while last not in seen:
        image = images.get(timeout=TIMEOUT_S)
        seen[image.frame] = np.abs(flow_of(image)).max()
    after = [largest for frame, largest in sorted(seen.items()) if frame > last - 4]
    assert 0.0 in after
    assert after[-1] > 0.01

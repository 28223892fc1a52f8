"""What holds for cameras of every kind: their rate, several at once, and the same bytes after `reload_world`."""

import queue

import carla
import pytest

from tests.contract.wire.conftest import STEP_S, TIMEOUT_S, Listeners

KINDS = ["rgb", "depth", "normals", "semantic_segmentation", "optical_flow", "dvs"]
SIZE = {"image_size_x": 48, "image_size_y": 36}
MORE = {"dvs": {"sigma_positive_threshold": 0.05, "refractory_period_ns": 1000}}
ROOF = carla.Transform(carla.Location(x=1.0, z=2.0), carla.Rotation(pitch=-5.0, yaw=10.0, roll=3.0))
TICKS = 6


def drive(world):
    """Return a car that leaves its spawn point at 10 m/s."""
    library = world.get_blueprint_library()
    car = world.spawn_actor(library.find("vehicle.tesla.model3"), world.get_map().get_spawn_points()[0])
    car.enable_constant_velocity(carla.Vector3D(10.0, 0.0, 0.0))
    return car


def until(frame, received):
    """Return the images up to that of ``frame``, in order."""
    images = [received.get(timeout=TIMEOUT_S)]
    while images[-1].frame < frame:
        images.append(received.get(timeout=TIMEOUT_S))
    return images


def record(world):
    """Drive with one camera of each kind; return {kind: [(ticks since the start, bytes)]}."""
    listeners = Listeners(world)
    car = drive(world)
    mounted = {
        kind: listeners.attach(f"sensor.camera.{kind}", car, ROOF, **SIZE, **MORE.get(kind, {}))[1] for kind in KINDS
    }
    first = world.tick()
    for _ in range(TICKS - 1):
        last = world.tick()
    seen = {
        kind: [(image.frame - first, bytes(image.raw_data)) for image in until(last, received)]
        for kind, received in mounted.items()
    }
    listeners.stop()
    return seen


def test_a_drive_is_seen_the_same_after_reload(client, world):
    before, again = (record(client.reload_world(reset_settings=False)) for _ in range(2))
    for kind in KINDS:
        assert [at for at, _ in before[kind]] == [at for at, _ in again[kind]], kind
        assert before[kind] == again[kind], kind
        assert len({image for _, image in before[kind]}) > 1, kind  # the drive is seen at all


@pytest.mark.parametrize("kind", KINDS)
def test_sensor_tick_sets_the_rate(world, listeners, kind):
    car = drive(world)
    _, rare = listeners.attach(f"sensor.camera.{kind}", car, ROOF, sensor_tick=3 * STEP_S, **SIZE)
    first = world.tick()
    for _ in range(6):
        last = world.tick()
    frames = [image.frame - first for image in until(last, rare)]
    assert frames == ([3, 6] if kind == "dvs" else [0, 3, 6])  # the first picture has no events
    with pytest.raises(queue.Empty):
        rare.get_nowait()

"""Cameras on spring arms, as scripts with a chase camera attach them."""

import math

import carla
import pytest

from tests.contract.wire.conftest import STEP_S

BEHIND = carla.Location(-5.0, 0.0, 2.5)
DOWN_DEG = math.degrees(math.atan2(2.5, 5.0))


@pytest.fixture
def hang(world, ego):
    """Return what hangs a camera onto the ego."""

    def hang(attachment, location, **rotation):
        blueprint = world.get_blueprint_library().find("sensor.camera.rgb")
        place = carla.Transform(location, carla.Rotation(**rotation))
        camera = world.spawn_actor(blueprint, place, ego, attachment)
        world.tick()
        return camera

    return hang


def behind(ego, location):
    """Return a place in the ego's axes in the map's. The client changes what it is given: it gets a copy."""
    return ego.get_transform().transform(carla.Location(location.x, location.y, location.z))


def test_at_rest_a_camera_looks_along_the_arm_turned_by_its_own_rotation(ego, hang):
    camera = hang(carla.AttachmentType.SpringArmGhost, BEHIND, pitch=8.0, yaw=3.0)
    assert camera.get_location().distance(behind(ego, BEHIND)) < 1e-3
    rotation = camera.get_transform().rotation
    level = hang(carla.AttachmentType.SpringArmGhost, BEHIND).get_transform().rotation
    assert level.pitch == pytest.approx(-DOWN_DEG, abs=0.01)
    assert math.cos(math.radians(level.yaw - ego.get_transform().rotation.yaw)) == pytest.approx(1.0, abs=1e-6)
    assert rotation.pitch == pytest.approx(8.0 - DOWN_DEG, abs=0.1)


def test_a_camera_on_a_rigid_mount_keeps_its_own_rotation(ego, hang):
    camera = hang(carla.AttachmentType.Rigid, BEHIND, pitch=8.0)
    assert camera.get_transform().rotation.pitch == pytest.approx(8.0, abs=0.01)


def test_the_heading_lags_behind_a_turn_and_the_length_stays(world, ego, hang):
    camera = hang(carla.AttachmentType.SpringArmGhost, BEHIND)
    pose = ego.get_transform()
    pose.rotation.yaw += 40.0
    ego.set_transform(pose)
    left = []
    for _ in range(30):
        world.tick()
        difference = math.radians(pose.rotation.yaw - camera.get_transform().rotation.yaw)
        left.append(math.degrees(math.atan2(math.sin(difference), math.cos(difference))))
        assert camera.get_location().distance(ego.get_location()) == pytest.approx(math.hypot(5.0, 2.5), abs=1e-3)
    # Unreal makes up for 8/60 of the difference in each of three parts of a step; the goal moves there evenly, too.
    lag = 40.0
    part = 8.0 / 60.0
    for number in (1, 2, 3):
        lag -= part * (lag - 40.0 + 40.0 * number / 3.0)
    assert left[0] == pytest.approx(lag, abs=0.05)
    assert left == sorted(left, reverse=True)
    assert left[-1] < 1.0
    assert pytest.approx(3.0 / 60.0) == STEP_S


def test_only_a_ghost_passes_through_what_is_in_the_way(world, ego, hang):
    far = carla.Location(-8.0, 0.0, 2.0)
    pose = ego.get_transform()
    pose.location = behind(ego, carla.Location(-5.5, 0.0, 0.0))
    free = hang(carla.AttachmentType.SpringArm, far)
    assert free.get_location().distance(behind(ego, far)) == pytest.approx(0.3, abs=1e-3)  # the raised arm
    other = world.spawn_actor(world.get_blueprint_library().find("vehicle.tesla.model3"), pose)
    ghost = hang(carla.AttachmentType.SpringArmGhost, far)
    assert ghost.get_location().distance(behind(ego, far)) < 1e-3
    gap = other.get_location().distance(ego.get_location()) - other.bounding_box.extent.x
    reach = free.get_location().distance(ego.get_location())
    assert reach < gap + 0.5
    other.destroy()
    world.tick()
    assert free.get_location().distance(behind(ego, far)) == pytest.approx(0.3, abs=1e-3)


def test_an_arm_stays_above_the_ground(hang):
    camera = hang(carla.AttachmentType.SpringArm, carla.Location(-5.0, 0.0, -1.0))
    assert camera.get_location().z == pytest.approx(0.12, abs=1e-3)


def test_a_moved_camera_hangs_where_it_was_put(world, ego, hang):
    camera = hang(carla.AttachmentType.SpringArmGhost, BEHIND)
    there = carla.Location(-3.0, 1.0, 1.0)
    camera.set_transform(carla.Transform(there))
    for _ in range(60):
        world.tick()
    assert camera.get_location().distance(behind(ego, there)) < 0.01


def test_a_batch_hangs_cameras_too(client, world, ego):
    blueprint = world.get_blueprint_library().find("sensor.camera.rgb")
    place = carla.Transform(BEHIND, carla.Rotation(pitch=8.0))
    spawn = carla.command.SpawnActor(blueprint, place, ego, carla.AttachmentType.SpringArmGhost, "")
    (answer,) = client.apply_batch_sync([spawn], True)
    camera = world.get_actor(answer.actor_id)
    assert camera.get_transform().rotation.pitch == pytest.approx(8.0 - DOWN_DEG, abs=0.1)
    there = camera.get_location()
    ego.destroy()
    world.tick()
    world.tick()
    assert camera.get_location().distance(there) < 1e-6

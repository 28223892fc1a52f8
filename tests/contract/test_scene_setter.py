"""Setting a scene beside another bridge: a raw client plays the bridge that owns vehicle, settings and ticks."""

import json
import math
import subprocess
import sys
import time
from dataclasses import replace

import carla
import pytest

from waypilot.scenarios import load_suite
from waypilot.types import ActorKind
from waypilot_carla.connection import Endpoint
from waypilot_carla.errors import SetupError
from waypilot_carla.scene import SceneSetter

SCENARIO = load_suite("standard")[0]


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    ready = tmp_path_factory.mktemp("scene") / "ready.json"
    command = [sys.executable, "-m", "carla_lite", "--map", SCENARIO.map, "--port", "0", "--ready-file", str(ready)]
    process = subprocess.Popen(command)
    deadline = time.monotonic() + 240
    while not ready.exists() and time.monotonic() < deadline:
        assert process.poll() is None
        time.sleep(0.1)
    yield json.loads(ready.read_text())
    process.terminate()
    process.wait(60)


@pytest.fixture
def world(server):
    client = carla.Client("127.0.0.1", server["port"])
    client.set_timeout(20.0)
    world = client.get_world()
    settings = world.get_settings()
    settings.synchronous_mode, settings.fixed_delta_seconds = True, 0.05
    world.apply_settings(settings)
    yield world
    client.apply_batch_sync([carla.command.DestroyActor(actor.id) for actor in world.get_actors().filter("vehicle.*")])


@pytest.fixture
def setter(server):
    return SceneSetter(Endpoint("127.0.0.1", server["port"]), "ego_vehicle")


def spawn_ego(world):
    blueprint = world.get_blueprint_library().find("vehicle.tesla.model3")
    blueprint.set_attribute("role_name", "ego_vehicle")
    return world.spawn_actor(blueprint, world.get_map().get_spawn_points()[-1])


def test_the_vehicle_is_put_at_the_start_and_the_world_is_left_as_it_is(world, setter):
    vehicle = spawn_ego(world)
    world.tick()
    route = setter.prepare(SCENARIO, seed=0)
    for _ in range(5):
        world.tick()
    place = vehicle.get_transform()
    assert math.dist((place.location.x, -place.location.y), (SCENARIO.start_pose.x_m, SCENARIO.start_pose.y_m)) < 0.3
    assert math.dist(route.points_m[-1], SCENARIO.goal_m) < 3.0
    assert world.get_settings().synchronous_mode
    assert setter.actor_kind(vehicle.id) is ActorKind.VEHICLE
    assert setter.actor_kind(0) is ActorKind.STATIC


def test_without_the_vehicle_it_says_who_has_to_spawn_it(world, setter):
    with pytest.raises(SetupError, match="no vehicle with role name 'ego_vehicle': spawn it"):
        setter.prepare(SCENARIO, seed=0)


def test_it_refuses_to_change_the_map(world, setter):
    spawn_ego(world)
    with pytest.raises(SetupError, match="the scenario needs Lite02"):
        setter.prepare(replace(SCENARIO, map="Lite02"), seed=0)

"""Walkers steered by the genuine client's own navigation, over the mesh that the server makes."""

import math

import carla
import pytest

WALKERS = 6


@pytest.fixture
def town(world):
    """A fresh, synchronous Lite01 whose pedestrians always draw the same."""
    world.set_pedestrians_seed(5)
    return world


def place_of(location):
    return location.x, location.y, location.z


def spawn_walkers(world):
    library = world.get_blueprint_library()
    blueprints = library.filter("walker.pedestrian.*")
    walkers = []
    while len(walkers) < WALKERS:
        place = carla.Transform(world.get_random_location_from_navigation())
        walker = world.try_spawn_actor(blueprints[len(walkers)], place)
        walkers += [walker] if walker else []
    world.tick()
    controller = library.find("controller.ai.walker")
    controllers = [world.spawn_actor(controller, carla.Transform(), attach_to=walker) for walker in walkers]
    world.tick()
    return walkers, controllers


def test_the_client_draws_places_on_pavements(town):
    road_map = town.get_map()
    for _ in range(20):
        location = town.get_random_location_from_navigation()
        lane = road_map.get_waypoint(location, lane_type=carla.LaneType.Sidewalk)
        away_m = math.hypot(location.x - lane.transform.location.x, location.y - lane.transform.location.y)
        assert away_m < 0.5 * lane.lane_width + 1.0


def test_walkers_walk_where_their_controllers_send_them(town):
    walkers, controllers = spawn_walkers(town)
    for controller in controllers:
        controller.start()
        controller.go_to_location(town.get_random_location_from_navigation())
        controller.set_max_speed(1.5)
    town.tick()
    begin = [place_of(walker.get_location()) for walker in walkers]
    for _ in range(100):
        town.tick()
    for walker, before in zip(walkers, begin, strict=True):
        x, y, z = place_of(walker.get_location())
        assert math.hypot(x - before[0], y - before[1]) > 2.0
        assert z == pytest.approx(walker.bounding_box.extent.z, abs=0.25)
        velocity, facing = walker.get_velocity(), walker.get_transform().get_forward_vector()
        assert velocity.x * facing.x + velocity.y * facing.y == pytest.approx(velocity.length(), abs=1e-3)
    assert max(walker.get_velocity().length() for walker in walkers) == pytest.approx(1.5, abs=0.3)
    for controller in controllers:
        controller.stop()
    for _ in range(3):
        town.tick()
    assert max(walker.get_velocity().length() for walker in walkers) == 0.0


def test_the_mesh_is_the_required_file(raw):
    _, [[_, (name,)]] = raw.call("get_required_files", "Nav")
    _, [[_, content]] = raw.call("request_file", name)
    assert content[:4] == b"TESM"
    assert raw.call("get_navigation_mesh")[1] == [[1, content]]


def test_a_file_that_is_not_required_is_refused(raw):
    _, result = raw.call("request_file", "../../etc/passwd")
    assert result == [[0, ["there is no file '../../etc/passwd'; get_required_files names those of the present map"]]]


def test_a_map_without_pavements_has_no_places_for_pedestrians(client):
    world = client.load_world("Lite06")
    assert world.get_random_location_from_navigation() is None

"""The ring road and the country road, driven by the genuine Traffic Manager."""

import socket

import pytest

from tests.contract.wire.conftest import make_synchronous


@pytest.mark.parametrize("name", ["Lite05", "Lite06"])
def test_the_traffic_manager_keeps_to_the_road(client, name):
    world = client.load_world(name)
    make_synchronous(world)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    manager = client.get_trafficmanager(port)
    manager.set_synchronous_mode(True)
    manager.set_random_device_seed(3)
    manager.global_percentage_speed_difference(0.0)
    town = world.get_map()
    car_type = world.get_blueprint_library().find("vehicle.tesla.model3")
    cars = [world.try_spawn_actor(car_type, point) for point in town.get_spawn_points()[::20]]
    assert len(cars) >= 10
    for car in cars:
        car.set_autopilot(True, port)
    off_road, travelled_m, limits = 0, 0.0, set()
    for _ in range(600):
        world.tick()
        for car in cars:
            off_road += town.get_waypoint(car.get_location(), project_to_road=False) is None
            travelled_m += 0.05 * car.get_velocity().length()
            limits.add(car.get_speed_limit())
    manager.set_synchronous_mode(False)
    manager.shut_down()
    assert off_road == 0
    assert travelled_m / len(cars) > 100.0
    assert len(limits) == 3

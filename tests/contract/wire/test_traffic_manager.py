"""The genuine Traffic Manager, which runs inside the client, drives cars of this server."""

import socket
import time

import carla
import pytest

from tests.contract.wire.conftest import TIMEOUT_S


@pytest.fixture
def traffic_manager(client, world):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    manager = client.get_trafficmanager(port)
    manager.set_synchronous_mode(True)
    manager.set_random_device_seed(3)
    yield manager
    manager.set_synchronous_mode(False)
    manager.shut_down()


def test_it_drives_three_cars_along_their_lanes(client, world, traffic_manager):
    library, town_map = world.get_blueprint_library(), world.get_map()
    autopilot = carla.command.SetAutopilot(carla.command.FutureActor, True, traffic_manager.get_port())
    responses = client.apply_batch_sync(
        [
            carla.command.SpawnActor(library.find("vehicle.tesla.model3"), point).then(autopilot)
            for point in town_map.get_spawn_points()[::30][:3]
        ],
        True,
    )
    assert [response.error for response in responses] == [""] * 3
    cars = world.get_actors([response.actor_id for response in responses])
    travelled_m = dict.fromkeys((car.id for car in cars), 0.0)
    off_road = 0
    for _ in range(300):
        before = {car.id: car.get_location() for car in cars}
        world.tick()
        for car in cars:
            place = car.get_location()
            travelled_m[car.id] += place.distance(before[car.id])
            off_road += town_map.get_waypoint(place, project_to_road=False) is None
    assert min(travelled_m.values()) > 40.0
    assert off_road == 0
    client.apply_batch_sync([carla.command.DestroyActor(car) for car in cars], True)


def test_switching_the_autopilot_on_in_a_batch_never_hangs(client, world, traffic_manager):
    library, points = world.get_blueprint_library(), world.get_map().get_spawn_points()
    autopilot = carla.command.SetAutopilot(carla.command.FutureActor, True, traffic_manager.get_port())
    for round_number in range(15):
        spawn = carla.command.SpawnActor(library.find("vehicle.audi.tt"), points[round_number]).then(autopilot)
        (response,) = client.apply_batch_sync([spawn], True)
        assert response.error == ""
        world.tick()
        client.apply_batch_sync([carla.command.DestroyActor(response.actor_id)], True)


def test_one_that_does_not_take_its_step_is_woken_and_stays_in_lock_step(raw, client, world, ego, traffic_manager):
    ego.set_autopilot(True, traffic_manager.get_port())
    for _ in range(20):
        world.tick()
    assert ego.get_control().brake == 0.0
    raw.call("apply_control_to_vehicle", ego.id, [0.0, 0.0, 1.0, False, False, False, 0])
    raw.call("tick_cue")  # nobody tells the Traffic Manager, as when it has lost its wake-up
    deadline_s = time.monotonic() + TIMEOUT_S
    while ego.get_telemetry_data().brake != 0.0:
        assert time.monotonic() < deadline_s, "the Traffic Manager has not taken its step"
    calls = [world.tick() for _ in range(40)]
    assert calls == list(range(calls[0], calls[0] + 40))
    assert ego.get_velocity().length() > 1.0


def test_a_traffic_manager_whose_client_was_killed_is_forgotten(raw):
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        port = listening.getsockname()[1]
        assert raw.call("add_traffic_manager_running", ["127.0.0.1", port]) == (None, [[1, True]])
        assert raw.call("is_traffic_manager_running", port) == (None, [[1, True]])
        assert raw.call("get_traffic_manager_running", port) == (None, [[1, ["127.0.0.1", port]]])
    assert raw.call("is_traffic_manager_running", port) == (None, [[1, False]])
    assert raw.call("get_traffic_manager_running", port)[1][0][0] == 0


def test_a_town_without_traffic_lights_says_so(raw, world):
    assert len(world.get_actors().filter("traffic.*")) == 0
    _, result = raw.call("get_group_traffic_lights", world.get_spectator().id)
    assert "expected a traffic light" in result[0][1][0]
    world.reset_all_traffic_lights()
    world.freeze_all_traffic_lights(True)

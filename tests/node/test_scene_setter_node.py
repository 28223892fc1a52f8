"""The scene setter beside another bridge, which is played by the test: it spawns the vehicle and ticks."""

import json
import signal
import threading
from dataclasses import replace

import carla
import pytest
from carla_msgs.msg import CarlaCollisionEvent
from nav_msgs.msg import Path
from std_srvs.srv import Trigger
from waypilot_msgs.msg import CollisionEvent
from waypilot_msgs.srv import PrepareScenario, StartScenario, StopScenario
from waypilot_ros import qos
from waypilot_ros.conversions import route_from_msg, stamp_to_msg
from waypilot_ros.diagnostics import PROCESS_KEY

from carla_lite.wire.process import ServerProcess
from waypilot.config import config_to_dict
from waypilot.scenarios import load_suite

SCENARIO = next(scenario for scenario in load_suite("standard") if scenario.name == "straight_night")


@pytest.fixture(scope="module")
def world():
    """A simulator that another client ticks all the time."""
    with ServerProcess(map="Lite01") as server:
        client = carla.Client(server.host, server.port)
        client.set_timeout(60.0)
        world = client.get_world()
        settings = world.get_settings()
        settings.synchronous_mode, settings.fixed_delta_seconds = True, 0.05
        world.apply_settings(settings)
        done = threading.Event()

        def tick():
            while not done.wait(0.02):
                world.tick()

        ticker = threading.Thread(target=tick)
        ticker.start()
        world.port = server.port
        yield world
        done.set()
        ticker.join()


@pytest.fixture
def vehicle(world):
    blueprint = world.get_blueprint_library().find("vehicle.tesla.model3")
    blueprint.set_attribute("role_name", "ego_vehicle")
    vehicle = world.spawn_actor(blueprint, world.get_map().get_spawn_points()[5])
    yield vehicle
    vehicle.destroy()


@pytest.fixture
def setter(start_node, peer, world):
    node = start_node("scene_setter", {"port": world.port})
    peer.call_until_success(Trigger, "carla_bridge/server_version", Trigger.Request())
    return node


def request_of(scenario):
    return PrepareScenario.Request(scenario_json=json.dumps(config_to_dict(scenario)), seed=0)


def prepare(peer, scenario):
    return peer.call(PrepareScenario, "carla_bridge/prepare", request_of(scenario))


def prepare_until_success(peer, scenario):
    """The node's own client may not have seen yet that the vehicle was spawned."""
    return peer.call_until_success(PrepareScenario, "carla_bridge/prepare", request_of(scenario))


def test_it_sets_weather_puts_the_vehicle_at_its_start_and_plans(setter, peer, world, vehicle):
    peer.listen(Path, "/carla/ego_vehicle/waypoints", qos.LATCHED_LAST)
    response = prepare_until_success(peer, SCENARIO)
    assert response.free_running
    route, start = route_from_msg(response.route), SCENARIO.start_pose
    assert route.points_m[-1] == pytest.approx(SCENARIO.goal_m, abs=1.5)
    assert len(peer.wait_for("/carla/ego_vehicle/waypoints")[0].poses) == len(route.points_m)
    wanted = carla.Location(start.x_m, -start.y_m)
    peer.wait("the vehicle at its start", lambda: vehicle.get_location().distance_2d(wanted) < 0.1)
    assert world.get_weather().sun_altitude_angle == pytest.approx(SCENARIO.weather.sun_altitude_angle)
    assert setter.stop(signal.SIGTERM) == 0


def test_collisions_get_the_kind_of_the_other_actor_and_are_promised(setter, peer, vehicle):
    peer.offer(CarlaCollisionEvent, "/carla/ego_vehicle/collision")
    peer.listen(CollisionEvent, "/waypilot/ego_vehicle/collision")
    prepare_until_success(peer, SCENARIO)
    peer.call_until_success(StartScenario, "carla_bridge/start", StartScenario.Request())
    for number, other in enumerate((vehicle.id, 0), start=1):
        message = CarlaCollisionEvent(other_actor_id=other)
        message.header.stamp = stamp_to_msg(number * 10**9)
        message.normal_impulse.y = 3.0
        peer.send("/carla/ego_vehicle/collision", message)
    vehicle_hit, wall_hit = peer.wait_for("/waypilot/ego_vehicle/collision", 2)
    assert (vehicle_hit.other_kind, wall_hit.other_kind) == (CollisionEvent.VEHICLE, CollisionEvent.STATIC)
    assert vehicle_hit.impulse.y == -3.0
    stop = peer.call(StopScenario, "carla_bridge/stop", StopScenario.Request(end_stamp_ns=10**9))
    assert (stop.success, stop.counts.collisions) == (True, 1)


def test_it_reports_to_the_evaluator_which_ends_drives_of_silent_nodes(setter, peer):
    peer.wait("two reports", lambda: len(peer.received["/diagnostics"]) >= 2)
    reports = [status for array in peer.received["/diagnostics"] for status in array.status]
    processes = {entry.value for report in reports for entry in report.values if entry.key == PROCESS_KEY}
    assert {report.name for report in reports} == {"carla_bridge"}
    assert len(processes) == 1


def test_another_map_and_a_missing_vehicle_are_refused_and_it_goes_on(setter, peer):
    response = prepare(peer, replace(SCENARIO, map="Lite02"))
    assert not response.success
    assert "runs map Lite01, the scenario needs Lite02" in response.message
    response = prepare(peer, SCENARIO)
    assert not response.success
    assert "no vehicle with role name 'ego_vehicle'" in response.message


def test_without_a_simulator_it_says_so_and_ends_with_code_1(start_node):
    node = start_node("scene_setter", {"port": 1, "connect_timeout_s": 0.5})
    assert node.wait_for_exit() == 1
    assert "no simulator at 127.0.0.1:1" in node.log


def test_a_signal_ends_the_wait_for_a_simulator(start_node, peer):
    node = start_node("scene_setter", {"port": 1})
    peer.wait("the node to appear", lambda: "carla_bridge" in peer.node.get_node_names())
    assert node.stop(signal.SIGTERM) == 0
    assert "stopped before the simulator was there" in node.log

"""The bridge with the genuine client: a signal ends it soon, whatever state the simulator is in."""

import json
import os
import signal
import socket
import time

import pytest
from carla_msgs.msg import CarlaEgoVehicleControl
from nav_msgs.msg import Odometry
from std_srvs.srv import Trigger
from waypilot_msgs.srv import PrepareScenario, StartScenario

from carla_lite.wire.process import ServerProcess
from waypilot.config import config_to_dict
from waypilot.scenarios import load_suite

END_S = 30.0  # a node that hangs ends by itself in 4.5 s


@pytest.fixture
def simulator():
    with ServerProcess(map="Lite01") as server:
        yield server


@pytest.fixture
def bridge(start_node, peer):
    def start(port):
        peer.listen(Odometry, "/carla/ego_vehicle/odometry")
        peer.offer(CarlaEgoVehicleControl, "/carla/ego_vehicle/vehicle_control_cmd")
        return start_node("carla_bridge", {"port": port, "deadline_s": 0.05})

    return start


def connect(peer):
    peer.call_until_success(Trigger, "carla_bridge/server_version", Trigger.Request())


def drive(peer):
    scenario = load_suite("standard")[0]
    request = PrepareScenario.Request(scenario_json=json.dumps(config_to_dict(scenario)), seed=0)
    peer.call_until_success(PrepareScenario, "carla_bridge/prepare", request)
    peer.call_until_success(StartScenario, "carla_bridge/start", StartScenario.Request())
    peer.wait_for("/carla/ego_vehicle/odometry", 3)


def end(node, number):
    begun_s = time.monotonic()
    code = node.stop(number)
    assert time.monotonic() - begun_s < END_S
    return code


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("harm", [signal.SIGSTOP, signal.SIGKILL])
def test_while_driving_with_a_simulator_that_went_silent(bridge, peer, simulator, harm, number):
    node = bridge(simulator.port)
    connect(peer)
    drive(peer)
    os.kill(simulator.pid, harm)
    peer.pause(0.3)
    assert end(node, number) == 1
    os.kill(simulator.pid, signal.SIGCONT)


def test_while_idle_with_a_simulator_that_went_silent(bridge, peer, simulator):
    node = bridge(simulator.port)
    connect(peer)
    os.kill(simulator.pid, signal.SIGSTOP)
    peer.pause(0.3)
    end(node, signal.SIGTERM)
    os.kill(simulator.pid, signal.SIGCONT)


def test_while_connecting_to_something_that_never_answers(bridge, peer):
    with socket.create_server(("127.0.0.1", 0)) as mute:
        node = bridge(mute.getsockname()[1])
        answer = peer.call(Trigger, "carla_bridge/server_version", Trigger.Request())
        assert not answer.success
        assert "not connected to 127.0.0.1" in answer.message
        end(node, signal.SIGTERM)


def test_with_a_healthy_simulator_it_ends_clean_and_gives_it_back(bridge, peer, simulator):
    import carla

    node = bridge(simulator.port)
    connect(peer)
    drive(peer)
    assert end(node, signal.SIGINT) == 0
    world = carla.Client(simulator.host, simulator.port).get_world()
    assert not world.get_settings().synchronous_mode
    assert not world.get_actors().filter("vehicle.*")

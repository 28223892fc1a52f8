"""The bridge node on a kinematic session: the upstream bridge's topics, lock step, and what happens at the end."""

import json
import signal
from dataclasses import replace

import pytest
from carla_msgs.msg import (
    CarlaCollisionEvent,
    CarlaEgoVehicleControl,
    CarlaEgoVehicleInfo,
    CarlaEgoVehicleStatus,
    CarlaLaneInvasionEvent,
    CarlaStatus,
    CarlaWorldInfo,
)
from nav_msgs.msg import Odometry, Path
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, Image, Imu, NavSatFix
from std_msgs.msg import Float32
from waypilot_msgs.msg import CollisionEvent, ScenarioStatus, SceneInfo, Surroundings
from waypilot_msgs.srv import PrepareScenario, StartScenario, StopScenario
from waypilot_ros import qos
from waypilot_ros.conversions import control_to_msg, stamp_from_msg

from waypilot.config import config_to_dict
from waypilot.types import Control

FIRST_STAMP_NS = 20_700_000_000
TICK_NS = 50_000_000
CONTROL_TOPIC = "/carla/ego_vehicle/vehicle_control_cmd"
EACH_FRAME = {
    "/carla/ego_vehicle/odometry": Odometry,
    "/carla/ego_vehicle/vehicle_status": CarlaEgoVehicleStatus,
    "/carla/ego_vehicle/imu": Imu,
    "/carla/ego_vehicle/gnss": NavSatFix,
    "/carla/ego_vehicle/front/camera_info": CameraInfo,
    "/carla/ego_vehicle/front/image": Image,
    "/waypilot/ego_vehicle/surroundings": Surroundings,
}


@pytest.fixture
def bridge(start_node, peer):
    """Start the bridge with a test that listens to everything and answers each frame with a control."""

    def start(lost_after=None, **parameters):
        for topic, kind in EACH_FRAME.items():
            peer.listen(kind, topic)
        peer.listen(Clock, "/clock")
        peer.listen(CarlaStatus, "/carla/status")
        peer.listen(Float32, "/carla/ego_vehicle/speedometer")
        peer.listen(CarlaCollisionEvent, "/carla/ego_vehicle/collision")
        peer.listen(CollisionEvent, "/waypilot/ego_vehicle/collision")
        peer.listen(CarlaLaneInvasionEvent, "/carla/ego_vehicle/lane_invasion")
        peer.listen(ScenarioStatus, "/waypilot/scenario_status")
        peer.offer(CarlaEgoVehicleControl, CONTROL_TOPIC)

        def answer(message):
            control = control_to_msg(Control(throttle=0.5), stamp_from_msg(message.header.stamp))
            peer.send(CONTROL_TOPIC, control)

        peer.node.create_subscription(Odometry, "/carla/ego_vehicle/odometry", answer, qos.FRAME)
        arguments = ["--lost-after", str(lost_after)] if lost_after is not None else []
        return start_node("carla_bridge", parameters, script="fake_bridge.py", script_arguments=arguments)

    return start


def prepare(peer, scenario):
    request = PrepareScenario.Request(scenario_json=json.dumps(config_to_dict(scenario)), seed=1)
    return peer.call(PrepareScenario, "carla_bridge/prepare", request)


def drive(peer, scenario, frames):
    assert prepare(peer, scenario).success
    peer.wait_until_heard("carla_bridge")
    peer.call_until_success(StartScenario, "carla_bridge/start", StartScenario.Request())
    peer.wait_for("/carla/ego_vehicle/front/image", frames)


def test_a_drive_in_lock_step(bridge, peer, straight_scenario):
    node = bridge()
    drive(peer, straight_scenario, 12)
    end_ns = FIRST_STAMP_NS + 10 * TICK_NS
    response = peer.call(StopScenario, "carla_bridge/stop", StopScenario.Request(end_stamp_ns=end_ns))
    assert response.success, response.message
    counts = response.counts
    assert (counts.frames, counts.missed_deadlines, counts.lock_step) == (11, 0, True)
    assert (counts.collisions, counts.lane_invasions, counts.surroundings) == (2, 1, 11)
    peer.wait_for("/waypilot/ego_vehicle/collision", 2)

    for topic in EACH_FRAME:
        stamps = [stamp_from_msg(message.header.stamp) for message in peer.wait_for(topic, 12)]
        assert stamps[:12] == [FIRST_STAMP_NS + i * TICK_NS for i in range(12)], topic
    assert stamp_from_msg(peer.received["/clock"][0].clock) == FIRST_STAMP_NS
    odometry = peer.received["/carla/ego_vehicle/odometry"]
    assert (odometry[0].header.frame_id, odometry[0].child_frame_id) == ("map", "ego_vehicle")
    # throttle 0.5 means 3 m/s^2 in the kinematic session, from the second frame on
    assert odometry[4].twist.twist.linear.x == pytest.approx(4 * 0.15)
    image = peer.received["/carla/ego_vehicle/front/image"][2]
    assert (image.header.frame_id, image.encoding, bytes(image.data[:4])) == (
        "ego_vehicle/front",
        "bgra8",
        bytes([10, 20, 3, 255]),
    )
    status = peer.received["/carla/ego_vehicle/vehicle_status"][3]
    assert status.header.frame_id == "map"
    assert status.control.throttle == 0.5
    assert peer.received["/carla/ego_vehicle/speedometer"][4].data == pytest.approx(0.6)
    simulator = peer.received["/carla/status"][0]
    assert (simulator.frame, simulator.synchronous_mode) == (1, True)
    assert simulator.fixed_delta_seconds == pytest.approx(0.05)
    assert node.stop() == 0


def test_what_is_said_once_reaches_those_who_come_later(bridge, peer, straight_scenario):
    node = bridge()
    response = prepare(peer, straight_scenario)
    route = response.route
    for kind, topic, profile in (
        (CarlaWorldInfo, "/carla/world_info", qos.LATCHED),
        (CarlaEgoVehicleInfo, "/carla/ego_vehicle/vehicle_info", qos.LATCHED),
        (Path, "/carla/ego_vehicle/waypoints", qos.LATCHED_LAST),
        (SceneInfo, "/waypilot/ego_vehicle/scene", qos.LATCHED_LAST),
    ):
        peer.listen(kind, topic, profile)
    assert peer.wait_for("/carla/world_info")[0].map_name == "Straight"
    info = peer.wait_for("/carla/ego_vehicle/vehicle_info")[0]
    assert (info.rolename, info.mass, info.wheels[0].radius) == ("ego_vehicle", 1845.0, pytest.approx(0.35))
    waypoints = peer.wait_for("/carla/ego_vehicle/waypoints")[0]
    assert waypoints.header.frame_id == "map"
    assert waypoints.poses == route.path.poses
    scene = peer.wait_for("/waypilot/ego_vehicle/scene")[0]
    assert response.scene_known
    assert scene.stop_lines == response.scene.stop_lines
    assert [line.signal_id for line in scene.stop_lines] == [3]
    assert len(waypoints.poses) == 61
    assert node.stop(signal.SIGINT) == 0


def test_without_a_driver_it_does_not_start(start_node, peer, straight_scenario):
    node = start_node("carla_bridge", {}, script="fake_bridge.py")
    assert prepare(peer, straight_scenario).success
    response = peer.call(StartScenario, "carla_bridge/start", StartScenario.Request())
    assert not response.success
    assert f"nobody writes {CONTROL_TOPIC}" in response.message
    assert node.stop() == 0


def test_a_scenario_that_cannot_be_set_up_is_refused_and_the_next_one_driven(bridge, peer, straight_scenario):
    bridge()
    response = prepare(peer, replace(straight_scenario, map="Missing"))
    assert not response.success
    assert response.message == "no map 'Missing', the simulator has: Straight"
    drive(peer, straight_scenario, 3)


def test_after_a_crash_no_drive_is_ready_before_everybody_has_all_of_the_last_one(
    bridge, peer, start_node, straight_scenario
):
    """A node that was cut off would get the rest of the last drive in the middle of the next one."""
    bridge()
    drive(peer, straight_scenario, 3)
    topic = "/carla/ego_vehicle/odometry"
    reader = start_node("reader", script="reader.py", script_arguments=[topic]).process
    peer.wait_until_heard("carla_bridge", "/reader", (topic,))
    reader.send_signal(signal.SIGSTOP)
    peer.wait_for(topic, len(peer.received[topic]) + 2)
    client = peer.node.create_client(PrepareScenario, "carla_bridge/prepare")
    peer.wait("the service", client.service_is_ready)
    peer.pause(0.2)
    scenario_json = json.dumps(config_to_dict(straight_scenario))
    answer = peer.ask(client, PrepareScenario.Request(scenario_json=scenario_json, seed=1, after_crash=True))
    peer.pause(5.0)  # Fast DDS asks a reader again after 3 s
    assert answer() is None
    reader.send_signal(signal.SIGCONT)
    peer.wait("the answer", answer)
    assert answer().success, answer().message


def test_malformed_controls_are_counted_and_cost_the_deadline(bridge, peer, straight_scenario):
    bridge(deadline_s=0.2, misses_until_brake=2)
    drive(peer, straight_scenario, 2)
    peer.send(CONTROL_TOPIC, CarlaEgoVehicleControl(throttle=7.0))
    peer.wait("the report", lambda: peer.problems("carla_bridge").get("malformed control") == "1")


def test_a_lost_simulator_is_reported_and_ends_the_node(bridge, peer, straight_scenario):
    node = bridge(lost_after=5)
    drive(peer, straight_scenario, 4)
    (status,) = peer.wait_for("/waypilot/scenario_status")
    assert status.state == ScenarioStatus.CRASHED
    assert (status.source, status.scenario) == ("carla_bridge", "straight")
    assert status.reason == "SimulatorLost: no answer to the tick within 5 s"
    assert node.wait_for_exit() == 1


def test_a_signal_while_driving_is_a_clean_end(bridge, peer, straight_scenario):
    node = bridge()
    drive(peer, straight_scenario, 5)
    assert node.stop() == 0
    assert "Traceback" not in node.log

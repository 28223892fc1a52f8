"""Launch files, parameter files and the nodes that only they start."""

import functools
import importlib.util
import math
from dataclasses import asdict
from pathlib import Path

import pytest
import yaml
from geometry_msgs.msg import PoseStamped
from nav_msgs.msg import Path as PathMessage
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.task import Future
from waypilot_msgs.msg import RoadUser, Surroundings
from waypilot_msgs.srv import PrepareScenario
from waypilot_ros import qos
from waypilot_ros.carla_bridge_node import BridgeConfig
from waypilot_ros.controller_node import FollowerConfig
from waypilot_ros.markers_node import box, line
from waypilot_ros.policy_node import PolicyNodeConfig
from waypilot_ros.replay_node import ReplayConfig
from waypilot_ros.stack_client import PatienceConfig

from waypilot.config import config_to_dict
from waypilot.geometry import SE2
from waypilot.supervisor.resolve import resolve
from waypilot.supervisor.table import load_table

LAUNCH = Path(__file__).resolve().parents[2] / "launch"
HAS_LAUNCH = importlib.util.find_spec("launch_ros") is not None


def parameters_of(file):
    return yaml.safe_load((LAUNCH / "params" / file).read_text())["/**"]["ros__parameters"]


@pytest.mark.parametrize(
    ("file", "defaults"),
    [
        ("controller.yaml", {"follower": config_to_dict(FollowerConfig())}),
        ("carla_bridge.yaml", asdict(BridgeConfig())),
        ("policy.yaml", asdict(PolicyNodeConfig(policy="expert"))),
        ("evaluator.yaml", {"patience": asdict(PatienceConfig())}),
    ],
)
def test_parameter_files_say_the_defaults(file, defaults):
    def check(values, known, where):
        for name, value in values.items():
            assert name in known, f"{where}{name} is no parameter"
            if isinstance(value, dict):
                check(value, known[name], f"{where}{name}.")
            else:
                assert (value, type(value)) == (known[name], type(known[name])), f"{where}{name}"

    check(parameters_of(file), defaults, "")


def test_in_lock_step_a_camera_that_fails_ends_in_a_plan_without_it_and_in_no_missed_deadline():
    patience_s = {lock_step: PolicyNodeConfig(policy="expert", lock_step=lock_step).patience_s for lock_step in (0, 1)}
    assert patience_s[False] < patience_s[True] < BridgeConfig().deadline_s
    assert patience_s[True] < ReplayConfig(bag="bag").answer_wait_s


@pytest.mark.parametrize("file", ["stack.yaml", "offline_replay.yaml"])
@pytest.mark.parametrize("lock_step", [True, False])
def test_whoever_waits_for_something_knows_whether_the_run_is_in_lock_step(file, lock_step):
    table = load_table(LAUNCH / file)
    values = resolve(table.values({"lock_step": str(lock_step).lower()}))
    told = {
        spec.name: spec.parameters["lock_step"] for spec in table.processes(values) if "lock_step" in spec.parameters
    }
    others = {"carla_bridge", "controller", "evaluator"} if file == "stack.yaml" else {"replay"}
    assert told == dict.fromkeys({"policy", *others}, lock_step)


def test_only_the_nodes_run_where_somebody_else_brings_the_frames():
    table = load_table(LAUNCH / "stack.yaml")
    values = resolve(table.values({"run": "nodes", "simulator": "none"}))
    assert [spec.name for spec in table.processes(values)] == ["policy", "controller", "route_starter"]


def test_a_published_route_begins_a_drive_with_policy_then_controller(start_node, peer):
    asked = []

    async def answer(name, request, response):
        asked.append((name, request))
        if len(asked) == 1:
            await Future()  # an answer that is lost
        response.success = len(asked) > 2  # the second answer is no: it must ask again, too
        return response

    for name in ("policy", "controller"):
        callback = functools.partial(answer, name)
        group = ReentrantCallbackGroup()
        peer.node.create_service(PrepareScenario, f"/{name}/prepare", callback, callback_group=group)
    publisher = peer.node.create_publisher(PathMessage, "/route", qos.LATCHED_LAST)
    route = PathMessage()
    route.header.frame_id = "map"
    for x_m in range(50):
        place = PoseStamped()
        place.pose.position.x, place.pose.orientation.w = float(x_m), 1.0
        route.poses.append(place)
    start_node("route_starter", parameters={"target_speed_mps": 5.0})
    publisher.publish(route)
    peer.wait("both to be prepared", lambda: len(asked) == 4)
    assert [name for name, _ in asked] == ["policy", "policy", "policy", "controller"]
    assert all(request.free_running for _, request in asked)
    assert '"target_speed_mps": 5.0' in asked[0][1].scenario_json


def test_a_message_that_cannot_be_drawn_is_counted_and_the_markers_go_on(start_node, peer):
    node = start_node("markers")
    peer.offer(Surroundings, "surroundings")
    peer.send("surroundings", Surroundings(actors=[RoadUser(kind=99)]))
    peer.wait("the report", lambda: peer.problems("markers").get("malformed surroundings") == "1")
    assert node.stop() == 0


def test_markers_lie_in_the_map_frame():
    pose = SE2(10.0, 5.0, math.pi / 2)
    car = box("vehicle", 0, 1_500_000_000, pose, (4.0, 2.0, 1.5))
    assert (car.header.frame_id, car.header.stamp.sec) == ("map", 1)
    assert (car.pose.position.x, car.pose.position.y, car.scale.x) == (10.0, 5.0, 4.0)
    ahead = line("waypoints", 0, pose, [(3.0, 0.0), (6.0, 1.0)])
    assert [(round(p.x, 6), round(p.y, 6)) for p in ahead.points] == [(10.0, 5.0), (10.0, 8.0), (9.0, 11.0)]


@pytest.mark.skipif(not HAS_LAUNCH, reason="launch_ros is not installed: it is not among the ROS 2 packages on PyPI")
@pytest.mark.parametrize("name", ["closed_loop", "stack"])
def test_launch_files_describe_the_table(name):
    assert {"checkpoint", "rviz", "params"} <= declared_by(name) < set(load_table(LAUNCH / "stack.yaml").arguments)


@pytest.mark.skipif(not HAS_LAUNCH, reason="launch_ros is not installed: it is not among the ROS 2 packages on PyPI")
def test_the_replay_is_launched_with_every_argument_of_its_table():
    assert declared_by("offline_replay") == set(load_table(LAUNCH / "offline_replay.yaml").arguments)


def declared_by(name):
    from launch.actions import DeclareLaunchArgument

    spec = importlib.util.spec_from_file_location(name, LAUNCH / f"{name}.launch.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return {
        entity.name
        for entity in module.generate_launch_description().entities
        if isinstance(entity, DeclareLaunchArgument)
    }

"""What tests of nodes share: the nodes run as processes of their own, the test talks to them over ROS."""

import json
import os
import signal
import subprocess
import sys
import time
from collections import defaultdict
from pathlib import Path

import pytest
import yaml

HERE = Path(__file__).parent
INSTALL = HERE.parents[1] / "ros2_ws" / "install"
WAIT_S = 60.0
#: After so long an answer is lost: no service here takes that time.
LOST_S = 28.0

# Numbers of the wrong type are sent as garbage, silently; with this set they raise.
os.environ["ROS_PYTHON_CHECK_FIELDS"] = "1"
os.environ.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")

HAS_ROS = str(INSTALL) in os.environ.get("AMENT_PREFIX_PATH", "").split(":")
if not HAS_ROS:
    collect_ignore_glob = ["*"]


def pytest_report_header():
    return None if HAS_ROS else "tests/node is left out: source scripts/ros_env.sh first (make test does)"


def pytest_collection_modifyitems(items):
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.ros)


@pytest.fixture(scope="session")
def domain():
    """A ROS domain that nobody else uses."""
    from waypilot.supervisor.reserve import claim_domain

    claim = claim_domain(71)
    yield claim.domain_id
    claim.release()


class Peer:
    """The test's own node: it publishes, collects what others publish, and calls services."""

    def __init__(self, domain_id):
        import rclpy
        from rclpy.executors import SingleThreadedExecutor

        self.context = rclpy.Context()
        rclpy.init(context=self.context, domain_id=domain_id)
        self.node = rclpy.create_node("peer", context=self.context)
        self.executor = SingleThreadedExecutor(context=self.context)
        self.executor.add_node(self.node)
        self.received = defaultdict(list)
        self._publishers = {}
        self._read = set()

    def listen(self, kind, topic, profile=None):
        from waypilot_ros import qos

        self.node.create_subscription(kind, topic, self.received[topic].append, profile or qos.RECORD)

    def offer(self, kind, topic, is_read=True):
        """Prepare to send; a topic that is read is not sent on before somebody here is known to read it."""
        from waypilot_ros import qos

        self._publishers[topic] = self.node.create_publisher(kind, topic, qos.RECORD)
        if not is_read:
            self._read.add(topic)

    def send(self, topic, message):
        # A node may know this publisher before this publisher knows the node, and what is sent in between is lost.
        if topic not in self._read:
            self.wait(f"a reader of {topic}", self._publishers[topic].get_subscription_count)
            self._read.add(topic)
        self._publishers[topic].publish(message)

    def wait_until_heard(self, node_name, reader="/peer", topics=None):
        """Wait until what a node publishes from now on reaches a reader: on these topics, or on all read here."""
        from std_srvs.srv import Trigger

        def is_heard():
            told = json.loads(self.call(Trigger, f"{node_name}/readers", Trigger.Request()).message)
            wanted = topics or told.keys() & self.received.keys()
            return all(reader in told[topic]["nodes"] and told[topic]["connected"] for topic in wanted)

        self.wait(f"{node_name} to know {reader}", is_heard)

    def wait(self, what, condition, timeout_s=WAIT_S):
        """Spin until the condition holds; fails, saying what was waited for."""
        deadline_s = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < deadline_s, f"waited {timeout_s} s for {what}"
            self.executor.spin_once(timeout_sec=0.05)

    def wait_for(self, topic, count=1):
        self.wait(f"{count} messages on {topic}", lambda: len(self.received[topic]) >= count)
        return self.received[topic]

    def pause(self, duration_s):
        deadline_s = time.monotonic() + duration_s
        while time.monotonic() < deadline_s:
            self.executor.spin_once(timeout_sec=0.02)

    def call(self, kind, name, request):
        client = self.node.create_client(kind, name)
        self.wait(f"service {name}", client.service_is_ready)
        # The client sees the service before the service sees the client, and an answer in between is lost.
        self.pause(0.2)
        answer = self.ask(client, request)
        self.wait(f"an answer of {name}", lambda: answer() is not None)
        self.node.destroy_client(client)
        return answer()

    def ask(self, client, request):
        """Make a call, and again if its answer is lost; returns what gives the answer, or None until it is there."""
        asked = [(client.call_async(request), time.monotonic())]

        def answer():
            if time.monotonic() > asked[-1][1] + LOST_S:
                asked.append((client.call_async(request), time.monotonic()))
            return next((future.result() for future, _ in asked if future.done()), None)

        return answer

    def call_until_success(self, kind, name, request):
        deadline_s = time.monotonic() + WAIT_S
        while True:
            response = self.call(kind, name, request)
            if response.success:
                return response
            assert time.monotonic() < deadline_s, response.message
            self.pause(0.05)

    def problems(self, node_name):
        """Counts of problems that a node has reported on /diagnostics."""
        counts = {}
        for array in self.received["/diagnostics"]:
            for status in array.status:
                if status.name == node_name:
                    counts |= {entry.key: entry.value for entry in status.values}
        return counts

    def close(self):
        self.node.destroy_node()
        self.context.try_shutdown()


@pytest.fixture
def peer(domain):
    from diagnostic_msgs.msg import DiagnosticArray

    peer = Peer(domain)
    peer.listen(DiagnosticArray, "/diagnostics")
    yield peer
    peer.close()


class NodeProcess:
    """A node under test."""

    def __init__(self, command, domain_id, log_path):
        self.log_path = log_path
        environment = {**os.environ, "ROS_DOMAIN_ID": str(domain_id), "PYTHONUNBUFFERED": "1"}
        environment["ROS_LOG_DIR"] = str(log_path.parent / "ros")
        with log_path.open("wb") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT, env=environment)

    @property
    def log(self):
        return self.log_path.read_text()

    def wait_for_exit(self, timeout_s=WAIT_S):
        return self.process.wait(timeout_s)

    def stop(self, signal_number=signal.SIGTERM):
        self.process.send_signal(signal_number)
        return self.wait_for_exit()


@pytest.fixture
def start_node(domain, tmp_path):
    """Start a node of waypilot_ros by executable name, with parameters; it is killed if the test does not stop it."""
    started = []

    def start(name, parameters=None, script=None, script_arguments=()):
        if script is None:
            command = [str(INSTALL / "lib" / "waypilot_ros" / f"{name}_node")]
        else:
            command = [sys.executable, str(HERE / script), *script_arguments]
        command += ["--ros-args"]
        if parameters:
            path = tmp_path / f"{name}.yaml"
            path.write_text(yaml.safe_dump({"/**": {"ros__parameters": parameters}}))
            command += ["--params-file", str(path)]
        process = NodeProcess(command, domain, tmp_path / f"{name}.log")
        started.append(process)
        return process

    yield start
    for process in started:
        process.process.kill()
        process.process.wait()


@pytest.fixture
def straight_scenario():
    from waypilot.geometry import SE2
    from waypilot.scenarios import WEATHER_PRESETS, Scenario

    return Scenario("straight", "Straight", WEATHER_PRESETS["clear"], SE2(0.0, 0.0, 0.0), (60.0, 0.0), time_limit_s=60)


@pytest.fixture
def prepare_request(straight_scenario):
    import json

    import numpy as np
    from waypilot_msgs.srv import PrepareScenario
    from waypilot_ros.conversions import route_to_msg

    from waypilot.config import config_to_dict
    from waypilot.route import Route

    points = np.stack([np.linspace(0.0, 60.0, 61), np.zeros(61)], axis=1)
    return PrepareScenario.Request(
        scenario_json=json.dumps(config_to_dict(straight_scenario)), seed=5, route=route_to_msg(Route(points))
    )


def ego_at(stamp_ns, x_m=0.0, y_m=0.0, yaw_rad=0.0, speed_mps=5.0):
    from waypilot.geometry import Pose
    from waypilot.types import EgoState

    pose = Pose.from_xyz_rpy(x_m, y_m, 0.0, 0.0, 0.0, yaw_rad)
    return EgoState(stamp_ns, pose, (speed_mps, 0.0, 0.0), (0.0, 0.0, 0.0))


@pytest.fixture(name="ego_at")
def ego_at_fixture():
    return ego_at

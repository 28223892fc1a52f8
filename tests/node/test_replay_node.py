"""A bag is played into the real policy node, by the supervisor from the node table."""

import json
import math
import os
import time
from pathlib import Path

import numpy as np
from nav_msgs.msg import Odometry
from nav_msgs.msg import Path as PathMessage
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.task import Future
from std_srvs.srv import SetBool
from waypilot_msgs.srv import PrepareScenario

from waypilot.bags import Bag
from waypilot.bags.layout import LayoutOptions
from waypilot.bags.replay import ReplaySource
from waypilot.expert import ExpertConfig, ExpertPolicy
from waypilot.observation import ObservationBuilder, ObservationConfig
from waypilot.supervisor.resolve import resolve
from waypilot.supervisor.runner import Supervisor
from waypilot.supervisor.table import load_table

TABLE = Path(__file__).parents[2] / "launch" / "offline_replay.yaml"
FRAMES = 12


def test_a_bag_is_played_into_the_policy_and_every_frame_has_its_plan(drives, tmp_path, domain):
    bag = drives.write(tmp_path / "bag", drives.upstream(FRAMES))
    table = load_table(TABLE)
    texts = {"bag": str(bag), "policy": "expert", "output_dir": str(tmp_path / "out")}
    environment = {**os.environ, "ROS_DOMAIN_ID": str(domain), "PYTHONUNBUFFERED": "1"}
    processes = table.processes(resolve(table.values(texts)))
    assert Supervisor(processes, tmp_path / "out", environment, report=print).run() == 0

    lines = [json.loads(line) for line in (tmp_path / "out" / "predictions.jsonl").read_text().splitlines()]
    source = ReplaySource(Bag(bag), LayoutOptions())
    frames = list(source.frames())
    expert = ExpertPolicy(ExpertConfig(target_speed_mps=8.0))
    expert.reset(frames[0].route, 0)
    builder = ObservationBuilder(frames[0].route, ObservationConfig(cameras=()))
    assert [line["stamp_ns"] for line in lines] == [frame.ego.stamp_ns for frame in frames]
    assert len(lines) == FRAMES
    for frame, line in zip(frames, lines, strict=True):
        expected = expert.plan(builder.build(frame.ego, {})).final
        assert np.array_equal(line["waypoints_m"], expected.waypoints_m)
        assert math.hypot(*line["waypoints_m"][0]) > 1.0


def test_a_paused_replay_waits_for_the_service_and_a_silent_policy_is_told(drives, tmp_path, peer, start_node):
    bag = drives.write(tmp_path / "bag", drives.upstream(2))
    peer.node.create_service(PrepareScenario, "/policy/prepare", agree)
    peer.listen(Odometry, "odometry")
    peer.offer(PathMessage, "waypoints")
    node = start_node("replay", {"bag": str(bag), "paused": True, "answer_wait_s": 0.3})
    peer.call(SetBool, "replay/pause", SetBool.Request(data=True))
    assert node.process.poll() is None
    assert peer.call(SetBool, "replay/pause", SetBool.Request(data=False)).message == "playing"
    peer.wait("its end", lambda: node.process.poll() is not None)
    assert node.process.returncode == 1
    assert "0 of 2 frames were answered" in node.log


def test_nothing_is_played_until_the_policy_has_answered_and_hears_it(drives, tmp_path, peer, start_node):
    bag = drives.write(tmp_path / "bag", drives.upstream(2))
    asked = []

    async def prepare(_request, response):
        asked.append(time.monotonic())
        if len(asked) == 1:
            await Future()  # an answer that is lost
        response.success = True
        return response

    peer.node.create_service(PrepareScenario, "/policy/prepare", prepare, callback_group=ReentrantCallbackGroup())
    peer.offer(PathMessage, "waypoints")
    node = start_node("replay", {"bag": str(bag), "answer_wait_s": 0.3})
    peer.wait("the second request", lambda: len(asked) > 2)
    peer.listen(Odometry, "odometry")
    assert len(peer.wait_for("odometry", 2)) == 2
    peer.wait("its end", lambda: node.process.poll() is not None)


def agree(_request, response):
    response.success = True
    return response


def test_a_bag_that_is_none_is_named(start_node, tmp_path):
    node = start_node("replay", {"bag": str(tmp_path / "nowhere")})
    assert node.wait_for_exit() == 2
    assert "nowhere: no such file or folder" in node.log

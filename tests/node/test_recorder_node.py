"""The recorder node by itself: which topics it takes, in which form, and in how many files."""

from types import SimpleNamespace

import numpy as np
import pytest
import rclpy
import yaml
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image
from waypilot_msgs.srv import StartRecording, StopRecording
from waypilot_ros import recorder_node
from waypilot_ros.recorder_node import LATE_S, TURN_S, RecorderConfig, RecorderNode
from waypilot_ros.simulator_messages import rgb_to_msg

from waypilot.bags import Bag
from waypilot.messages import compressed_to_rgb

SECONDS = 6
START_S = 120.0


def record(peer, start_node, path, **parameters):
    """Publish an image and two clocks in each second of simulated time while the node records."""
    kinds = {"/camera/image": Image, "/clock": Clock, "/other/clock": Clock}
    for topic, kind in kinds.items():
        peer.offer(kind, topic, is_read=False)  # the recorder says when it hears what it records
    node = start_node("recorder", parameters)
    peer.wait("the recorder", lambda: "recorder is ready" in node.log, START_S)
    peer.call_until_success(StartRecording, "recorder/start", StartRecording.Request(path=str(path)))
    pixels = np.full((48, 64, 3), (200, 100, 50), np.uint8)
    for second in range(1, SECONDS + 1):
        peer.send("/camera/image", rgb_to_msg("camera", second * 10**9, pixels))
        for topic in ("/clock", "/other/clock"):
            message = Clock()
            message.clock.sec = second
            peer.send(topic, message)
    # It agrees once nothing comes any more.
    assert peer.call_until_success(StopRecording, "recorder/stop", StopRecording.Request()).lost == 0
    return Bag(path)


def test_chosen_topics_are_recorded_with_compressed_images_in_files_of_some_seconds(peer, start_node, tmp_path):
    bag = record(
        peer, start_node, tmp_path / "bag",
        topics="/camera/.*|.*clock", exclude="/other/.*", images="compressed", max_file_s=2.0, storage="sqlite3",
    )  # fmt: skip
    assert {name: topic.count for name, topic in bag.topics.items()} == {
        "/camera/image/compressed": SECONDS,
        "/clock": SECONDS,
    }
    files = yaml.safe_load((tmp_path / "bag" / "metadata.yaml").read_text())["rosbag2_bagfile_information"]["files"]
    assert len(files) >= SECONDS / 2
    image = bag.read(next(bag.messages({"/camera/image/compressed"})), compressed_to_rgb)
    assert np.abs(image.astype(int) - (200, 100, 50)).max() <= 3


def test_the_last_frame_is_waited_for_as_long_as_the_recorder_has_its_turns(domain, monkeypatch, request):
    """It gets no processor for an hour just after the first request: that is one turn."""
    rclpy.init(domain_id=domain)
    request.addfinalizer(rclpy.shutdown)
    node = RecorderNode()
    request.addfinalizer(node.destroy_node)
    node._recording = SimpleNamespace(behind=lambda: ["/clock"], messages=1, close=lambda: None)
    times_s = [0.0, *(3600.0 + TURN_S * turn for turn in range(round(LATE_S / TURN_S)))]
    answers = []
    for now_s in times_s:
        monkeypatch.setattr(recorder_node, "time", SimpleNamespace(monotonic=lambda now_s=now_s: now_s))
        answers.append(node._on_stop(StopRecording.Request(free_running=True), StopRecording.Response()))
    assert [answer.success for answer in answers] == [False] * (len(times_s) - 1) + [True]
    assert answers[1].message == "the last frame has not arrived yet on /clock"


@pytest.mark.parametrize(
    ("parameters", "words"),
    [
        ({"storage": "tape"}, "storage is 'tape'"),
        ({"topics": "["}, "topics is '\\['"),
        ({"images": "jpg"}, "images is"),
    ],
)
def test_parameters_that_cannot_be_used_are_named(parameters, words):
    with pytest.raises(ValueError, match=words):
        RecorderConfig(**parameters)

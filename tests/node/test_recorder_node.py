"""The recorder node by itself: which topics it takes, in which form, and in how many files."""

import numpy as np
import pytest
import yaml
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import Image
from waypilot_msgs.srv import StartRecording, StopRecording
from waypilot_ros.recorder_node import RecorderConfig
from waypilot_ros.simulator_messages import rgb_to_msg

from waypilot.bags import Bag
from waypilot.messages import compressed_to_rgb

SECONDS = 6
START_S = 120.0


def record(peer, start_node, path, **parameters):
    """Publish an image and two clocks in each second of simulated time while the node records."""
    kinds = {"/camera/image": Image, "/clock": Clock, "/other/clock": Clock}
    for topic, kind in kinds.items():
        peer.offer(kind, topic)
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

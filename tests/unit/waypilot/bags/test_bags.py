"""Bags: what is written is read again, by us, by rosbags and by the mcap packages."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from mcap.reader import make_reader
from mcap_ros2.decoder import DecoderFactory
from rosbags.highlevel import AnyReader
from rosbags.rosbag2 import StoragePlugin, Writer

from waypilot.bags import Bag, BagError, BagWriter, Qos, SplitLimits, UnknownTypeError
from waypilot.bags.__main__ import main
from waypilot.messages import MalformedMessageError, ego_from_msg, image_to_rgb

STORAGES = ("mcap", "sqlite3")


@pytest.fixture(params=STORAGES)
def storage(request):
    return request.param


def read_back(path):
    with Bag(path) as bag:
        messages = list(bag.messages())
        return bag, messages


def test_what_is_written_is_read_again_in_order(drives, tmp_path, storage):
    path = drives.write(tmp_path / "bag", drives.upstream(30), storage)
    bag, messages = read_back(path)
    assert bag.complete
    assert bag.problems == []
    assert {name: topic.count for name, topic in bag.topics.items()} == {
        "/carla/ego_vehicle/waypoints": 1,
        "/clock": 30,
        "/carla/ego_vehicle/odometry": 30,
        "/carla/ego_vehicle/front/image": 30,
    }
    assert [m.topic for m in messages[:4]] == [topic for topic, *_ in drives.upstream(1)]
    egos = [ego_from_msg(bag.decode(m)) for m in messages if m.topic.endswith("odometry")]
    place = egos[20].pose_map_from_base_link
    assert (place.x_m, place.y_m) == drives.place(egos[20].stamp_ns)[:2]
    images = [image_to_rgb(bag.decode(m)) for m in messages if m.topic.endswith("image")]
    assert (images[7] == drives.pixels(7)).all()


def test_other_readers_agree(drives, tmp_path, storage):
    path = drives.write(tmp_path / "bag", drives.upstream(12), storage, SplitLimits(max_bytes=1_000_000))
    assert len(list(path.glob("bag_*"))) > 2
    ours = read_back(path)[1]
    with AnyReader([path]) as reader:
        theirs = [(connection.topic, time, bytes(data)) for connection, time, data in reader.messages()]
        assert reader.message_count == len(ours)
        odometry = next(c for c in reader.connections if c.msgtype.endswith("Odometry"))
        assert odometry.digest == drives.library.topic("x", "nav_msgs/msg/Odometry").type_hash
    assert sorted(theirs) == sorted((m.topic, m.time_ns, m.data) for m in ours)
    if storage == "mcap":
        decoded = []
        for file in sorted(path.glob("*.mcap")):
            with file.open("rb") as stream:
                decoded += make_reader(stream, True, [DecoderFactory()]).iter_decoded_messages()
        assert len(decoded) == len(ours)


def test_bags_of_rosbags_are_read(drives, tmp_path, storage):
    plugin = StoragePlugin.MCAP if storage == "mcap" else StoragePlugin.SQLITE3
    with Writer(tmp_path / "foreign", version=9, storage_plugin=plugin) as writer:
        connections = {}
        for topic, kind, stamp_ns, message in drives.upstream(10):
            if topic not in connections:
                connections[topic] = writer.add_connection(topic, kind, typestore=drives.library._store)
            writer.write(connections[topic], stamp_ns, drives.library.serialize(message, kind))
    bag, messages = read_back(tmp_path / "foreign")
    assert (len(messages), bag.problems, bag.complete) == (31, [], True)
    assert [bag.decode(m).header.stamp.sec for m in messages if m.topic.endswith("odometry")] == [3] * 10


def test_metadata_is_that_of_version_9_with_the_latched_profile(drives, tmp_path, storage):
    topic = drives.library.topic("/r", "nav_msgs/msg/Path", (Qos(1, durability="transient_local"),))
    with BagWriter(tmp_path / "bag", storage) as writer:
        writer.add_topic(topic)
        writer.write("/r", 5, drives.library.serialize(drives.path(5, [(0.0, 0.0)]), topic.type))
        writer.write("/r", 9, drives.library.serialize(drives.path(9, [(0.0, 0.0)]), topic.type))
    content = yaml.safe_load((tmp_path / "bag" / "metadata.yaml").read_text())["rosbag2_bagfile_information"]
    assert (content["version"], content["storage_identifier"], content["message_count"]) == (9, storage, 2)
    assert content["starting_time"] == {"nanoseconds_since_epoch": 5}
    assert content["duration"] == {"nanoseconds": 4}
    about = content["topics_with_message_count"][0]["topic_metadata"]
    assert about["offered_qos_profiles"][0]["durability"] == "transient_local"
    assert about["type_description_hash"].startswith("RIHS01_")
    assert Bag(tmp_path / "bag").topics["/r"].qos == topic.qos


def test_splitting_by_time_keeps_every_message(drives, tmp_path, storage):
    path = drives.write(tmp_path / "bag", drives.upstream(45), storage, SplitLimits(max_duration_s=1.0))
    content = yaml.safe_load((path / "metadata.yaml").read_text())["rosbag2_bagfile_information"]
    assert [file["message_count"] for file in content["files"]] == [61, 60, 15]
    assert len(read_back(path)[1]) == 136


@pytest.mark.parametrize("storage", ["mcap"])
def test_topics_that_are_stored_seconds_apart_and_a_jump_back_make_no_small_files(drives, tmp_path, storage):
    """A recorder that lags stores one topic 5 s behind the other; then time begins anew while that one still ends."""
    seconds = {"/fast": [number / 20 for number in range(400)], "/slow": [number / 20 for number in range(400)]}
    late = 100
    order = [("/fast", t) for t in seconds["/fast"][:late]]
    for fast, slow in zip([*seconds["/fast"][late:], *seconds["/fast"]], seconds["/slow"] * 2, strict=False):
        order += [("/fast", fast), ("/slow", slow)]
    text = drives.cls("std_msgs/msg/String")(data="x")
    messages = [(topic, "std_msgs/msg/String", round(t * 1e9), text) for topic, t in order]
    path = drives.write(tmp_path / "bag", messages, storage, SplitLimits(max_duration_s=4.0))
    content = yaml.safe_load((path / "metadata.yaml").read_text())["rosbag2_bagfile_information"]
    assert 9 <= len(content["files"]) <= 11, "40 s of 4 s each, at the jump a longer one"
    assert sum(file["message_count"] for file in content["files"]) == len(order) == len(read_back(path)[1])


def test_messages_farther_apart_than_the_limit_are_split_as_well(drives, tmp_path, storage):
    text = drives.cls("std_msgs/msg/String")(data="x")
    messages = [("/rare", "std_msgs/msg/String", number * 10**10, text) for number in range(1, 4)]
    path = drives.write(tmp_path / "bag", messages, storage, SplitLimits(max_duration_s=4.0))
    content = yaml.safe_load((path / "metadata.yaml").read_text())["rosbag2_bagfile_information"]
    assert [file["message_count"] for file in content["files"]] == [1, 1, 1]


def test_our_own_types_have_definitions_and_unknown_ones_are_refused(drives):
    topic = drives.library.topic("/setup", "waypilot_msgs/msg/ScenarioSetup")
    assert "waypilot_msgs/StopLine" in topic.definition
    with pytest.raises(UnknownTypeError, match="nobody_msgs/msg/Thing"):
        drives.library.topic("/x", "nobody_msgs/msg/Thing")


def test_a_folder_that_exists_is_not_touched(drives, tmp_path):
    with pytest.raises(BagError, match="exists already"):
        BagWriter(tmp_path)


CHILD = """
import os, sys
from pathlib import Path
sys.path.insert(0, sys.argv[3])
from conftest import DriveMaker
from waypilot.bags import BagWriter
maker = DriveMaker()
writer = BagWriter(Path(sys.argv[1]), sys.argv[2])
for topic, kind, stamp, message in maker.upstream(400):
    writer.add_topic(maker.library.topic(topic, kind))
    writer.write(topic, stamp, maker.library.serialize(message, kind))
    if writer.counts.get("/carla/ego_vehicle/odometry") == 200:
        os.kill(os.getpid(), 9)
"""


def test_a_killed_recorder_leaves_what_it_wrote_and_repair_completes_it(tmp_path, storage, capsys):
    folder = Path(__file__).resolve().parents[3]
    child = subprocess.run([sys.executable, "-c", CHILD, str(tmp_path / "bag"), storage, str(folder)], timeout=120)
    assert child.returncode == -signal.SIGKILL
    bag, messages = read_back(tmp_path / "bag")
    assert not bag.complete
    assert "the recording was not completed" in bag.problems[0]
    # At most a chunk of 256 KiB or a transaction of 64 messages is lost, of 600 messages and 46 MB.
    assert len(messages) >= 600 - 64
    assert main(["repair", str(tmp_path / "bag"), str(tmp_path / "new"), "--storage", storage]) == 0
    assert "left out: " in capsys.readouterr().out
    repaired, again = read_back(tmp_path / "new")
    assert repaired.complete
    assert [m.data for m in again] == [m.data for m in messages]
    with AnyReader([tmp_path / "new"]) as reader:
        assert reader.message_count == len(messages)


def test_bytes_that_are_no_message_are_malformed_not_a_crash(drives, tmp_path):
    path = drives.write(tmp_path / "bag", drives.upstream(2))
    with Bag(path) as bag:
        message = next(bag.messages(["/carla/ego_vehicle/front/image"]))
        for cut in (0, 1, 4, 40, len(message.data) - 1):
            with pytest.raises(MalformedMessageError):
                bag.decode(type(message)(message.topic, 0, message.data[:cut]))


def test_info_lists_topics_or_says_why_not(drives, tmp_path, capsys):
    path = drives.write(tmp_path / "bag", drives.upstream(3))
    assert main(["info", str(path)]) == 0
    assert "3  /clock  rosgraph_msgs/msg/Clock" in capsys.readouterr().out
    assert main(["info", str(tmp_path / "nothing")]) == 1
    assert "no such file" in capsys.readouterr().err

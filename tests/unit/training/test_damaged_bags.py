"""Damaged bags through every command that reads one: an exit code and words, never a traceback or a hang."""

import random
import shutil
from pathlib import Path

import pytest

from training.data import check_bag, import_bag
from training.eval import eval_bag, recompute_metrics
from waypilot.bags import BagTopic, BagWriter

CHECKPOINT = Path(__file__).parents[3] / "checkpoints" / "sft_waypoint_bc_v0.pt"
TRUNCATIONS, FLIPS = 100, 40
METADATA = {
    "none": None,
    "empty": "",
    "no YAML": "{",
    "another file": "rosbag2_bagfile_information: {relative_file_paths: [other.mcap]}",
    "another type": "rosbag2_bagfile_information: {relative_file_paths: 7}",
}


@pytest.fixture(scope="module", params=["mcap", "sqlite3"])
def whole(drives, tmp_path_factory, request):
    # Small pictures: the damage is to hit all kinds of bytes, not only pixels.
    def small(entry):
        topic, kind, stamp_ns, _ = entry
        return (topic, kind, stamp_ns, drives.image(stamp_ns, drives.pixels(0, 6, 8))) if "image" in topic else entry

    path = drives.write(tmp_path_factory.mktemp("whole") / "bag", map(small, drives.upstream(30)), request.param)
    (file,) = path.glob("bag_0.*")
    return path, file


@pytest.fixture(scope="module")
def policy():
    loaded = eval_bag.WaypointPolicyTorch(eval_bag.WaypointPolicyConfig(str(CHECKPOINT)))
    return lambda config: loaded


def copy_with(whole, tmp_path, content):
    path, file = whole
    target = tmp_path / "bag"
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(path, target)
    (target / file.name).write_bytes(content)
    return target


def read_by_all(bag, out):
    """Run every command; an exception fails the test. Returns their exit codes."""
    evaluation = ["--bag", str(bag), "--checkpoint", str(CHECKPOINT), "--output", str(out)]
    codes = check_bag.main([str(bag)]), eval_bag.main(evaluation), recompute_metrics.main(["--bag", str(bag)])
    assert all(code in (0, 1, 2) for code in codes)
    return codes


def test_truncated_at_any_place(whole, policy, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(eval_bag, "WaypointPolicyTorch", policy)
    content = whole[1].read_bytes()
    draw = random.Random(3)
    for _ in range(TRUNCATIONS):
        bag = copy_with(whole, tmp_path, content[: draw.randrange(len(content))])
        assert read_by_all(bag, tmp_path / "out") != (0, 0, 0)
        assert capsys.readouterr().err


def test_flipped_bytes_anywhere(whole, policy, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(eval_bag, "WaypointPolicyTorch", policy)
    content = whole[1].read_bytes()
    draw = random.Random(4)
    for _ in range(FLIPS):
        damaged = bytearray(content)
        for _ in range(3):
            damaged[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
        read_by_all(copy_with(whole, tmp_path, bytes(damaged)), tmp_path / "out")
        capsys.readouterr()


@pytest.mark.parametrize("content", [b"", b"\0" * 500, b"\x89MCAP0\r\n", b"SQLite format 3\0"])
def test_files_without_anything_in_them(whole, tmp_path, content, capsys):
    assert read_by_all(copy_with(whole, tmp_path, content), tmp_path / "out") == (2, 2, 2)
    assert whole[1].name in capsys.readouterr().err


@pytest.mark.parametrize("what", METADATA)
def test_wrong_metadata_hides_nothing(whole, tmp_path, what, capsys):
    bag = copy_with(whole, tmp_path, whole[1].read_bytes())
    (bag / "metadata.yaml").unlink()
    if METADATA[what] is not None:
        (bag / "metadata.yaml").write_text(METADATA[what])
    # The pictures are too small for the network, and nobody judged the drive: neither comes from the metadata.
    assert check_bag.main([str(bag)]) == 1
    assert read_by_all(bag, tmp_path / "out")[1:] == (1, 2)
    out = capsys.readouterr()
    assert "frames: 30, with odometry 30" in out.out
    assert "metadata.yaml" in out.out


def test_types_of_a_known_name_with_other_fields_are_unusable_and_named(drives, tmp_path, capsys):
    """Every message is a bare header, whatever its topic's type is called."""
    header = drives.library.topic("x", "std_msgs/msg/Header")
    kinds = {
        "/carla/ego_vehicle/odometry": "nav_msgs/msg/Odometry",
        "/carla/ego_vehicle/front/image": "sensor_msgs/msg/Image",
        "/carla/ego_vehicle/front/camera_info": "sensor_msgs/msg/CameraInfo",
        "/waypilot/scenario_setup": "waypilot_msgs/msg/ScenarioSetup",
        "/waypilot/drive_counts": "waypilot_msgs/msg/DriveCounts",
        "/tf_static": "tf2_msgs/msg/TFMessage",
    }
    data = drives.library.serialize(drives.header(drives.START_NS, "map"), "std_msgs/msg/Header")
    with BagWriter(tmp_path / "bag") as writer:
        for topic, kind in kinds.items():
            writer.add_topic(BagTopic(topic, kind, header.definition))
            writer.write(topic, drives.START_NS, data)
    assert read_by_all(tmp_path / "bag", tmp_path / "out") == (2, 1, 1)
    words = ["--bag", str(tmp_path / "bag"), "--out", str(tmp_path / "episodes"), "--town", "Elsewhere"]
    assert import_bag.main(words) == 2
    told = capsys.readouterr()
    assert "none of 1 messages is a usable odometry" in told.out
    assert "has no attribute" in told.err

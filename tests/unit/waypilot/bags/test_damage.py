"""Damaged bags: never a traceback, never a hang, and what is whole is read."""

import contextlib
import random
import shutil

import pytest
import zstandard
from mcap.reader import make_reader

from waypilot.bags import Bag, BagError, SplitLimits
from waypilot.messages import MalformedMessageError

TRUNCATIONS, FLIPS = 100, 60


@pytest.fixture(scope="module", params=["mcap", "sqlite3"])
def whole(drives, tmp_path_factory, request):
    path = drives.write(tmp_path_factory.mktemp("whole") / "bag", drives.upstream(20), request.param)
    (file,) = path.glob("bag_0.*")
    with Bag(path) as bag:
        return path, file, [message.data for message in bag.messages()]


def read_all(path, decode=True):
    """Read as far as possible; returns the messages' bytes, how many were decoded, and the problems."""
    with Bag(path) as bag:
        data, decoded = [], 0
        for message in bag.messages():
            data.append(message.data)
            with contextlib.suppress(MalformedMessageError):
                decoded += decode and bag.decode(message) is not None
        return data, decoded, bag.problems


def copy_with(whole, tmp_path, content):
    path, file, _ = whole
    target = tmp_path / "bag"
    shutil.rmtree(target, ignore_errors=True)
    shutil.copytree(path, target)
    (target / file.name).write_bytes(content)
    return target


def test_truncated_anywhere_everything_before_the_cut_is_read(whole, tmp_path):
    content, expected = whole[1].read_bytes(), whole[2]
    draw = random.Random(1)
    for number in range(TRUNCATIONS):
        cut = draw.randrange(len(content))
        target = copy_with(whole, tmp_path, content[:cut])
        try:
            data, _, problems = read_all(target, decode=number % 10 == 0)
        except BagError:
            data = []
        else:
            assert problems
        assert data == expected[: len(data)]
        if whole[1].suffix == ".mcap":
            lost = sum(map(len, expected)) * (1.0 - cut / len(content)) + 2 * 256 * 1024
            assert sum(map(len, data)) >= sum(map(len, expected)) - lost - 256 * 1024


def test_flipped_bytes_are_found_out_by_checksums_and_the_rest_is_read(whole, tmp_path):
    content, expected = whole[1].read_bytes(), whole[2]
    draw = random.Random(2)
    known = set(expected)
    whole_enough = 0
    for number in range(FLIPS):
        damaged = bytearray(content)
        damaged[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
        try:
            data, _, problems = read_all(copy_with(whole, tmp_path, bytes(damaged)), decode=number % 5 == 0)
        except BagError:
            continue
        whole_enough += len(data) > len(expected) / 2
        if whole[1].suffix == ".mcap":
            assert set(data) <= known
            assert problems or data == expected
    assert whole_enough > FLIPS / 2


@pytest.mark.parametrize("text", [b"/carla/ego_vehicle/odometry", b"nav_msgs/msg/Odometry", b"float64 x"])
def test_a_damaged_index_is_found_out_and_the_file_itself_says_what_is_in_it(drives, tmp_path, text):
    path = drives.write(tmp_path / "bag", drives.upstream(5))
    with Bag(path) as bag:
        topics, expected = bag.topics, list(bag.messages())
    content = bytearray((path / "bag_0.mcap").read_bytes())
    # Descriptions stand in the chunks and once more in the index at the end.
    content[content.rindex(text) + 1] ^= 1
    (path / "bag_0.mcap").write_bytes(content)
    with Bag(path) as bag:
        assert bag.topics == topics
        assert list(bag.messages()) == expected
        assert bag.problems == ["bag_0.mcap has a damaged index, so it is read through: its checksum is wrong"]


@pytest.mark.parametrize("place", ["kind", "length"])
def test_a_chunk_whose_head_is_damaged_costs_itself_only(drives, tmp_path, place):
    path = drives.write(tmp_path / "bag", drives.upstream(20))
    file = path / "bag_0.mcap"
    with file.open("rb") as stream:
        starts = sorted(chunk.chunk_start_offset for chunk in make_reader(stream).get_summary().chunk_indexes)
    assert len(starts) > 5
    content = bytearray(file.read_bytes())
    # Another kind of record (a footer), or a length that reaches into the next chunk.
    content[starts[2] + (0 if place == "kind" else 8)] ^= 4
    file.write_bytes(content)
    with Bag(path) as bag:
        found = [message.time_ns for message in bag.messages()]
        assert bag.problems == [f"bag_0.mcap cannot be read from byte {starts[2]} to {starts[3]}: damaged there"]
    expected = 1 + 3 * 20
    assert expected - 6 <= len(found) < expected
    assert found[-1] == drives.START_NS + 19 * drives.STEP_NS


@pytest.mark.parametrize("content", [b"", b"\0" * 500, b"hello", b"\x89MCAP0\r\n", b"SQLite format 3\0"])
def test_files_that_are_no_bags_are_named(whole, tmp_path, content):
    with pytest.raises(BagError, match=whole[1].name):
        Bag(copy_with(whole, tmp_path, content))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (None, "not completed"),
        ("", "has no rosbag2_bagfile_information"),
        ("{", "cannot be read"),
        ("rosbag2_bagfile_information: {relative_file_paths: [other.mcap]}", "other.mcap is named"),
        ("rosbag2_bagfile_information: {relative_file_paths: 7}", "names no files"),
    ],
)
def test_wrong_metadata_is_said_and_the_files_are_read(whole, tmp_path, text, problem):
    target = copy_with(whole, tmp_path, whole[1].read_bytes())
    (target / "metadata.yaml").unlink()
    if text is not None:
        (target / "metadata.yaml").write_text(text)
    data, _, problems = read_all(target)
    assert data == whole[2]
    assert any(problem in found for found in problems), problems


def test_a_missing_file_of_several_is_said(drives, tmp_path):
    path = drives.write(tmp_path / "bag", drives.upstream(20), limits=SplitLimits(max_bytes=1_000_000))
    (path / "bag_1.mcap").unlink()
    data, decoded, problems = read_all(path)
    assert decoded == len(data) > 20
    assert problems == ["bag_1.mcap is named by metadata.yaml but missing"]


def test_an_empty_folder_is_no_bag(tmp_path):
    with pytest.raises(BagError, match="no storage file"):
        Bag(tmp_path)


def test_places_in_a_file_that_was_packed_as_a_whole_are_those_of_the_unpacked_one_and_said_to_be(drives, tmp_path):
    path = drives.write(tmp_path / "bag", drives.upstream(3))
    file = path / "bag_0.mcap"
    content = file.read_bytes()[:-200]
    packed = tmp_path / "bag_0.mcap.zstd"
    packed.write_bytes(zstandard.compress(content))
    with Bag(packed) as bag:
        list(bag.messages())
        (problem,) = {text for text in bag.problems if str(len(content)) in text}
    assert problem.startswith("bag_0.mcap.zstd (unpacked) ")

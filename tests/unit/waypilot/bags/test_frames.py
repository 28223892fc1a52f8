"""How long frames wait for what belongs to them, and how much may wait."""

import struct

import lz4.frame
import pytest
import zstandard

from waypilot.bags import Bag, frames, mcap_reading
from waypilot.bags.events import Frame, Motioned
from waypilot.bags.frames import CAMERA_WAIT_NS, FrameOptions, FrameReader
from waypilot.bags.layout import Layout

ODOMETRY = "/carla/ego_vehicle/odometry"
IMAGE = "sensor_msgs/msg/Image"


def read(path, cameras):
    with Bag(path) as bag:
        topics = {name: f"/carla/ego_vehicle/{name}/image" for name in cameras}
        reader = FrameReader(bag, Layout(odometry=ODOMETRY, cameras=topics), topics, FrameOptions())
        return list(reader.events()), reader.counts


def with_camera(drives, messages, name, frames_with_image, pixels):
    """Yield the messages and a further camera's images, which end after so many frames."""
    topic = f"/carla/ego_vehicle/{name}/image"
    for number, entry in enumerate(messages):
        yield entry
        if entry[0] == ODOMETRY and number < 3 * frames_with_image:
            yield topic, IMAGE, entry[2], drives.image(entry[2], pixels)


def test_a_camera_that_falls_silent_holds_the_others_up_for_a_bounded_time(drives, tmp_path):
    small = drives.pixels(0, 4, 4)
    messages = [
        (*entry[:3], drives.image(entry[2], small)) if entry[1] == IMAGE else entry for entry in drives.upstream(400)
    ]
    path = drives.write(tmp_path / "bag", with_camera(drives, messages, "side", 5, small))
    events, counts = read(path, ("front", "side"))
    given_out = [event for event in events if isinstance(event, Frame)]
    assert len(given_out) == 400
    assert counts["frame without image of side"] == pytest.approx(395, abs=1)
    now_ns, waited_ns = 0, []
    for event in events[:-220]:  # the end gives out all that is left
        if isinstance(event, Motioned):
            now_ns = event.ego.stamp_ns
        elif isinstance(event, Frame):
            waited_ns.append(now_ns - event.ego.stamp_ns)
    assert CAMERA_WAIT_NS - 10**8 < max(waited_ns) < CAMERA_WAIT_NS + 10**9


def test_large_images_are_not_dropped_while_a_silent_camera_is_waited_for(drives, tmp_path, monkeypatch):
    large = drives.pixels(0, 60, 60)
    monkeypatch.setattr(frames, "MIN_WAITING", 8)
    monkeypatch.setattr(frames, "WAITING_BYTES", 20 * 60 * 60 * 4)
    messages = [*with_camera(drives, drives.upstream(100), "large", 100, large)]
    small = drives.pixels(0, 4, 4)
    messages = [
        (*entry[:3], drives.image(entry[2], small)) if entry[0].endswith("front/image") else entry for entry in messages
    ]
    path = drives.write(tmp_path / "bag", with_camera(drives, messages, "silent", 1, small))
    events, counts = read(path, ("front", "large", "silent"))
    given_out = [event for event in events if isinstance(event, Frame)]
    assert len(given_out) == 100
    assert sum("large" in frame.images for frame in given_out) == 100
    assert not any("without odometry" in reason for reason in counts)


def test_without_odometry_no_more_bytes_wait_than_allowed(drives, tmp_path, monkeypatch):
    monkeypatch.setattr(frames, "MIN_WAITING", 4)
    monkeypatch.setattr(frames, "WAITING_BYTES", 10 * 60 * 60 * 4)
    first = drives.upstream(1)
    later = [entry for entry in drives.upstream(100) if entry[0] != ODOMETRY][1:]
    sizes = [4, *[60] * 99]
    images = [
        (*entry[:3], drives.image(entry[2], drives.pixels(0, size, size)))
        for entry, size in zip([e for e in later if e[1] == IMAGE], sizes, strict=True)
    ]
    _, counts = read(drives.write(tmp_path / "bag", [*first, *images[1:]]), ("front",))
    assert counts["image of /carla/ego_vehicle/front/image without odometry"] >= 85


def again(drives, frames, later_ns=0, aside_m=0.0):
    """Yield a drive without a route; later and aside by so much."""
    for topic, kind, stamp_ns, message in drives.upstream(frames):
        if topic == ODOMETRY:
            x_m, y_m, yaw_rad = drives.place(stamp_ns)
            message = drives.odometry(stamp_ns + later_ns, (x_m + aside_m, y_m, yaw_rad))
        elif kind == IMAGE:
            message = drives.image(stamp_ns + later_ns, drives.pixels(0, 4, 4))
        else:
            continue
        yield topic, kind, stamp_ns + later_ns, message


def late(entries, count):
    """Let odometry lag behind the images by so many messages."""
    images = [entry for entry in entries if entry[1] == IMAGE]
    odometry = [entry for entry in entries if entry[0] == ODOMETRY]
    for number in range(len(images) + count):
        yield from images[number : number + 1]
        if number >= count:
            yield odometry[number - count]


@pytest.mark.parametrize("jump", ["in time", "of place"])
@pytest.mark.parametrize("lag", [0, 5])
def test_a_jump_begins_another_drive_and_costs_no_frame(drives, tmp_path, jump, lag):
    first = list(again(drives, 40))
    if jump == "in time":
        second, reason = list(again(drives, 30)), "jumps back in time"
    else:
        second, reason = list(again(drives, 30, 40 * drives.STEP_NS, aside_m=60.0)), "jumps to another place"
    events, counts = read(drives.write(tmp_path / "bag", late([*first, *second], lag)), ("front",))
    given_out = [event for event in events if isinstance(event, Frame)]
    assert counts[reason] == 1
    lost = lag if jump == "in time" else 0  # the newest images of a drive whose odometry comes after the jump
    assert [sum(frame.drive == drive for frame in given_out) for drive in (0, 1)] == [40 - lost, 30]
    where_m = [frame.ego.pose_map_from_base_link.x_m for frame in given_out if frame.drive == 1]
    assert where_m[0] == pytest.approx(60.0 if jump == "of place" else 0.0)


def test_what_carries_no_stamp_or_no_orientation_is_left_out_and_counted(drives, tmp_path):
    messages = list(again(drives, 20))
    unset = drives.odometry(messages[10][2])
    unset.pose.pose.orientation.w = unset.pose.pose.orientation.z = 0.0
    messages[10] = (*messages[10][:3], unset)
    stampless = [(ODOMETRY, "nav_msgs/msg/Odometry", 0, drives.odometry(0)),
                 (messages[1][0], IMAGE, 0, drives.image(0, drives.pixels(0, 4, 4)))]  # fmt: skip
    path = drives.write(tmp_path / "bag", [*messages[:20], *stampless, *messages[20:]])
    events, counts = read(path, ("front",))
    assert len([event for event in events if isinstance(event, Frame)]) == 19
    assert counts == {
        "odometry without a stamp": 1,
        "image of /carla/ego_vehicle/front/image without a stamp": 1,
        "frame whose orientation is no rotation": 1,
    }


@pytest.mark.parametrize("compression", ["zstd", "lz4"])
def test_a_chunk_whose_frame_claims_another_size_is_damage_before_anything_is_unpacked(compression):
    compress = zstandard.compress if compression == "zstd" else lz4.frame.compress

    def chunk(size, data):
        packed = compress(data)
        head = struct.pack("<QQQII", 0, 0, size, 0, len(compression)) + compression.encode()
        return memoryview(head + struct.pack("<Q", len(packed)) + packed)

    assert bytes(mcap_reading._chunk_data(chunk(100, bytes(100)))) == bytes(100)
    with pytest.raises(ValueError, match="sizes contradict"):
        mcap_reading._chunk_data(chunk(100, bytes(1000)))

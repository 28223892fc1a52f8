"""Files of CARLA's recorder format, byte by byte as CARLA's page describes them."""

import re
import struct

import pytest

from carla_lite.recording import LogReader, LogWriter, RecordingError
from carla_lite.recording import log_records as r
from carla_lite.recording.packets import PacketId, pack, unpack

DATE_S = 1_700_000_000
CAR = r.ActorAdded(
    7,
    r.ActorKind.VEHICLE,
    100.0,
    -200.0,
    3.0,
    1.0,
    2.0,
    90.0,
    5,
    "vehicle.seat.leon",
    (r.Attribute(3, "color", "1,2"),),
)
RECORDS = {
    PacketId.EVENT_ADD: (CAR, CAR._replace(actor_id=8, attributes=())),
    PacketId.EVENT_DEL: (r.ActorRemoved(100), r.ActorRemoved(101)),
    PacketId.EVENT_PARENT: (r.Parent(3, 4),),
    PacketId.COLLISION: (r.CollisionRecord(0, 7, r.NO_ACTOR, True, False),),
    PacketId.POSITION: (r.Position(7, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0),),
    PacketId.TRAFFIC_LIGHT: (r.LightRecord(9, True, 1.5, 2),),
    PacketId.VEHICLE: (r.VehicleRecord(7, -0.5, 0.25, 1.0, True, -1),),
    PacketId.WALKER: (r.WalkerRecord(6, 1.5),),
    PacketId.VEHICLE_LIGHT: (r.VehicleLights(7, 0x84),),
    PacketId.KINEMATICS: (r.Kinematics(7, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0),),
    PacketId.BOUNDING_BOX: (r.BoxRecord(7, 0.0, 0.0, 70.0, 200.0, 90.0, 75.0),),
    PacketId.TRAFFIC_LIGHT_TIME: (r.LightTimes(9, 10.0, 3.0, 2.0),),
    PacketId.TRIGGER_VOLUME: (r.BoxRecord(9, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0),),
}


def text(content):
    return struct.pack("<H", len(content)) + content


def carla_bytes():
    """Return a file put together by hand: three frames, an unknown packet (20) and one of another branch (18)."""
    head = struct.pack("<H", 1) + text(b"CARLA_RECORDER") + struct.pack("<q", DATE_S) + text(b"Town03")
    frames = b""
    for number, duration, position in ((1, 0.1, 0.0), (2, 0.2, 10.0), (3, -1.0, 30.0)):
        frames += struct.pack("<BIQdd", 0, 24, number, duration, position / 100.0)
        frames += struct.pack("<BId", 20, 8, 1.0) + struct.pack("<BI", 18, 3) + b"abc"
        frames += struct.pack("<BIHI6f", 6, 30, 1, 7, position, 0.0, 0.0, 0.0, 0.0, 0.0)
        frames += struct.pack("<BI", 1, 0)
    return head, frames


def written(tmp_path, content):
    path = tmp_path / "a.log"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize("packet_id", RECORDS)
def test_records_come_back(packet_id):
    packed = pack(packet_id, RECORDS[packet_id])
    number, size = struct.unpack_from("<BI", packed)
    assert (number, size) == (packet_id, len(packed) - 5)
    assert unpack(packet_id, packed[5:]) == RECORDS[packet_id]


def test_a_removal_has_the_bytes_of_carlas_page():
    ids = [r.ActorRemoved(each) for each in (100, 101, 120)]
    assert pack(PacketId.EVENT_DEL, ids) == bytes.fromhex("03 0e000000 0300 64000000 65000000 78000000")


def test_a_file_of_carla_is_read(tmp_path):
    log = LogReader(written(tmp_path, b"".join(carla_bytes())))
    assert log.head == (1, DATE_S, "Town03")
    assert list(log.elapsed_s) == [0.0, 0.1, 0.3]
    assert [frame.of(PacketId.POSITION)[0].x_cm for frame in log] == [0.0, 10.0, 30.0]
    assert log.duration_s == 0.3
    assert log.damage == ""


def test_what_is_written_has_the_same_bytes(tmp_path):
    log = LogWriter(tmp_path / "a.log", "Town03", DATE_S)
    for duration_s, x_cm in ((9.0, 0.0), (0.1, 10.0), (0.2, 30.0)):
        log.add_frame(duration_s, [pack(PacketId.POSITION, [r.Position(7, x_cm, 0.0, 0.0, 0.0, 0.0, 0.0)])])
    log.close()
    head, frames = carla_bytes()
    foreign = struct.pack("<BId", 20, 8, 1.0) + struct.pack("<BI", 18, 3) + b"abc"
    expected = head + frames.replace(foreign, b"")
    time = struct.pack("<d", 0.1 + 0.2)
    assert (tmp_path / "a.log").read_bytes() == expected.replace(struct.pack("<d", 0.3), time)


def test_every_cut_leaves_the_whole_frames_or_a_clear_refusal(tmp_path):
    head, frames = carla_bytes()
    frame = len(frames) // 3
    for size in range(len(head + frames)):
        path = written(tmp_path, (head + frames)[:size])
        whole = max(size - len(head), 0) // frame
        if whole:
            log = LogReader(path)
            assert len(list(log)) == whole
            assert bool(log.damage) == ((size - len(head)) % frame != 0)
        else:
            with pytest.raises(RecordingError, match=r"not a CARLA recorder|no whole frame"):
                LogReader(path)


@pytest.mark.parametrize(
    ("place", "value", "reason"),
    [
        (0, struct.pack("<BI", 0, 23), "cut off|frame starts with"),
        (13 + 8, struct.pack("<d", float("nan")), "no finite time"),
        (5, struct.pack("<Qdd", 2, 0.2, -1.0), "back in time"),
    ],
)
def test_a_damaged_second_frame_ends_the_recording(tmp_path, place, value, reason):
    head, frames = carla_bytes()
    start = len(head) + len(frames) // 3 + place
    content = bytearray(head + frames)
    content[start : start + len(value)] = value
    log = LogReader(written(tmp_path, bytes(content)))
    assert len(log) == 1
    assert re.search(reason, log.damage)


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "damaged"),
        (struct.pack("<H", 2) + bytes(28), "28|30 bytes for 2 records"),
        (struct.pack("<HI6f", 1, 7, float("inf"), 0, 0, 0, 0, 0), "not finite"),
    ],
)
def test_a_damaged_packet_says_so(data, reason):
    with pytest.raises(RecordingError, match=reason):
        unpack(PacketId.POSITION, data)


def test_a_text_that_is_cut_off_says_so():
    whole = pack(PacketId.EVENT_ADD, [CAR])[5:]
    for size in range(2, len(whole)):
        with pytest.raises(RecordingError, match="EVENT_ADD is damaged"):
            unpack(PacketId.EVENT_ADD, whole[:size])

"""What is told of recordings, in CARLA's words."""

import pytest

from carla_lite.recording import LogReader, LogWriter, RecordingError, report
from carla_lite.recording import log_records as r
from carla_lite.recording.packets import PacketId, pack


def actor(actor_id, kind, type_id):
    return r.ActorAdded(actor_id, kind, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1, type_id, ())


CAR, WALKER, PROP = (
    actor(7, r.ActorKind.VEHICLE, "vehicle.seat.leon"),
    actor(8, r.ActorKind.WALKER, "walker.pedestrian.0001"),
    actor(9, r.ActorKind.OTHER, "static.prop.barrel"),
)


def at(actor_id, x_cm):
    return r.Position(actor_id, x_cm, 0.0, 0.0, 0.0, 0.0, 0.0)


@pytest.fixture
def recording(tmp_path):
    """Return what makes a recording of frames of ten seconds: each a dict of records by packet."""

    def make(*frames):
        writer = LogWriter(tmp_path / "a.log", "Lite01", 0)
        for frame in frames:
            writer.add_frame(10.0, [pack(packet_id, records) for packet_id, records in frame.items()])
        writer.close()
        return LogReader(tmp_path / "a.log")

    return make


def body(told):
    """Return the lines between head and end."""
    return told.splitlines()[4:-3]


def test_events_are_told_with_their_frames(recording):
    log = recording(
        {PacketId.EVENT_ADD: [CAR]},
        {PacketId.POSITION: [at(7, 1.0)]},
        {PacketId.EVENT_PARENT: [r.Parent(9, 7)], PacketId.EVENT_DEL: [r.ActorRemoved(7)]},
    )
    assert body(report.file_info(log, False)) == [
        "Frame 1 at 0 seconds",
        " Create 7: vehicle.seat.leon (1) at (0, 0, 0)",
        "Frame 3 at 20 seconds",
        " Parenting 9 with 7 (parent)",
        " Destroy 7",
    ]


def test_every_state_is_told_when_asked_for(recording):
    log = recording(
        {
            PacketId.POSITION: [r.Position(7, 1.25, -1234567.0, 0.5, 1.0, 2.0, 3.0)],
            PacketId.TRAFFIC_LIGHT: [r.LightRecord(3, True, 1.5, 2)],
            PacketId.VEHICLE: [r.VehicleRecord(7, -0.5, 0.25, 0.0, True, -1)],
            PacketId.WALKER: [r.WalkerRecord(8, 1.5)],
            PacketId.VEHICLE_LIGHT: [r.VehicleLights(7, 0), r.VehicleLights(6, 2 + 8)],
            PacketId.KINEMATICS: [r.Kinematics(7, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0)],
        }
    )
    assert body(report.file_info(log, True)) == [
        "Frame 1 at 0 seconds",
        " Positions: 1",
        "  Id: 7 Location: (1.25, -1.23457e+06, 0.5) Rotation: (1, 2, 3)",
        " State traffic lights: 1",
        "  Id: 3 state: 2 frozen: 1 elapsedTime: 1.5",
        " Vehicle animations: 1",
        "  Id: 7 Steering: -0.5 Throttle: 0.25 Brake: 0 Handbrake: 1 Gear: -1",
        " Walker animations: 1",
        "  Id: 8 speed: 1.5",
        " Vehicle light animations: 2",
        "  Id: 7 None",
        "  Id: 6 LowBeam Brake",
        " Dynamic actors: 1",
        "  Id: 7 linear_velocity: (1, 2, 3) angular_velocity: (4, 5, 6)",
    ]


def test_a_text_that_nobody_could_take_is_refused(recording, monkeypatch):
    monkeypatch.setattr(report, "MAX_TEXT", 100)
    log = recording(*[{PacketId.POSITION: [at(7, 1.0)]}] * 3)
    with pytest.raises(RecordingError, match="longer than"):
        report.file_info(log, True)
    assert body(report.file_info(log, False)) == []


def test_a_collision_is_listed_when_it_begins_whoever_ran_into_whom(recording):
    hit = {
        PacketId.COLLISION: [r.CollisionRecord(0, 8, 7, False, True), r.CollisionRecord(1, 7, r.NO_ACTOR, True, False)]
    }
    log = recording({PacketId.EVENT_ADD: [CAR, WALKER]}, hit, hit, {}, hit)

    def pairs(first, second):
        return [line.split() for line in body(report.collisions(log, first, second))[1:]]

    one = ["v", "w", "7", "vehicle.seat.leon", "8", "walker.pedestrian.0001"]
    assert pairs("v", "w") == [["10", *one], ["40", *one]]
    assert pairs("h", "w") == pairs("v", "w")
    assert [line[1:3] for line in pairs("w", "v")] == [["w", "v"]] * 2
    assert [line[1:] for line in pairs("h", "o")] == [["v", "o", "7", "vehicle.seat.leon", str(r.NO_ACTOR)]] * 2
    assert len(pairs("a", "a")) == 4
    assert pairs("t", "a") == []
    with pytest.raises(RecordingError, match="category 'x'"):
        report.collisions(log, "x", "a")


def test_who_stays_in_one_place_is_listed_longest_first(recording):
    def places(car, walker):
        return {PacketId.POSITION: [at(7, car), at(8, walker), at(9, 0.0)]}

    log = recording(
        {PacketId.EVENT_ADD: [CAR, WALKER, PROP], **places(0.0, 0.0)},
        places(5.0, 500.0),
        places(500.0, 505.0),
        places(1000.0, 510.0),
        places(1500.0, 510.0),
    )
    lines = [line.split() for line in body(report.actors_blocked(log, 15.0, 100.0))[1:]]
    assert lines == [["10", "8", "walker.pedestrian.0001", "30"], ["0", "7", "vehicle.seat.leon", "20"]]
    assert len(body(report.actors_blocked(log, 25.0, 100.0))[1:]) == 1

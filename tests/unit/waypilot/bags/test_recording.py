"""Recording: under which time a message is stored, and whether more is on its way."""

import pytest

from waypilot.bags import Bag, BagWriter
from waypilot.bags.recording import Recording, begins_with_stamp, first_stamp_ns


@pytest.fixture
def recording(tmp_path):
    return Recording(BagWriter(tmp_path / "bag"))


def take(recording, drives, topic, kind, message):
    recording.take(drives.library.topic(topic, kind), drives.library.serialize(message, kind))


def text(drives, words):
    return "std_msgs/msg/String", drives.cls("std_msgs/msg/String")(data=words)


def times(tmp_path):
    with Bag(tmp_path / "bag") as bag:
        return [(message.topic, message.time_ns) for message in bag.messages()]


def test_messages_are_stored_under_their_stamps_and_others_under_the_newest(recording, drives, tmp_path):
    take(recording, drives, "/name", *text(drives, "before anything is stamped"))
    take(recording, drives, "/odometry", "nav_msgs/msg/Odometry", drives.odometry(70))
    take(recording, drives, "/name", *text(drives, "later"))
    take(recording, drives, "/odometry", "nav_msgs/msg/Odometry", drives.odometry(5_000_000_090))
    assert recording.messages == 4
    recording.close()
    assert times(tmp_path) == [("/name", 70), ("/odometry", 70), ("/name", 70), ("/odometry", 5_000_000_090)]


def test_diagnostics_of_the_drive_before_do_not_set_the_time_of_this_one(recording, drives, tmp_path):
    kind = "diagnostic_msgs/msg/DiagnosticArray"
    header = drives.cls("std_msgs/msg/Header")(stamp=drives.stamp(60 * 10**9), frame_id="")
    for _ in range(6):
        take(recording, drives, "/diagnostics", kind, drives.cls(kind)(header=header, status=[]))
    for number in range(6):
        take(recording, drives, "/odometry", "nav_msgs/msg/Odometry", drives.odometry(20 * 10**9 + number))
    assert recording.behind() == []
    recording.close()
    assert {time_ns // 10**9 for _, time_ns in times(tmp_path)} == {20}


def test_without_any_stamp_nothing_is_lost(recording, drives, tmp_path):
    take(recording, drives, "/name", *text(drives, "a"))
    recording.close()
    assert times(tmp_path) == [("/name", 0)]


def test_a_regular_topic_whose_last_messages_lack_is_behind(recording, drives):
    clock = drives.cls("rosgraph_msgs/msg/Clock")
    for number in range(20):
        stamp_ns = drives.START_NS + number * drives.STEP_NS
        take(recording, drives, "/clock", "rosgraph_msgs/msg/Clock", clock(drives.stamp(stamp_ns)))
        if number < 19:
            take(recording, drives, "/odometry", "nav_msgs/msg/Odometry", drives.odometry(stamp_ns))
        if number == 3:  # an event is no regular topic
            take(recording, drives, "/event", "nav_msgs/msg/Odometry", drives.odometry(stamp_ns))
    assert recording.behind() == ["/odometry"]
    take(recording, drives, "/odometry", "nav_msgs/msg/Odometry", drives.odometry(stamp_ns))
    assert recording.behind() == []


def test_which_types_begin_with_a_stamp(drives):
    stamped = {
        kind: begins_with_stamp(drives.library.topic("/x", kind).definition)
        for kind in (
            "nav_msgs/msg/Path",
            "rosgraph_msgs/msg/Clock",
            "waypilot_msgs/msg/CollisionEvent",
            "std_msgs/msg/Float32",
            "waypilot_msgs/msg/ScenarioSetup",
        )
    }
    assert list(stamped.values()) == [True, True, True, False, False]
    data = drives.library.serialize(drives.odometry(7_000_000_123), "nav_msgs/msg/Odometry")
    assert first_stamp_ns(data) == 7_000_000_123

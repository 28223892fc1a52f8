"""Several drives in one bag: each judge hears what belongs to its drive, and nothing else."""

import json
from dataclasses import replace

import numpy as np
import pytest

from training.eval.recompute_metrics import main
from waypilot.bags import Bag
from waypilot.bags.drives import recorded_drives
from waypilot.bags.recorded_drive import COUNTS, RESULT, SETUP
from waypilot.geometry import SE2
from waypilot.scenarios import WEATHER_PRESETS, Scenario
from waypilot.scenarios.scenario import scenario_to_json

ODOMETRY = "/carla/ego_vehicle/odometry"
FRAMES = 25


@pytest.fixture
def parts(drives):
    """Make the messages of one drive: set-up, frames, counts and result. Every drive begins at the same stamp."""

    def make(name):
        scenario = Scenario(name, "Lite01", WEATHER_PRESETS["clear"], SE2(0.0, 0.0, 0.0), (40.0, 40.0))
        scenario = replace(scenario, time_limit_s=(FRAMES - 1) * 0.05)
        route = drives.cls("waypilot_msgs/msg/Route")(
            drives.path(0, drives.route_points()), False, np.zeros(0), np.zeros(0)
        )
        scene = drives.cls("waypilot_msgs/msg/SceneInfo")(drives.header(0, "map"), 0.0, 0.0, 0.0, [])
        setup = drives.cls("waypilot_msgs/msg/ScenarioSetup")(scenario_to_json(scenario), 0, route, False, scene)
        stamps = [drives.START_NS + number * drives.STEP_NS for number in range(FRAMES)]
        frames = [(ODOMETRY, "nav_msgs/msg/Odometry", stamp, drives.odometry(stamp)) for stamp in stamps]
        end = drives.stamp(stamps[-1])
        counts = drives.cls("waypilot_msgs/msg/DriveCounts")(end, FRAMES, 0, 0, 0, FRAMES - 1, True)
        words = json.dumps({})
        result = drives.cls("waypilot_msgs/msg/ScenarioResult")(drives.header(0, "map"), name, 0, "failed", words)
        last = stamps[-1]
        return (
            [(SETUP, "waypilot_msgs/msg/ScenarioSetup", stamps[0], setup)],
            frames,
            [
                (COUNTS, "waypilot_msgs/msg/DriveCounts", last, counts),
                (RESULT, "waypilot_msgs/msg/ScenarioResult", last, result),
            ],
        )

    return make


@pytest.mark.parametrize("order", ["frames before their set-up", "frames after their result"])
def test_what_comes_out_of_order_between_two_drives_goes_to_its_own(drives, parts, tmp_path, order):
    (setup_a, frames_a, end_a), (setup_b, frames_b, end_b) = parts("first"), parts("second")
    if order == "frames before their set-up":
        messages = [*setup_a, *frames_a, *end_a, *frames_b[:3], *setup_b, *frames_b[3:], *end_b]
    else:
        messages = [*setup_a, *frames_a[:-3], *end_a, *frames_a[-3:], *setup_b, *frames_b, *end_b]
    with Bag(drives.write(tmp_path / "bag", messages)) as bag:
        found = list(recorded_drives(bag))
    assert [drive.judge.scenario.name for drive in found] == ["first", "second"]
    for drive in found:
        assert drive.judge.missing(drive.promise) == ""
        assert dict(drive.unusable) == {}
        assert drive.judge.termination.reason.startswith("time-out")


@pytest.mark.parametrize("bridge", ["lock step", "free running"])
def test_frames_before_the_set_up_count_only_where_the_drive_lacks_them(drives, parts, tmp_path, bridge):
    setup, frames, (counts, result) = parts("first")
    if bridge == "free running":
        # It promises no more than the last frame; the metrics node did not see what came before the drive.
        counts = (*counts[:3], replace(counts[3], frames=1, missed_deadlines=0, lock_step=False))
    extra = [
        (ODOMETRY, "nav_msgs/msg/Odometry", stamp, drives.odometry(stamp))
        for stamp in (drives.START_NS + (FRAMES + n) * drives.STEP_NS for n in range(3))
    ]
    messages = [*frames[:3], *setup, *frames[3:], *extra, counts, result]
    with Bag(drives.write(tmp_path / "bag", messages)) as bag:
        (drive,) = recorded_drives(bag)
    first = 3 if bridge == "free running" else 0
    assert drive.judge.log.egos(10**18)[0].stamp_ns == drives.START_NS + first * drives.STEP_NS
    assert drive.judge.termination.stamp_ns == drives.START_NS + (FRAMES - 1 + first) * drives.STEP_NS


def test_without_counts_frames_before_the_set_up_are_left_out_and_that_is_said(drives, parts, tmp_path, capsys):
    setup, frames, (_, result) = parts("first")
    extra = drives.odometry(drives.START_NS + FRAMES * drives.STEP_NS)
    later = [(ODOMETRY, "nav_msgs/msg/Odometry", drives.START_NS, extra)]
    path = drives.write(tmp_path / "early", [*frames[:1], *setup, *frames[1:], *later, result])
    assert main(["--bag", str(path)]) == 1, "judged from the second frame on, it is not what was published"
    assert "left out: 1 ego states before the set-up of their drive" in capsys.readouterr().out
    path = drives.write(tmp_path / "in_order", [*setup, *frames, result])
    main(["--bag", str(path)])
    assert "left out" not in capsys.readouterr().out


def test_a_drive_that_lacks_something_does_not_take_the_frames_of_the_next(drives, parts, tmp_path):
    (setup_a, frames_a, end_a), (setup_b, frames_b, end_b) = parts("first"), parts("second")
    # Frame 7 of the first drive was lost for good, so that nobody knows whether what comes next is still its own.
    messages = [*setup_a, *frames_a[:7], *frames_a[8:], *end_a, *frames_b[:3], *setup_b, *frames_b[3:], *end_b]
    with Bag(drives.write(tmp_path / "bag", messages)) as bag:
        first, second = recorded_drives(bag)
    assert first.judge.missing(first.promise) == f"{FRAMES - 1} of {FRAMES} ego states"
    assert second.judge.missing(second.promise) == ""
    assert len(second.judge.log.egos(10**18)) == FRAMES


def test_what_comes_too_long_before_the_set_up_is_dropped_and_counted(drives, parts, tmp_path, monkeypatch):
    monkeypatch.setattr("waypilot.bags.drives.MAX_EARLY", 4)
    setup, frames, end = parts("first")
    with Bag(drives.write(tmp_path / "bag", [*frames[:9], *setup, *frames[9:], *end])) as bag:
        (drive,) = recorded_drives(bag)
    assert drive.dropped == 5
    assert drive.judge.missing(drive.promise) == f"{FRAMES - 5} of {FRAMES} ego states"


def test_a_set_up_or_a_label_that_is_none_costs_that_drive_only(drives, parts, tmp_path, capsys):
    (((topic, kind, stamp, setup),), frames_a, end_a), second = parts("first"), parts("second")
    broken = (topic, kind, stamp, replace(setup, scenario_json='{"name": 3}'))
    label = ("/waypilot/driver", "std_msgs/msg/String", stamp, drives.cls("std_msgs/msg/String")("someone"))
    messages = [label, broken, *frames_a, *end_a, *(m for part in second for m in part)]
    path = drives.write(tmp_path / "bag", messages, "sqlite3")
    (file,) = path.glob("*.db3")
    # The label's length is made longer than the message.
    content = file.read_bytes()
    assert content.count(b"\x08\x00\x00\x00someone\x00") == 1
    file.write_bytes(content.replace(b"\x08\x00\x00\x00someone\x00", b"\xff\x00\x00\x00someone\x00"))
    main(["--bag", str(path), "--output", str(tmp_path / "out.json")])
    first, other = json.loads((tmp_path / "out.json").read_text())["drives"]
    assert first["problem"].startswith("its set-up cannot be used: ")
    assert first["unusable"] == {"/waypilot/driver": 1}
    assert (other["scenario"], other["problem"], other["missing"]) == ("second", "", "")
    assert "unusable: 1 messages on /waypilot/driver" in capsys.readouterr().out


def test_a_drive_that_cannot_be_judged_says_so(drives, parts, tmp_path, monkeypatch):
    def refuse(judge):
        raise ValueError("numbers that contradict each other")

    monkeypatch.setattr("waypilot.metrics.judge.Judge.result", refuse)
    path = drives.write(tmp_path / "bag", [m for part in parts("first") for m in part])
    assert main(["--bag", str(path), "--output", str(tmp_path / "out.json")]) == 1
    (entry,) = json.loads((tmp_path / "out.json").read_text())["drives"]
    assert entry["problem"] == "what was recorded cannot be judged: numbers that contradict each other"

"""Several drives in one bag: each judge hears what belongs to its drive, and nothing else."""

import json
from dataclasses import replace

import numpy as np
import pytest

from waypilot.bags import Bag
from waypilot.bags.drives import COUNTS, RESULT, SETUP, recorded_drives
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

"""Bags to episodes: labels are the path driven, the checker accepts them, the trainer trains on them."""

import json
from dataclasses import replace

import numpy as np
import pytest

from training.data import bag_import
from training.data.import_bag import main
from training.sft import train_waypoint_bc_torch_v0 as trainer
from waypilot.config import config_to_dict
from waypilot.episodes import load_episode, load_image
from waypilot.episodes.__main__ import main as episodes_command
from waypilot.scenarios import WEATHER_PRESETS, load_suite
from waypilot.types import RouteCommand

ODOMETRY = "/carla/ego_vehicle/odometry"
CONTROL = "carla_msgs/msg/CarlaEgoVehicleControl"


def run(bag, out, *more):
    return main(["--bag", str(bag), "--out", str(out), "--mount", "front=1.3,0,2", "--fov-deg", "front=100",
                 "--town", "Elsewhere", *more])  # fmt: skip


def commanded(drives, frames):
    for entry in drives.upstream(frames):
        yield entry
        if entry[0].endswith("image"):
            throttle = 0.001 * round((entry[2] - drives.START_NS) / drives.STEP_NS)
            message = drives.cls(CONTROL)(drives.header(entry[2], "x"), throttle, 0.25, 0.0, False, False, 1, False)
            yield "/carla/ego_vehicle/vehicle_control_cmd", CONTROL, entry[2], message


def test_labels_are_the_path_that_was_driven(drives, tmp_path, capsys):
    assert run(drives.write(tmp_path / "bag", commanded(drives, 180)), tmp_path / "out") == 0
    path = tmp_path / "out" / "bag_00" / "episode.json"
    episode = load_episode(path)
    # 180 frames at 20 Hz, every fourth, the last 5 s without a label: frames 0, 4, ..., 76 of 0 to 79.
    assert [frame.ego.stamp_ns for frame in episode.frames] == [200_000_000 * number for number in range(20)]
    assert "left out: 25 frames whose future is not known" in capsys.readouterr().out
    ahead_m = np.array([drives.place(drives.START_NS + (i + 1) * 250_000_000)[:2] for i in range(20)])
    for number, frame in enumerate(episode.frames):
        assert np.abs(frame.waypoints_m - ahead_m).max() < 1e-9
        assert frame.control.throttle == pytest.approx(0.004 * number)
        assert frame.target_point_m is not None
    image = load_image(path, episode, episode.frames[3], "front").astype(int)
    # Where the pattern wraps from 255 to 0 JPEG rings.
    assert np.median(np.abs(image - drives.pixels(12))) <= 3
    assert np.median(np.abs(image - drives.pixels(16))) > 3


def test_images_that_a_recorder_stored_long_after_the_odometry_have_their_labels(drives, tmp_path, monkeypatch, capsys):
    # A stable sort: everything else first, then the images, each in its order.
    bag = drives.write(tmp_path / "bag", sorted(drives.upstream(180), key=lambda entry: entry[0].endswith("image")))
    assert run(bag, tmp_path / "out") == 0
    assert len(load_episode(tmp_path / "out" / "bag_00" / "episode.json").frames) == 20
    monkeypatch.setattr(bag_import, "MAX_EARLY", 100)
    run(bag, tmp_path / "fewer")
    assert "80 odometry and commands long before the first frame" in capsys.readouterr().out


def test_the_checker_accepts_and_the_trainer_trains(drives, tmp_path):
    for number in range(3):
        bag = drives.write(tmp_path / f"drive{number}", drives.upstream(160))
        assert run(bag, tmp_path / "out", "--route-id", str(number)) == 0
    pattern = str(tmp_path / "out" / "**" / "*.json")
    assert episodes_command(["check", pattern]) == 0
    code = trainer.main(["--episodes-glob", pattern, "--num-steps", "2", "--batch-size", "4",
                         "--out-dir", str(tmp_path / "sft")])  # fmt: skip
    assert code == 0
    assert (tmp_path / "sft" / "model.pt").is_file()


def test_a_jump_back_in_time_makes_two_episodes_and_a_gap_no_labels(drives, tmp_path, capsys):
    second = [entry for entry in drives.upstream(140) if not entry[0].endswith("waypoints")]
    gap = [
        entry
        for entry in second
        if not (entry[0] == ODOMETRY and 60 <= (entry[2] - drives.START_NS) // drives.STEP_NS < 80)
    ]
    assert run(drives.write(tmp_path / "bag", [*drives.upstream(130), *second]), tmp_path / "out") == 0
    frames = [len(load_episode(tmp_path / "out" / name / "episode.json").frames) for name in ("bag_00", "bag_01")]
    assert frames == [8, 10]
    assert run(drives.write(tmp_path / "gap", [*list(drives.upstream(1))[:1], *gap]), tmp_path / "gaps") == 1
    assert "drives with too few labelled frames" in capsys.readouterr().out
    assert not list((tmp_path / "gaps").glob("*"))


def test_without_a_route_the_command_is_unknown(drives, tmp_path, capsys):
    messages = [entry for entry in drives.upstream(140) if not entry[0].endswith("waypoints")]
    assert run(drives.write(tmp_path / "bag", messages), tmp_path / "out") == 0
    episode = load_episode(tmp_path / "out" / "bag_00" / "episode.json")
    assert {(frame.command, frame.target_point_m) for frame in episode.frames} == {(RouteCommand.VOID, None)}
    assert "route commands are VOID" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (["--town", "Lite01"], "policies are evaluated there"),
        (["--town", ""], "name the place with --town"),
        (["--mount", "rear=0,0,0"], "no camera rear; it has front=/carla/ego_vehicle/front/image"),
        (["--camera", "front=/nothing"], "topic /nothing is not in the bag"),
        (["--every-s", "0"], "every_ns is 0"),
    ],
)
def test_what_cannot_be_imported_as_asked_is_refused(drives, tmp_path, capsys, more, words):
    assert run(drives.write(tmp_path / "bag", drives.upstream(3)), tmp_path / "out", *more) == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_a_camera_is_found_by_the_word_in_its_name_as_the_evaluation_finds_it(drives, tmp_path, capsys):
    upstream = ((topic.replace("/front/", "/rgb_front/"), *more) for topic, *more in drives.upstream(180))
    assert run(drives.write(tmp_path / "bag", upstream), tmp_path / "out") == 0
    episode = load_episode(tmp_path / "out" / "bag_00" / "episode.json")
    assert [camera.name for camera in episode.cameras] == ["front"]
    assert "camera front is taken from /carla/ego_vehicle/rgb_front/image" in capsys.readouterr().out


def test_an_episode_that_is_there_is_not_touched(drives, tmp_path, capsys):
    bag = drives.write(tmp_path / "bag", drives.upstream(140))
    assert run(bag, tmp_path / "out") == 0
    before = (tmp_path / "out" / "bag_00" / "episode.json").read_bytes()
    assert json.loads(before)["recorder"]["bag"] == "bag"
    assert run(bag, tmp_path / "out") == 2
    assert "exists already" in capsys.readouterr().err
    assert (tmp_path / "out" / "bag_00" / "episode.json").read_bytes() == before


def setups(drives, *scenarios):
    """Yield a set-up for each scenario, each with a route and a drive along it of its own."""
    kind = "waypilot_msgs/msg/ScenarioSetup"
    scene = drives.cls("waypilot_msgs/msg/SceneInfo")(drives.header(drives.START_NS, "map"), 2.0, 1.0, 0.0, [])
    for number, scenario in enumerate(scenarios):
        path = drives.path(drives.START_NS, drives.route_points(200.0 - number))
        route = drives.cls("waypilot_msgs/msg/Route")(path, False, np.zeros(0), np.zeros(0))
        setup = drives.cls(kind)(json.dumps(config_to_dict(scenario)), number, route, False, scene)
        yield "/waypilot/scenario_setup", kind, drives.START_NS, setup
        yield from drives.upstream(140)


CLEAN = next(scenario for scenario in load_suite("standard") if not scenario.faults)
FAULTY = next(scenario for scenario in load_suite("faults") if scenario.faults)
LEARNT = replace(CLEAN, name="learnt", map="Lite02")


@pytest.mark.parametrize(
    ("scenarios", "words"),
    [
        ([replace(FAULTY, map="Lite02")], f"scenario {FAULTY.name} has faults"),
        ([LEARNT, replace(FAULTY, map="Lite02")], f"scenario {FAULTY.name} has faults"),
        ([LEARNT, CLEAN], f"{CLEAN.map}: policies are evaluated there"),
    ],
)
@pytest.mark.parametrize("more", [[], ["--route", "/carla/ego_vehicle/waypoints"]])
def test_nothing_is_imported_where_one_drive_must_not_train(drives, tmp_path, capsys, scenarios, words, more):
    assert run(drives.write(tmp_path / "bag", setups(drives, *scenarios)), tmp_path / "out", *more) == 2
    assert words in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


def test_every_drive_is_described_by_its_own_set_up(drives, tmp_path):
    night = replace(LEARNT, name="at_night", weather=WEATHER_PRESETS["night"])
    bag = drives.write(tmp_path / "bag", setups(drives, LEARNT, night))
    assert run(bag, tmp_path / "out", "--town", "") == 0
    found = [load_episode(tmp_path / "out" / f"bag_{number:02d}" / "episode.json") for number in range(2)]
    assert [(e.town, e.route_id, e.weather, e.seed) for e in found] == [
        ("Lite02", "learnt", "clear", 0),
        ("Lite02", "at_night", "night", 1),
    ]

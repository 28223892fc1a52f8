import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from waypilot.episodes import (
    Episode,
    EpisodeError,
    EpisodeFrame,
    EpisodeWriter,
    WaypointSource,
    check_episode,
    decode_jpeg,
    encode_jpeg,
    find_episodes,
    load_episode,
    load_image,
)
from waypilot.episodes.__main__ import main
from waypilot.geometry import Pose
from waypilot.rig import CameraSpec
from waypilot.types import Control, EgoState, RouteCommand

CAMERA = CameraSpec("front", 32, 16, 1.5, Pose.from_xyz_rpy(1.3, 0.0, 2.0, 0.1, 0.2, 0.3))
HEADER = Episode(
    episode_id="town-0",
    source="test",
    town="Lite02",
    route_id="3-7",
    weather="rain",
    seed=5,
    cameras=(CAMERA,),
    waypoint_dt_ns=250_000_000,
    waypoint_source=WaypointSource.EXPERT_PLAN,
    frames=(),
    weather_parameters={"cloudiness": 80.0},
    recorder={"every": 4},
)


def image(seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (16, 32, 3), dtype=np.uint8)


def frame(index: int) -> EpisodeFrame:
    pose = Pose.from_xyz_rpy(1.6 * index, 0.1 + 0.2, 0.0, 0.01, 0.02, 0.03)
    return EpisodeFrame(
        ego=EgoState(200_000_000 * index, pose, (8.0, 1 / 3, 0.0), (0.0, 0.0, 0.1)),
        command=RouteCommand.LEFT,
        target_point_m=(30.0, -2.0) if index else None,
        control=Control(throttle=0.3, steer=-0.1) if index else None,
        images={},
        waypoints_m=np.stack([2.0 * np.arange(1, 21), 0.1 * np.arange(1, 21)], axis=1) if index != 1 else None,
    )


@pytest.fixture
def path(tmp_path: Path) -> Path:
    writer = EpisodeWriter(tmp_path / "drive", HEADER)
    for index in range(3):
        writer.add_frame(frame(index), {"front": image(index)})
    return writer.finish()


@pytest.fixture
def edit(path: Path) -> Callable[[Callable[[dict[str, Any]], None]], list[str]]:
    """Change episode.json by hand, and check it."""

    def change(by: Callable[[dict[str, Any]], None]) -> list[str]:
        data = json.loads(path.read_text())
        by(data)
        path.write_text(json.dumps(data))
        return check_episode(path)

    return change


def test_round_trip_keeps_every_bit(path: Path) -> None:
    episode = load_episode(path)
    assert replace(episode, frames=()).__repr__() == HEADER.__repr__()
    for index, read in enumerate(episode.frames):
        wrote = frame(index)
        assert read.ego == wrote.ego
        assert read.command == wrote.command
        assert read.target_point_m == wrote.target_point_m
        assert read.control == wrote.control
        if wrote.waypoints_m is None:
            assert read.waypoints_m is None
        else:
            assert np.array_equal(read.waypoints_m, wrote.waypoints_m)
        assert np.array_equal(load_image(path, episode, read, "front"), decode_jpeg(encode_jpeg(image(index))))
    assert check_episode(path) == []


def test_jpeg_keeps_colours_apart() -> None:
    red = np.zeros((16, 32, 3), dtype=np.uint8)
    red[..., 0] = 200
    decoded = decode_jpeg(encode_jpeg(red)).astype(int)
    assert np.abs(decoded - red).max() < 8


def test_ready_jpeg_bytes_are_kept_as_they_are(tmp_path: Path) -> None:
    data = encode_jpeg(image())
    writer = EpisodeWriter(tmp_path / "drive", HEADER)
    writer.add_frame(frame(0), {"front": data})
    writer.finish()
    assert (tmp_path / "drive" / "front" / "000000.jpg").read_bytes() == data


def test_nothing_appears_before_the_end(tmp_path: Path) -> None:
    writer = EpisodeWriter(tmp_path / "drive", HEADER)
    writer.add_frame(frame(0), {"front": image()})
    assert list(tmp_path.rglob("*.json")) == []
    assert not (tmp_path / "drive").exists()
    again = EpisodeWriter(tmp_path / "drive", HEADER)
    assert list(tmp_path.rglob("*.jpg")) == []
    (tmp_path / "drive.partial" / "episode.json").write_text("{}")  # the writer died before it could rename
    with pytest.raises(EpisodeError, match="no file matches"):
        find_episodes(str(tmp_path / "**" / "*.json"))
    again.add_frame(frame(0), {"front": image()})
    again.finish()
    assert [p.name for p in tmp_path.iterdir()] == ["drive"]


def test_discarded_episode_leaves_nothing(tmp_path: Path) -> None:
    writer = EpisodeWriter(tmp_path / "drive", HEADER)
    writer.add_frame(frame(0), {"front": image()})
    writer.discard()
    assert list(tmp_path.iterdir()) == []


def test_writer_refuses_what_it_cannot_keep(path: Path, tmp_path: Path) -> None:
    with pytest.raises(EpisodeError, match="exists already"):
        EpisodeWriter(path.parent, HEADER)
    with pytest.raises(EpisodeError, match="no cameras"):
        EpisodeWriter(tmp_path / "blind", replace(HEADER, cameras=()))
    writer = EpisodeWriter(tmp_path / "other", HEADER)
    writer.add_frame(frame(1), {"front": image()})
    with pytest.raises(EpisodeError, match="expected increasing stamps"):
        writer.add_frame(frame(1), {"front": image()})
    with pytest.raises(EpisodeError, match="no camera rear"):
        writer.add_frame(frame(2), {"rear": image()})
    with pytest.raises(ValueError, match="expected uint8"):
        writer.add_frame(frame(2), {"front": image()[..., 0]})
    assert writer.frame_count == 1


def set_in(*keys: Any, value: Any) -> Callable[[dict[str, Any]], None]:
    def apply(data: Any) -> None:
        for key in keys[:-1]:
            data = data[key]
        data[keys[-1]] = value

    return apply


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            set_in("schema", value="waypilot.episode/9"),
            "schema: is 'waypilot.episode/9', expected 'waypilot.episode/1'",
        ),
        (set_in("extra", value=1), "episode: has unknown extra"),
        (lambda data: data.pop("town"), "episode: lacks town"),
        (lambda data: data["frames"][2].pop("command"), "frames[2]: lacks command"),
        (set_in("seed", value=1.5), "seed: is 1.5, expected an integer"),
        (set_in("frames", value={}), "frames: is {}, expected a list"),
        (set_in("frames", value=[]), "frames: is empty"),
        (set_in("cameras", 0, "fov_rad", value=9.0), "cameras[0]"),
        (set_in("waypoint_source", value="guess"), "expected one of expert_plan, driven_path"),
        (set_in("waypoint_dt_ns", value=0), "waypoint_dt_ns: is 0, expected a positive time"),
        (set_in("frames", 1, "command", value="U_TURN"), "frames[1].command: is 'U_TURN', expected one of VOID, LEFT"),
        (set_in("frames", 1, "linear_velocity_mps", value=[1, 2]), "frames[1].linear_velocity_mps: is [1, 2]"),
        (set_in("frames", 1, "linear_velocity_mps", 0, value=None), "frames[1].linear_velocity_mps: holds None"),
        (set_in("frames", 1, "linear_velocity_mps", 0, value=10**400), "expected a finite number"),
        (set_in("frames", 2, "waypoints_m", 0, 0, value=10**400), "expected N pairs [x, y] in metres"),
        (
            set_in("frames", 1, "linear_velocity_mps", 0, value=80.0),
            "frames[1].linear_velocity_mps: forward speed 80.0",
        ),
        (set_in("frames", 1, "pose_map_from_base_link", 6, value=3.0), "quaternion has length"),
        (set_in("frames", 1, "pose_map_from_base_link", 0, value=90.0), "frames[1].pose_map_from_base_link: is 90.0 m"),
        (set_in("frames", 1, "stamp_ns", value=0), "frames[1].stamp_ns: is 0 ns after the frame before"),
        (
            set_in("frames", 2, "control", "steer", value=2.0),
            "frames[2].control: steer is 2.0, expected a number in [-1",
        ),
        (set_in("frames", 2, "control", "reverse", value=0), "frames[2].control.reverse: is 0, expected true or false"),
        (set_in("frames", 2, "waypoints_m", value=[[1, 2, 3]]), "frames[2].waypoints_m: has shape (1, 3)"),
        (set_in("frames", 2, "waypoints_m", value=[[1, 2]]), "expected the same number in every frame"),
        (set_in("frames", 2, "waypoints_m", 3, value=[500, 0]), "frames[2].waypoints_m[3]: implies"),
        (set_in("frames", 2, "images", "front", value="../x.jpg"), "expected a path inside the episode's folder"),
        (set_in("frames", 2, "images", "rear", value="r.jpg"), "frames[2].images.rear: is no camera of this episode"),
        (set_in("frames", 2, "images", "front", value="no.jpg"), "frames[2].images.front"),
        (set_in("cameras", 0, "width_px", value=64), "is 32x16, camera 'front' was declared 64x16"),
    ],
)
def test_checker_names_frame_and_field(
    edit: Callable[..., list[str]], path: Path, change: Callable[[Any], None], message: str
) -> None:
    problems = edit(change)
    assert any(message in problem for problem in problems), problems
    assert all(str(path.parent) in problem for problem in problems)


def test_checker_finds_damaged_images_and_files(path: Path, tmp_path: Path) -> None:
    jpeg = path.parent / "front" / "000001.jpg"
    jpeg.write_bytes(jpeg.read_bytes()[:-40])
    assert [p for p in check_episode(path) if "frames[1].images.front" in p and "no complete JPEG" in p]
    path.write_text("{")
    assert "no valid JSON" in check_episode(path)[0]
    assert "cannot be read" in check_episode(tmp_path / "missing.json")[0]


def test_frame_without_an_image_of_a_camera(path: Path) -> None:
    episode = load_episode(path)
    with pytest.raises(EpisodeError, match="has no image of camera 'front'"):
        load_image(path, episode, replace(episode.frames[0], images={}), "front")


def test_command_line(path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pattern = str(tmp_path / "**" / "*.json")
    assert find_episodes(pattern) == (path,)
    assert main(["check", pattern]) == 0
    assert "1 episodes checked, 0 with problems" in capsys.readouterr().out
    path.write_text("[]")
    assert main(["check", pattern]) == 1
    assert "expected 'waypilot.episode/1'" in capsys.readouterr().err
    assert main(["check", str(tmp_path / "none" / "*.json")]) == 1
    assert "no file matches" in capsys.readouterr().err

import json
from pathlib import Path

import numpy as np
import pytest

from waypilot.episodes import (
    CameraIntrinsics,
    Episode,
    EpisodeError,
    EpisodeFrame,
    EpisodeWriter,
    RatedTrajectory,
    RouteAhead,
    WaypointSource,
    load_episode,
)
from waypilot.geometry import Pose
from waypilot.rig import CameraSpec
from waypilot.types import EgoState, RouteCommand

LENS = CameraIntrinsics((51.0, 52.0), (16.0, 8.0), (0.04, -0.33, 0.001, -0.0016, 0.0))


def write(folder: Path, **header) -> Path:
    episode = Episode(
        episode_id="x",
        source="test",
        town="t",
        route_id="r",
        weather="w",
        seed=0,
        cameras=(CameraSpec("front", 32, 16, 1.5, Pose.from_xyz_rpy(1.3, 0.0, 2.0)),),
        waypoint_dt_ns=250_000_000,
        waypoint_source=WaypointSource.DRIVEN_PATH,
        frames=(),
        **header,
    )
    ratings = (RatedTrajectory(np.array([[1.0, 0.5], [2.0, 1.5]]), 7.5),) if header else ()
    ahead = RouteAhead(road_user_m=12.5, red_light_m=0.0) if header else None
    ego = EgoState(0, Pose.from_xyz_rpy(0.0, 0.0, 0.0), (0.0, 0.0, 0.0), (0.0, 0.0, 0.0))
    writer = EpisodeWriter(folder, episode)
    writer.add_frame(EpisodeFrame(ego, RouteCommand.VOID, None, None, {}, None, ratings, ahead), {})
    return writer.finish()


def test_optional_fields_survive_the_round_trip(tmp_path):
    episode = load_episode(write(tmp_path / "e", reference_point="rear_axle", intrinsics={"front": LENS}))
    assert episode.reference_point == "rear_axle"
    assert episode.intrinsics == {"front": LENS}
    (rating,) = episode.frames[0].ratings
    assert rating.score == 7.5
    np.testing.assert_array_equal(rating.waypoints_m, [[1.0, 0.5], [2.0, 1.5]])
    assert episode.frames[0].ahead == RouteAhead(road_user_m=12.5, red_light_m=0.0)


def test_without_them_the_file_is_as_it_was(tmp_path):
    path = write(tmp_path / "e")
    data = json.loads(path.read_text())
    assert not {"reference_point", "intrinsics"} & set(data)
    assert not {"ratings", "ahead"} & set(data["frames"][0])
    episode = load_episode(path)
    assert (episode.reference_point, episode.intrinsics, episode.frames[0].ratings) == (None, {}, ())
    assert episode.frames[0].ahead is None


@pytest.mark.parametrize(
    ("keys", "value", "message"),
    [
        (("intrinsics", "front", "focal_px"), [0.0, 52.0], "focal lengths are"),
        (("intrinsics", "front", "distortion"), [0.0], "intrinsics.front.distortion: expected 5 values, got 1"),
        (("frames", 0, "ratings", 0, "score"), "good", r"frames\[0\].ratings\[0\].score"),
        (("frames", 0, "ratings", 0, "waypoints_m"), None, r"ratings\[0\].waypoints_m: is null"),
        (("reference_point",), "", "reference_point"),
        (("odd",), 1, "has unknown odd"),
    ],
)
def test_wrong_optional_fields_are_named(tmp_path, keys, value, message):
    path = write(tmp_path / "e", reference_point="rear_axle", intrinsics={"front": LENS})
    data = json.loads(path.read_text())
    place = data
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = value
    path.write_text(json.dumps(data))
    with pytest.raises(EpisodeError, match=message):
        load_episode(path)

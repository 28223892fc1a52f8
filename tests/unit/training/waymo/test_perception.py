import math
import os
from pathlib import Path

import numpy as np
import pytest

from training.data.import_waymo import main
from training.data.waymo.perception import derived_commands
from waypilot.episodes import find_episodes, load_episode, load_image
from waypilot.episodes.__main__ import main as episodes_main
from waypilot.types import RouteCommand

FAR_M = (-25211.25891195526, 42391.08132860608, -160.618)
SAMPLE = os.environ.get("WAYMO_PERCEPTION_SAMPLE")


@pytest.fixture
def imported(kit, tmp_path, capsys):
    """Import records as one segment file; return path and episode, and what was printed."""

    def run(messages, *options):
        records = kit.write_records(tmp_path / "segment-x.tfrecord", [m.SerializeToString() for m in messages])
        out = tmp_path / "out"
        assert main(["--records", str(records), "--out", str(out), *options]) == 0
        assert episodes_main(["check", str(out / "**" / "*.json")]) == 0
        (path,) = find_episodes(str(out / "*" / "episode.json"))
        return path, load_episode(path), capsys.readouterr().out

    return run


def segment(kit, times_s, cameras=(2, 1), **values):
    return [kit.PerceptionRecord("seg_1", float(t), cameras=cameras, **values).message() for t in times_s]


@pytest.mark.parametrize("packed", [True, False])
def test_a_circle_far_from_the_origin_has_exact_futures(kit, imported, packed):
    circle = kit.Circle(radius_m=30.0, speed_mps=9.0, start_m=FAR_M, heading_rad=2.2)
    _, episode, printed = imported(segment(kit, 0.1 * np.arange(60), circle=circle, packed=packed))
    expected = circle.local(0.25 * np.arange(1, 21))
    labelled = [frame for frame in episode.frames if frame.waypoints_m is not None]
    assert len(labelled) == 10  # 5.9 s hold the futures of 0.0 to 0.9 s
    for frame in labelled:
        np.testing.assert_allclose(frame.waypoints_m, expected, atol=2e-5)
    assert "10 with a waypoint label" in printed
    assert episode.recorder["map_origin_m"] == list(FAR_M)
    for i, frame in enumerate(episode.frames):
        assert frame.ego.stamp_ns == pytest.approx(100_000_000 * i, abs=1000)
        pose = frame.ego.pose_map_from_base_link
        exact = circle.matrix(0.1 * i)[:3, 3] - np.array(FAR_M)
        assert (pose.x_m, pose.y_m, pose.z_m) == pytest.approx(tuple(exact), abs=1e-6)
        assert math.remainder(pose.orientation.yaw_rad - circle.yaw(0.1 * i), math.tau) == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("velocity", [True, False])
def test_velocities_are_in_the_vehicle_frame(kit, imported, velocity):
    circle = kit.Circle(radius_m=-40.0, speed_mps=7.0, start_m=FAR_M, heading_rad=-1.0)
    _, episode, _ = imported(segment(kit, 0.1 * np.arange(20), circle=circle, velocity=velocity))
    tolerance = 1e-5 if velocity else 2e-3
    for frame in episode.frames:
        assert frame.ego.linear_velocity_mps == pytest.approx((7.0, 0.0, 0.0), abs=tolerance)
        assert frame.ego.angular_velocity_radps == pytest.approx((0.0, 0.0, -7.0 / 40.0), abs=tolerance)
    assert episode.recorder["frames_with_velocity_from_poses"] == (0 if velocity else 20)


def test_real_timestamps_are_used_not_frame_numbers(kit, imported):
    jitter = np.random.default_rng(0).uniform(-0.02, 0.02, 70)
    circle = kit.Circle(radius_m=30.0, speed_mps=9.0, start_m=FAR_M)
    _, episode, _ = imported(segment(kit, 0.1 * np.arange(70) + jitter, circle=circle))
    expected = circle.local(0.25 * np.arange(1, 21))
    labelled = [frame for frame in episode.frames if frame.waypoints_m is not None]
    assert len(labelled) > 15
    for frame in labelled:
        np.testing.assert_allclose(frame.waypoints_m, expected, atol=1e-3)


def test_on_a_slope_waypoints_lie_in_the_vehicle_plane(kit, imported):
    """Straight up a slope of 10 %: the way along the road counts, not its map."""
    messages = segment(kit, 0.1 * np.arange(55), circle=kit.Circle(radius_m=1e9, speed_mps=10.0))
    pitch = -math.atan(0.1)
    tilt = np.array([[math.cos(pitch), 0, math.sin(pitch)], [0, 1, 0], [-math.sin(pitch), 0, math.cos(pitch)]])
    for i, message in enumerate(messages):
        for image in message.images:
            matrix = np.eye(4)
            matrix[:3, :3], matrix[:3, 3] = tilt, tilt @ (1.0 * i, 0.0, 0.0)
            image.pose.transform[:] = matrix.ravel()
            image.velocity.vx, image.velocity.vy, image.velocity.vz = tilt @ (10.0, 0.0, 0.0)
    _, episode, _ = imported(messages)
    expected = np.stack([2.5 * np.arange(1, 21), np.zeros(20)], axis=1)
    np.testing.assert_allclose(episode.frames[0].waypoints_m, expected, atol=1e-5)
    assert episode.frames[0].ego.linear_velocity_mps == pytest.approx((10.0, 0.0, 0.0), abs=1e-5)
    assert episode.frames[0].ego.pose_map_from_base_link.orientation.rotate((1.0, 0.0, 0.0)) == pytest.approx(
        tuple(tilt @ (1.0, 0.0, 0.0))
    )


def test_a_missing_stretch_costs_the_labels_that_cross_it(kit, imported):
    times_s = np.delete(0.1 * np.arange(100), [30, 31])
    _, episode, _ = imported(segment(kit, times_s))
    labelled = {round(frame.ego.stamp_ns / 1e8) for frame in episode.frames if frame.waypoints_m is not None}
    # 2.9 s to 3.2 s are missing; one frame would be bridged, two are not.
    assert labelled == set(range(32, 50))


def test_one_missing_frame_is_bridged(kit, imported):
    circle = kit.Circle(radius_m=30.0, speed_mps=9.0)
    _, episode, _ = imported(segment(kit, np.delete(0.1 * np.arange(60), 22), circle=circle))
    np.testing.assert_allclose(episode.frames[0].waypoints_m, circle.local(0.25 * np.arange(1, 21)), atol=1e-3)


def test_header_images_and_names(kit, imported):
    path, episode, _ = imported(segment(kit, [0.0, 0.1], cameras=(5, 1, 4)), "--camera", "side_left", "front")
    assert (episode.source, episode.town, episode.route_id) == ("waymo_perception", "waymo_location_sf", "seg_1")
    assert (episode.weather, episode.reference_point) == ("sunny Day", "waymo_vehicle_frame")
    assert "derived" in episode.recorder["command_source"]
    assert [camera.name for camera in episode.cameras] == ["side_left", "front"]
    grey = load_image(path, episode, episode.frames[1], "side_left")
    assert grey.shape == (22, 48, 3)
    assert abs(float(grey.mean()) - 104) < 1.0


def test_frames_without_a_usable_front_pose_are_left_out(kit, imported):
    messages = segment(kit, 0.1 * np.arange(5), cameras=(1,))
    messages[1].images[0].name = 2
    messages[2].images[0].pose.transform[0] = 3.0
    messages[3].images[0].pose_timestamp = 0.0
    _, episode, printed = imported(messages)
    assert [round(frame.ego.stamp_ns / 1e8) for frame in episode.frames] == [0, 4]
    assert "frame: no FRONT image with a pose" in printed
    assert "frame: pose of the FRONT image is no rigid transform" in printed
    assert "frame: the FRONT image has no pose_timestamp" in printed


@pytest.mark.parametrize(("radius_m", "command"), [(12.0, RouteCommand.LEFT), (-12.0, RouteCommand.RIGHT)])
def test_commands_announce_turns_and_end_with_them(kit, radius_m, command):
    """40 m straight, a quarter of a circle, 40 m straight."""
    arc_m = abs(radius_m) * math.pi / 2
    circle = kit.Circle(radius_m=radius_m, speed_mps=1.0)
    bend = circle.local(np.arange(0.0, arc_m, 0.5)) + np.array([40.0, 0.0])
    end = circle.local(arc_m) + np.array([40.0, 0.0])
    straight = np.stack([np.arange(0.0, 40.0, 0.5), np.zeros(80)], axis=1)
    away = end + np.stack([np.zeros(80), math.copysign(1.0, radius_m) * np.arange(0.0, 40.0, 0.5)], axis=1)
    commands = derived_commands(np.concatenate([straight, bend, away]))
    assert commands[10] is RouteCommand.LANE_FOLLOW
    assert set(commands[50 : 80 + len(bend) - 8]) == {command}
    assert commands[-60] is RouteCommand.LANE_FOLLOW


def test_a_standing_or_straight_vehicle_follows_its_lane():
    assert set(derived_commands(np.zeros((30, 2)))) == {RouteCommand.LANE_FOLLOW}
    straight = np.stack([np.arange(60.0), np.zeros(60)], axis=1)
    assert set(derived_commands(straight)) == {RouteCommand.LANE_FOLLOW}


@pytest.mark.skipif(SAMPLE is None, reason="WAYMO_PERCEPTION_SAMPLE names no perception TFRecord (licensed data)")
def test_a_real_perception_file(tmp_path):
    assert SAMPLE is not None
    out = tmp_path / "out"
    assert main(["--records", SAMPLE, "--out", str(out), "--limit", "1"]) == 0
    assert episodes_main(["check", str(out / "**" / "*.json")]) == 0
    (path,) = find_episodes(str(out / "*" / "episode.json"))
    episode = load_episode(Path(path))
    front = next(camera for camera in episode.cameras if camera.name == "front")
    assert front.pose_base_link_from_camera.orientation.rotate((1.0, 0.0, 0.0)) == pytest.approx((1, 0, 0), abs=0.05)
    left = next(camera for camera in episode.cameras if camera.name == "side_left")
    assert left.pose_base_link_from_camera.orientation.rotate((1.0, 0.0, 0.0)) == pytest.approx((0, 1, 0), abs=0.05)
    assert set(episode.frames[0].images) == {camera.name for camera in episode.cameras}

import math

import numpy as np
import pytest

from training.data.import_waymo import main
from waypilot.episodes import find_episodes, load_episode, load_image
from waypilot.episodes.__main__ import main as episodes_main
from waypilot.types import RouteCommand

MICRON = 1e-5  # records hold float32: 7 digits of up to 40 m


@pytest.fixture
def imported(shards, tmp_path, capsys):
    """Import payloads; return the episodes by name, and what was printed."""

    def run(payloads, *options, code=0, check=True):
        pattern = shards(payloads)
        out = tmp_path / "out" / "waymo"
        assert main(["--records", pattern, "--out", str(out), *options]) == code
        printed = capsys.readouterr().out
        if check:
            assert episodes_main(["check", str(tmp_path / "out" / "**" / "*.json")]) == 0
        capsys.readouterr()
        paths = find_episodes(str(out / "*" / "episode.json"))
        return {path.parent.name: (path, load_episode(path)) for path in paths}, printed

    return run


def drive(kit, numbers, segment="seg-1", **values):
    return [kit.E2ERecord(segment, number, level=20 + i, **values) for i, number in enumerate(numbers)]


def payloads(records):
    return [record.payload() for record in records]


@pytest.mark.parametrize("packed", [True, False])
def test_a_circle_has_exact_labels_speeds_times_and_poses(kit, imported, packed):
    circle = kit.Circle(radius_m=25.0, speed_mps=6.0)
    episodes, _ = imported(payloads(drive(kit, range(40, 60), circle=circle, packed=packed)))
    _, episode = episodes["seg-1"]
    assert (episode.source, episode.reference_point) == ("waymo_e2e", "rear_axle")
    assert (episode.town, episode.route_id) == ("waymo_e2e", "seg-1")
    expected = circle.local(0.25 * np.arange(1, 21))
    assert [frame.ego.stamp_ns for frame in episode.frames] == [100_000_000 * i for i in range(20)]
    for i, frame in enumerate(episode.frames):
        np.testing.assert_allclose(frame.waypoints_m, expected, atol=MICRON)
        assert frame.ego.linear_velocity_mps == pytest.approx((6.0, 0.0, 0.0), abs=MICRON)
        assert frame.ego.angular_velocity_radps == pytest.approx((0.0, 0.0, 6.0 / 25.0), abs=MICRON)
        pose = frame.ego.pose_map_from_base_link
        # Chained over 1.9 s: a millimetre, as positions between the 4 Hz states are interpolated.
        assert (pose.x_m, pose.y_m) == pytest.approx(tuple(circle.local(0.1 * i)), abs=1e-3)
        assert pose.orientation.yaw_rad == pytest.approx(circle.yaw(0.1 * i), abs=1e-4)
    assert episode.recorder["time_source"] == "sequence number at 10 Hz"


def test_images_and_calibrations_are_joined_by_name(kit, imported):
    records = drive(kit, range(3), cameras=(8, 1, 5, 6, 2, 7, 4, 3), calibrations=(3, 1, 8, 2, 7, 6, 5, 4))
    episodes, _ = imported(payloads(records))
    path, episode = episodes["seg-1"]
    names = ["front", "front_left", "front_right", "side_left", "side_right", "rear_left", "rear", "rear_right"]
    assert [camera.name for camera in episode.cameras] == names
    for number, camera in enumerate(episode.cameras, start=1):
        assert (camera.width_px, camera.height_px) == kit.SIZES[number]
        pose = camera.pose_base_link_from_camera
        assert (pose.x_m, pose.y_m, pose.z_m) == pytest.approx((1.5, 0.1 * number, 2.1))
        turned = pose.orientation.rotate((1.0, 0.0, 0.0))
        yaw = kit.YAWS_RAD[number]
        assert turned == pytest.approx((math.cos(yaw), math.sin(yaw), 0.0), abs=1e-9)
        assert camera.fov_rad == pytest.approx(2 * math.atan(camera.width_px / 2 / kit.FOCAL_PX))
        lens = episode.intrinsics[camera.name]
        assert lens.focal_px == (kit.FOCAL_PX, kit.FOCAL_PX + 1.0)
        assert lens.principal_point_px == (camera.width_px / 2, camera.height_px / 2)
        assert lens.distortion == (0.04, -0.33, 0.001, -0.0016, 0.0)
        for i, frame in enumerate(episode.frames):
            grey = load_image(path, episode, frame, camera.name)
            assert abs(float(grey.mean()) - (20 + i + number)) < 1.0


def test_cameras_can_be_chosen_and_images_shrunk(kit, imported):
    episodes, _ = imported(payloads(drive(kit, range(2))), "--camera", "rear_left", "front", "--image-width", "20")
    path, episode = episodes["seg-1"]
    assert [(c.name, c.width_px, c.height_px) for c in episode.cameras] == [("rear_left", 20, 10), ("front", 20, 13)]
    assert load_image(path, episode, episode.frames[1], "front").shape == (13, 20, 3)
    lens = episode.intrinsics["rear_left"]
    assert lens.focal_px == pytest.approx((kit.FOCAL_PX / 2, (kit.FOCAL_PX + 1.0) / 2))
    # The centre of the image stays its centre: (w - 1) / 2 in pixel centres; the calibration says w / 2.
    assert lens.principal_point_px == pytest.approx((20.5 / 2 - 0.5, 10.5 / 2 - 0.5))
    assert episode.cameras[1].fov_rad == pytest.approx(2 * math.atan(24.0 / kit.FOCAL_PX))


def test_cameras_of_different_shapes_can_be_cropped_alike(kit, imported):
    """48x32 loses rows above and below, 40x20 columns left and right."""
    records = drive(kit, range(2), cameras=(1, 8), calibrations=(1, 8))
    options = ("--image-width", "24", "--image-height", "13")
    episodes, _ = imported(payloads(records), *options)
    path, episode = episodes["seg-1"]
    front, rear = episode.cameras
    assert {(camera.width_px, camera.height_px) for camera in episode.cameras} == {(24, 13)}
    # 48x26 of the front camera, 37x20 of the rear one.
    assert front.fov_rad == pytest.approx(2 * math.atan(24.0 / kit.FOCAL_PX))
    assert rear.fov_rad == pytest.approx(2 * math.atan(18.5 / kit.FOCAL_PX))
    assert episode.intrinsics["front"].focal_px == pytest.approx((kit.FOCAL_PX / 2, (kit.FOCAL_PX + 1.0) / 2))
    assert episode.intrinsics["front"].principal_point_px == pytest.approx((24.5 / 2 - 0.5, (16.0 - 3 + 0.5) / 2 - 0.5))
    rear_lens = episode.intrinsics["rear_right"]
    assert rear_lens.principal_point_px == pytest.approx(((20.0 - 1 + 0.5) * 24 / 37 - 0.5, 10.5 * 13 / 20 - 0.5))
    assert load_image(path, episode, episode.frames[0], "rear_right").shape == (13, 24, 3)


@pytest.mark.parametrize(
    ("intent", "command"),
    [
        (0, RouteCommand.VOID),
        (1, RouteCommand.STRAIGHT),
        (2, RouteCommand.LEFT),
        (3, RouteCommand.RIGHT),
        (9, RouteCommand.VOID),
    ],
)
def test_intents_are_commands(kit, imported, intent, command):
    episodes, _ = imported(payloads(drive(kit, [0], intent=intent)))
    assert episodes["seg-1"][1].frames[0].command is command


def test_ratings_are_kept_and_minus_one_is_none(kit, imported):
    records = drive(kit, range(3))
    records[0].scores, records[1].scores = (8.0, 2.5, None), (-1.0,)
    episodes, printed = imported(payloads(records))
    frames = episodes["seg-1"][1].frames
    assert [[rating.score for rating in frame.ratings] for frame in frames] == [[8.0, 2.5], [], []]
    expected = kit.Circle().local(0.25 * np.arange(1, 21))
    np.testing.assert_allclose(frames[0].ratings[1].waypoints_m, expected, atol=MICRON)
    assert "3 with a waypoint label, 1 with rated trajectories" in printed


def test_test_split_and_missing_heights(kit, imported):
    episodes, printed = imported(payloads(drive(kit, range(3), future=False, past_z=False)))
    frames = episodes["seg-1"][1].frames
    assert [frame.waypoints_m for frame in frames] == [None] * 3
    assert frames[2].ego.speed_mps == pytest.approx(8.0, abs=MICRON)
    assert "0 with a waypoint label" in printed
    assert "left out" not in printed


def test_own_timestamps_win_when_all_increase(kit, imported):
    records = drive(kit, range(3))
    for i, record in enumerate(records):
        record.timestamp_us = 1_000_000 + 99_000 * i
    episodes, _ = imported(payloads(records))
    episode = episodes["seg-1"][1]
    assert [frame.ego.stamp_ns for frame in episode.frames] == [0, 99_000_000, 198_000_000]
    assert episode.recorder["time_source"] == "timestamp_micros"


@pytest.mark.parametrize("times_us", [(1_000_000, 0, 1_198_000), (7, 7, 7), (3, 2, 1)])
def test_timestamps_that_are_missing_or_stand_still_mean_sequence_numbers(kit, imported, times_us):
    records = drive(kit, range(3))
    for record, time_us in zip(records, times_us, strict=True):
        record.timestamp_us = time_us
    episodes, _ = imported(payloads(records))
    assert [frame.ego.stamp_ns for frame in episodes["seg-1"][1].frames] == [0, 100_000_000, 200_000_000]


def test_gaps_are_bridged_by_the_past_and_long_ones_begin_a_new_episode(kit, imported):
    circle = kit.Circle(radius_m=30.0, speed_mps=5.0)
    # A missing stretch of 3.7 s is within the 3.75 s that a record remembers, one of 3.8 s is not.
    records = drive(kit, [3, 4, 41, 79, 80], circle=circle)
    episodes, _ = imported(payloads(records))
    assert set(episodes) == {"seg-1", "seg-1_000079"}
    first, second = (episodes[name][1] for name in sorted(episodes))
    assert [frame.ego.stamp_ns for frame in first.frames] == [0, 100_000_000, 3_800_000_000]
    pose = first.frames[-1].ego.pose_map_from_base_link
    assert (pose.x_m, pose.y_m) == pytest.approx(tuple(circle.local(3.8)), abs=1e-3)
    assert [frame.ego.stamp_ns for frame in second.frames] == [0, 100_000_000]
    assert (second.route_id, second.recorder["first_sequence_number"]) == ("seg-1", 79)


def test_a_standing_vehicle_keeps_its_heading(kit, imported):
    episodes, _ = imported(payloads(drive(kit, range(4), circle=kit.Circle(speed_mps=0.0))))
    for frame in episodes["seg-1"][1].frames:
        pose = frame.ego.pose_map_from_base_link
        assert (pose.x_m, pose.y_m, pose.orientation.yaw_rad) == (0.0, 0.0, 0.0)


def test_bad_frames_and_images_are_left_out_with_their_reason(kit, imported):
    records = drive(kit, range(4), cameras=(1, 2), calibrations=(1, 2))
    records[1].past_length = 15
    messages = [record.message() for record in records]
    messages[2].frame.images[1].image = messages[2].frame.images[1].image[:-2]
    messages[3].frame.images[0].image = b"no image"
    episodes, printed = imported([message.SerializeToString() for message in messages])
    frames = episodes["seg-1"][1].frames
    assert [frame.ego.stamp_ns for frame in frames] == [0, 200_000_000, 300_000_000]
    assert [sorted(frame.images) for frame in frames] == [["front", "front_left"], ["front"], ["front_left"]]
    assert "left out 1 x frame: past_states.pos has not 16 points" in printed
    assert "left out 1 x image of front: no JPEG image" in printed
    assert "left out 1 x image of front_left: JPEG image is cut off" in printed


def test_a_wrong_number_of_waypoints_costs_the_label_only(kit, imported):
    message = kit.E2ERecord("seg-1", 0).message()
    del message.future.pos_x[-1]
    episodes, printed = imported([message.SerializeToString()])
    assert episodes["seg-1"][1].frames[0].waypoints_m is None
    assert "left out 1 x label: future_states.pos has not 20 points" in printed


def test_segments_that_make_no_sense_are_left_out(kit, imported):
    good = kit.E2ERecord("good", 0).payload()
    uncalibrated = kit.E2ERecord("bare", 0, calibrations=()).payload()
    outside = kit.E2ERecord("../../outside", 0).payload()
    episodes, printed = imported([good, uncalibrated, outside])
    assert set(episodes) == {"good"}
    assert "left out 1 x segment: no camera calibrations" in printed
    assert "left out 1 x segment: name is no plain file name" in printed

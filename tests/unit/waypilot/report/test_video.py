"""The video shows the plan at its place, at the pace of simulated time, and survives whatever is planned."""

from __future__ import annotations

import math

import av
import numpy as np
import pytest

from waypilot.geometry import Pose
from waypilot.report.video import VIDEO_NAME, DriveVideo, VideoConfig
from waypilot.rig import CameraSpec
from waypilot.types import Trajectory

CAMERA = CameraSpec("front", 200, 100, math.radians(90.0), Pose.from_xyz_rpy(0.0, 0.0, 2.0))
STEP_NS = 50_000_000
FIRST_NS = 7_000_000_000


def plan(stamp_ns, points):
    return Trajectory(stamp_ns, 250_000_000, np.array(points, dtype=np.float64))


def film(folder, frames, plan_of):
    video = DriveVideo(folder, CAMERA, VideoConfig(0.1, 400))
    for index in range(frames):
        stamp_ns = FIRST_NS + index * STEP_NS
        video.add(stamp_ns, np.full((100, 200, 3), 90, dtype=np.uint8), plan_of(stamp_ns))
    video.close()
    video.close()
    return folder / VIDEO_NAME


def decode(path):
    with av.open(str(path)) as container:
        return [(frame.time, frame.to_ndarray(format="rgb24")) for frame in container.decode(video=0)]


def test_time_is_that_since_the_first_frame(tmp_path):
    frames = decode(film(tmp_path, 21, lambda _: None))
    assert [time for time, _ in frames] == pytest.approx([0.1 * index for index in range(11)])
    assert frames[0][1].shape == (200, 400, 3)
    assert [path.name for path in tmp_path.iterdir()] == [VIDEO_NAME]


def test_waypoint_is_drawn_where_the_camera_sees_it(tmp_path):
    # 8 m ahead and 2 m to the left: pixel (75, 75) of the camera, (150, 150) of the video
    frames = decode(film(tmp_path, 3, lambda stamp_ns: plan(stamp_ns, [(8.0, 2.0)])))
    red, blue = (frames[-1][1][:, :, channel].astype(int) for channel in (0, 2))
    rows, columns = np.nonzero(red - blue > 80)
    assert (columns.mean(), rows.mean()) == pytest.approx((150.0, 150.0), abs=1.0)


def test_equal_drives_give_equal_bytes(tmp_path):
    one, two = (film(tmp_path / name, 9, lambda stamp_ns: plan(stamp_ns, [(8.0, 2.0)])) for name in "ab")
    assert one.read_bytes() == two.read_bytes()


@pytest.mark.parametrize(
    "points", [[(math.nan, 0.0)], np.zeros((0, 2)), [(-5.0, 0.0), (1e9, 1e9)], [(0.21, 0.0)], [(1.0, 2.0, 3.0)]]
)
def test_absurd_plans_break_nothing(tmp_path, points):
    assert len(decode(film(tmp_path, 3, lambda stamp_ns: plan(stamp_ns, points)))) == 2


def test_drive_without_a_frame_leaves_no_file(tmp_path):
    DriveVideo(tmp_path, CAMERA).close()
    assert list(tmp_path.iterdir()) == []


def test_video_of_a_drive_that_broke_is_complete_once_closed(tmp_path):
    video = DriveVideo(tmp_path, CAMERA)
    video.add(0, np.zeros((100, 200, 3), dtype=np.uint8), None)
    assert not (tmp_path / VIDEO_NAME).exists()
    video.close()
    assert len(decode(tmp_path / VIDEO_NAME)) == 1


def test_config_refuses_nonsense():
    with pytest.raises(ValueError, match="interval_s must be positive"):
        VideoConfig(interval_s=0.0)

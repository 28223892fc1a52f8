"""The bag check: a sound bag passes, every kind of trouble is named, and what cannot be evaluated is told apart."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from training.data.check_bag import main

CHECKPOINT = Path(__file__).parents[4] / "checkpoints" / "sft_waypoint_bc_v0.pt"
FRONT, ODOMETRY = "/carla/ego_vehicle/front", "/carla/ego_vehicle/odometry"
INFO = "sensor_msgs/msg/CameraInfo"
#: Of the checkpoint's camera: 100 degrees over 320 pixels.
FOCAL_PX = 160.0 / math.tan(math.radians(50.0))


def camera_info(drives, width=320, fx=FOCAL_PX):
    roi = drives.cls("sensor_msgs/msg/RegionOfInterest")(0, 0, 0, 0, False)
    k = np.array([fx, 0.0, 160.0, 0.0, fx, 90.0, 0.0, 0.0, 1.0])
    return drives.cls(INFO)(
        drives.header(drives.START_NS, "ego_vehicle/front"),
        180, width, "plumb_bob", np.zeros(5), k, np.eye(3).ravel(), np.zeros(12), 0, 0, roi,
    )  # fmt: skip


def sound(drives, frames=140, **info):
    yield f"{FRONT}/camera_info", INFO, drives.START_NS, camera_info(drives, **info)
    yield from drives.upstream(frames)


def without(messages, topic, drop=lambda number: True):
    number = -1
    for entry in messages:
        number += entry[0] == topic
        if entry[0] != topic or not drop(number):
            yield entry


def check(drives, tmp_path, messages, capsys, *more):
    path = drives.write(tmp_path / "bag", messages)
    code = main([str(path), "--output", str(tmp_path / "check.json"), *more])
    printed = capsys.readouterr()
    return code, printed.out + printed.err


def test_a_sound_bag_can_be_evaluated(drives, tmp_path, capsys):
    code, _ = check(drives, tmp_path, sound(drives), capsys, "--checkpoint", str(CHECKPOINT))
    found = json.loads((tmp_path / "check.json").read_text())
    assert (code, found["blocking"], found["narrowing"]) == (0, [], [])
    assert (found["frames"], found["frames_with_odometry"]) == (140, 140)
    assert found["future_known"] == {"1s": 120, "2s": 100, "3s": 80, "5s": 40}
    assert found["odometry"]["rate_hz"] == pytest.approx(20.0)
    assert found["cameras"]["front"]["fov_rad"] == pytest.approx(math.radians(100.0))
    assert found["cameras"]["front"]["size_px"] == [320, 180]


def renamed(messages):
    """As upstream names the camera."""
    return ((topic.replace("/front/", "/rgb_front/"), *more) for topic, *more in messages)


def test_a_camera_of_another_name_keeps_its_calibration(drives, tmp_path, capsys):
    code, _ = check(drives, tmp_path, renamed(sound(drives)), capsys, "--checkpoint", str(CHECKPOINT))
    found = json.loads((tmp_path / "check.json").read_text())
    guess = "camera front is taken from /carla/ego_vehicle/rgb_front/image"
    assert (code, found["blocking"], found["narrowing"]) == (1, [], [guess])
    assert found["cameras"]["front"]["fov_rad"] == pytest.approx(math.radians(100.0))


def test_a_camera_with_another_view_than_the_checkpoints_and_a_vehicle_that_jumps_are_told(drives, tmp_path, capsys):
    narrow = list(sound(drives, fx=300.0))
    for index, (topic, kind, stamp_ns, _) in enumerate(narrow):
        if topic == ODOMETRY and stamp_ns >= drives.START_NS + 100 * drives.STEP_NS:
            x_m, y_m, yaw_rad = drives.place(stamp_ns)
            narrow[index] = topic, kind, stamp_ns, drives.odometry(stamp_ns, (x_m + 80.0, y_m, yaw_rad))
    code, text = check(drives, tmp_path, narrow, capsys, "--checkpoint", str(CHECKPOINT))
    assert code == 1
    assert "its images show 56.1 degrees across, those that the checkpoint was trained on 100.0" in text
    assert "the vehicle jumps 1 times" in text


def test_an_output_that_cannot_be_written_is_named(drives, tmp_path, capsys):
    path = drives.write(tmp_path / "bag", drives.upstream(2))
    assert main([str(path), "--output", "/dev/null/check.json"]) == 2
    assert "/dev/null/check.json cannot be written" in capsys.readouterr().err


def test_a_gap_costs_the_frames_before_it_and_is_told(drives, tmp_path, capsys):
    gap = without(sound(drives), ODOMETRY, lambda number: 60 <= number < 80)
    code, text = check(drives, tmp_path, gap, capsys)
    assert code == 1
    assert f"{ODOMETRY}: 1 gaps of more than 0.5 s, the longest 1.05 s" in text
    # Frames 0 to 39 end at 59 at the latest, 80 to 119 at 139.
    assert json.loads((tmp_path / "check.json").read_text())["future_known"]["1s"] == 40 + 40


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        (lambda d: d.upstream(140), "calibration unknown: no sensor_msgs/CameraInfo"),
        (lambda d: sound(d, fx=0.0), "not calibrated: K is"),
        (lambda d: sound(d, width=640), "is of images of 640x180"),
        (lambda d: without(sound(d), "/carla/ego_vehicle/waypoints"), "no route"),
        (lambda d: sound(d, frames=70), "no frame has its future known up to 5 s"),
        (lambda d: [*sound(d), *list(d.upstream(30))[1:]], "time jumps back 1 times"),
        (lambda d: without(sound(d), f"{FRONT}/image", lambda n: 20 <= n < 40), f"{FRONT}/image: 1 gaps"),
    ],
)
def test_what_narrows_an_evaluation_is_named(drives, tmp_path, capsys, messages, words):
    code, text = check(drives, tmp_path, messages(drives), capsys)
    assert code == 1
    assert words in text


def test_cameras_out_of_step_are_measured(drives, tmp_path, capsys):
    def rear(shift_ns):
        for number in range(140):
            stamp_ns = drives.START_NS + number * drives.STEP_NS + (shift_ns if number % 4 == 0 else 0)
            image = drives.image(stamp_ns, drives.pixels(number, 18, 32))
            yield "/carla/ego_vehicle/rear/image", "sensor_msgs/msg/Image", stamp_ns, image

    messages = sorted([*sound(drives), *rear(20_000_000)], key=lambda entry: entry[2])
    _, text = check(drives, tmp_path, messages, capsys)
    assert "within 30 ms" not in text
    messages = sorted([*sound(drives), *without(rear(0), "/carla/ego_vehicle/rear/image", lambda n: n % 4 == 0)],
                      key=lambda entry: entry[2])  # fmt: skip
    code, text = check(drives, tmp_path / "b", messages, capsys)
    assert code == 1
    assert "camera rear: 75.0 % of the frames have an image of it within 30 ms, the farthest is 0.050 s" in text


def test_a_twist_in_the_axes_of_the_map_is_noticed(drives, tmp_path, capsys):
    def turned(message):
        twist = message.twist.twist
        yaw = drives.place(message.header.stamp.sec * 10**9 + message.header.stamp.nanosec)[2]
        linear = replace(twist.linear, x=drives.SPEED_MPS * math.cos(yaw + 1.5))
        return replace(message, twist=replace(message.twist, twist=replace(twist, linear=linear)))

    messages = [(t, k, s, turned(m) if t == ODOMETRY else m) for t, k, s, m in sound(drives)]
    code, text = check(drives, tmp_path, messages, capsys)
    assert code == 1
    assert "is its twist in the vehicle's axes" in text


@pytest.mark.parametrize(
    ("messages", "words"),
    [
        (lambda d: without(sound(d), ODOMETRY), "without odometry there is no ground truth"),
        (lambda d: without(sound(d), f"{FRONT}/image"), "no camera"),
        (lambda d: sound(d, frames=15), "no frame has 1 s of known future"),
        (
            lambda d: [
                (t, k, s, replace(m, header=d.header(s + 10**12, "f")) if t.endswith("image") else m)
                for t, k, s, m in sound(d)
            ],
            "are their clocks the same?",
        ),
        (
            lambda d: [
                (t, k, s, replace(m, encoding="yuv422") if t.endswith("image") else m) for t, k, s, m in sound(d)
            ],
            "image encoding 'yuv422' is not supported",
        ),
    ],
)
def test_what_makes_an_evaluation_impossible_is_named(drives, tmp_path, capsys, messages, words):
    code, text = check(drives, tmp_path, messages(drives), capsys)
    assert code == 2
    assert words in text
    assert "verdict: cannot be evaluated" in text


def test_images_of_another_size_than_the_checkpoints_are_refused(drives, tmp_path, capsys):
    image = drives.image(drives.START_NS, drives.pixels(0, 90, 160))
    messages = [
        (t, k, s, replace(image, header=m.header) if t.endswith("image") else m) for t, k, s, m in sound(drives)
    ]
    code, text = check(drives, tmp_path, messages, capsys, "--checkpoint", str(CHECKPOINT))
    assert code == 2
    assert "images are 160x90, the checkpoint's camera front has 320x180" in text


def test_no_bag_and_a_cut_bag(drives, tmp_path, capsys):
    assert main([str(tmp_path / "nothing")]) == 2
    assert "no such file or folder" in capsys.readouterr().err
    file = drives.write(tmp_path / "bag", sound(drives)) / "bag_0.mcap"
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    assert main([str(file.parent)]) == 1
    assert "cannot be read beyond" in capsys.readouterr().out

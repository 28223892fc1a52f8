"""What a camera shows while the vehicle drives, stands and starts off."""

from __future__ import annotations

import numpy as np

from waypilot.geometry import Pose
from waypilot.image_monitor import ImageMonitor, ImageMonitorConfig
from waypilot.types import EgoState

STEP_NS = 50_000_000


def picture(number: int) -> np.ndarray:
    return np.random.default_rng(number).integers(0, 256, (18, 32, 3), dtype=np.uint8)


def ego(frame: int, x_m: float, speed_mps: float = 8.0) -> EgoState:
    return EgoState(frame * STEP_NS, Pose.from_xyz_rpy(x_m, 0.0, 0.0), (speed_mps, 0.0, 0.0), (0.0, 0.0, 0.0))


def watch(frames: list[tuple[float, np.ndarray]]) -> list[str | None]:
    """Show a monitor (x in metres, picture) frame by frame."""
    monitor = ImageMonitor(ImageMonitorConfig())
    return [monitor.fault(ego(i, x), image) for i, (x, image) in enumerate(frames)]


def test_changing_pictures_are_good() -> None:
    assert watch([(0.4 * i, picture(i)) for i in range(20)]) == [None] * 20


def test_black_is_seen_at_once_and_trusted_again_after_three_good_pictures() -> None:
    black = np.full((18, 32, 3), 3, np.uint8)
    frames = [(0.4 * i, black if 5 <= i < 8 else picture(i)) for i in range(14)]
    assert watch(frames) == [None] * 5 + ["black"] * 5 + [None] * 4


def test_a_night_with_one_lamp_is_not_black() -> None:
    def night(i: int) -> np.ndarray:
        image = np.zeros((18, 32, 3), np.uint8)
        image[8:13, i : i + 5] = 200
        return image

    assert watch([(0.4 * i, night(i)) for i in range(10)]) == [None] * 10


def test_a_picture_that_stands_still_while_the_vehicle_drives_is_frozen() -> None:
    frames = [(0.4 * i, picture(min(i, 5) if i < 12 else i)) for i in range(20)]
    assert watch(frames) == [None] * 7 + ["frozen"] * 7 + [None] * 6


def test_at_walking_pace_it_takes_the_way_not_the_frames() -> None:
    faults = watch([(0.05 * i, picture(0)) for i in range(10)])  # 1 m/s
    assert faults.index("frozen") in (6, 7)


def test_a_standing_vehicle_sees_a_standing_picture_and_starts_off() -> None:
    standing = [(7.0, picture(0))] * 100
    starting = [(7.0 + 0.01 * i * i, picture(i)) for i in range(1, 20)]
    assert watch(standing + starting) == [None] * 119


def test_a_frozen_camera_that_recovers_while_the_vehicle_stands_is_trusted_again() -> None:
    frozen = [(0.4 * i, picture(0)) for i in range(6)]
    recovered = [(2.0, picture(1))] * 4
    assert watch(frozen + recovered)[-4:] == ["frozen", "frozen", None, None]


def test_a_picture_written_over_by_its_owner_is_still_compared() -> None:
    shared = picture(0)
    monitor = ImageMonitor(ImageMonitorConfig())
    for i in range(10):
        shared[:] = picture(i)
        assert monitor.fault(ego(i, 0.4 * i), shared) is None


def test_odometry_that_jumps_or_stands_still_at_speed_makes_no_picture_frozen() -> None:
    """A standing vehicle whose odometry was frozen at 8 m/s and comes back 5 m further on."""
    monitor = ImageMonitor(ImageMonitorConfig())
    frames = [ego(i, 1.0) for i in range(40)] + [ego(i, 6.0, speed_mps=0.0) for i in range(40, 50)]
    assert [monitor.fault(state, picture(0)) for state in frames] == [None] * 50

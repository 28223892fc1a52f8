from __future__ import annotations

import math
import re

import numpy as np
import pytest

from waypilot.geometry import Pose
from waypilot.rig import DEFAULT_RIG, CameraSpec
from waypilot.types import Control, EgoState, RouteCommand, Trajectory


def test_control_is_rounded_to_float32_once() -> None:
    control = Control(throttle=0.1, steer=-0.3, brake=0.7)
    assert control.throttle == float(np.float32(0.1)) != 0.1
    assert Control(control.throttle, control.steer, control.brake) == control


@pytest.mark.parametrize(
    "values",
    [
        {"throttle": 1.01},
        {"throttle": -0.01},
        {"brake": math.nan},
        {"brake": math.inf},
        {"steer": -1.5},
        {"steer": 1.5},
    ],
)
def test_control_refuses_values_outside_its_range(values: dict[str, float]) -> None:
    (name,) = values
    with pytest.raises(ValueError, match=f"{name} is .*expected a number"):
        Control(**values)


@pytest.mark.parametrize(
    ("waypoints", "dt_ns", "reason"),
    [
        (np.zeros((0, 2)), 1, "no waypoints"),
        (np.zeros((4, 3)), 1, r"shape \(4, 3\)"),
        (np.zeros(4), 1, r"shape \(4,\)"),
        (np.zeros((4, 2)), 0, "spacing is 0 ns"),
        (np.array([[0.0, math.nan]]), 1, "not finite"),
        (np.array([[math.inf, 0.0]]), 1, "not finite"),
    ],
)
def test_trajectory_says_why_it_is_invalid(waypoints: np.ndarray, dt_ns: int, reason: str) -> None:
    found = Trajectory(0, dt_ns, waypoints).invalid_reason()
    assert found is not None
    assert re.search(reason, found)


def test_a_proper_trajectory_is_valid() -> None:
    assert Trajectory(5, 250_000_000, np.zeros((20, 2))).invalid_reason() is None


def test_ego_speed_is_signed() -> None:
    ego = EgoState(0, Pose.from_xyz_rpy(0, 0, 0), (-1.5, 0.0, 0.0), (0.0, 0.0, 0.0))
    assert ego.speed_mps == -1.5


def test_commands_have_carlas_numbers() -> None:
    assert [(c.name, int(c)) for c in RouteCommand] == [
        ("VOID", -1),
        ("LEFT", 1),
        ("RIGHT", 2),
        ("STRAIGHT", 3),
        ("LANE_FOLLOW", 4),
    ]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (("front left", 320, 180, 1.0), "plain identifier"),
        (("front", 0, 180, 1.0), "320x|0x180"),
        (("front", 320, -1, 1.0), "must be positive"),
        (("front", 320, 180, 0.0), "field of view"),
        (("front", 320, 180, 100.0), "between 0 and pi"),
    ],
)
def test_camera_refuses_impossible_values(values: tuple, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        CameraSpec(*values, Pose.from_xyz_rpy(0, 0, 0))


def test_default_rig() -> None:
    (front,) = DEFAULT_RIG
    assert (front.name, front.width_px, front.height_px) == ("front", 320, 180)
    assert math.degrees(front.fov_rad) == pytest.approx(100.0)
    assert front.pose_base_link_from_camera.planar.x_m == 1.3

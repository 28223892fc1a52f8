"""Projection into a camera's image: answers known from geometry."""

from __future__ import annotations

import math

import numpy as np
import pytest

from waypilot.camera import project, project_ground
from waypilot.geometry import Pose
from waypilot.rig import CameraSpec

# 90 degrees wide: the focal length is half the width, 100 pixels.
CAMERA = CameraSpec("front", 200, 100, math.radians(90.0), Pose.from_xyz_rpy(1.0, 0.0, 2.0))


def test_point_on_the_axis_is_the_middle():
    assert project(CAMERA, np.array([[11.0, 0.0, 2.0]])) == pytest.approx(np.array([[100.0, 50.0]]))


def test_left_is_left_and_low_is_down():
    # 10 m ahead of the camera: 1 m to the side is 10 pixels; the ground lies 2 m below
    assert project_ground(CAMERA, np.array([[11.0, 1.0], [11.0, -3.0]])) == pytest.approx(
        np.array([[90.0, 70.0], [130.0, 70.0]])
    )


def test_camera_that_looks_down_sees_the_horizon_above_the_middle():
    # positive pitch turns the axis down (REP 103); 45 degrees of it put the horizon at the upper edge of +-45 degrees
    down = CameraSpec("down", 200, 200, math.radians(90.0), Pose.from_xyz_rpy(0.0, 0.0, 2.0, 0.0, math.radians(45.0)))
    pixels = project(down, np.array([[2.0, 0.0, 0.0], [1e9, 0.0, 2.0]]))
    assert pixels == pytest.approx(np.array([[100.0, 100.0], [100.0, 0.0]]), abs=1e-6)


def test_camera_to_the_left_sees_what_is_there_in_its_middle():
    left = CameraSpec("left", 200, 100, math.radians(90.0), Pose.from_xyz_rpy(0.0, 0.0, 1.0, yaw_rad=math.pi / 2))
    assert project(left, np.array([[0.0, 5.0, 1.0]])) == pytest.approx(np.array([[100.0, 50.0]]))


def test_points_beside_and_behind_are_nan():
    assert np.isnan(project_ground(CAMERA, np.array([[1.1, 0.0], [-5.0, 0.0]]))).all()

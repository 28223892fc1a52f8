from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from waypilot.geometry import (
    SE2,
    Pose,
    Quaternion,
    angular_velocity_from_carla,
    pose_from_carla,
    pose_to_carla,
    vector_from_carla,
    wrap_angle,
)

metres = st.floats(-1e4, 1e4)
angles = st.floats(-3.1, 3.1)
pitches = st.floats(-1.5, 1.5)
planar_poses = st.builds(SE2, metres, metres, angles)
vectors = st.tuples(metres, metres, metres)
poses = st.builds(Pose.from_xyz_rpy, metres, metres, metres, angles, pitches, angles)


def assert_same_pose(a: SE2, b: SE2, tol: float = 1e-7) -> None:
    assert math.hypot(a.x_m - b.x_m, a.y_m - b.y_m) < tol
    assert abs(wrap_angle(a.yaw_rad - b.yaw_rad)) < 1e-9


@given(st.floats(-1e3, 1e3))
@example(math.nextafter(-math.pi, -4.0))
@example(math.pi)
def test_wrap_angle_keeps_the_direction_and_the_range(angle: float) -> None:
    wrapped = wrap_angle(angle)
    assert -math.pi <= wrapped < math.pi
    assert math.cos(wrapped) == pytest.approx(math.cos(angle), abs=1e-9)
    assert math.sin(wrapped) == pytest.approx(math.sin(angle), abs=1e-9)


@given(planar_poses)
def test_a_pose_chained_with_its_inverse_is_nothing(pose: SE2) -> None:
    assert_same_pose(pose.compose(pose.inverse()), SE2(0.0, 0.0, 0.0))
    assert_same_pose(pose.inverse().compose(pose), SE2(0.0, 0.0, 0.0))


@given(planar_poses, planar_poses, planar_poses)
def test_chaining_is_associative(a: SE2, b: SE2, c: SE2) -> None:
    assert_same_pose(a.compose(b).compose(c), a.compose(b.compose(c)))


@given(planar_poses, planar_poses, st.lists(st.tuples(metres, metres), min_size=1, max_size=5))
def test_transforming_by_a_chain_is_transforming_twice(a: SE2, b: SE2, points: list[tuple[float, float]]) -> None:
    p = np.array(points)
    np.testing.assert_allclose(a.compose(b).transform_points(p), a.transform_points(b.transform_points(p)), atol=1e-6)
    np.testing.assert_allclose(a.inverse().transform_points(a.transform_points(p)), p, atol=1e-6)


def test_known_planar_transform() -> None:
    moved = SE2(1.0, 2.0, math.pi / 2).transform_points(np.array([[3.0, 0.0], [0.0, 1.0]]))
    np.testing.assert_allclose(moved, [[1.0, 5.0], [0.0, 2.0]], atol=1e-12)


@given(angles)
def test_yaw_survives_the_quaternion(yaw: float) -> None:
    assert Quaternion.from_rpy(0.0, 0.0, yaw).yaw_rad == pytest.approx(yaw, abs=1e-12)


@given(angles, pitches, angles, vectors)
def test_rotation_keeps_length_and_its_conjugate_undoes_it(roll: float, pitch: float, yaw: float, v: tuple) -> None:
    q = Quaternion.from_rpy(roll, pitch, yaw)
    turned = q.rotate(v)
    assert math.hypot(*turned) == pytest.approx(math.hypot(*v), rel=1e-9, abs=1e-9)
    assert q.conjugate().rotate(turned) == pytest.approx(v, abs=1e-6)


@given(poses, poses, vectors)
def test_rotating_and_moving_by_a_chain_is_doing_it_twice(a: Pose, b: Pose, v: tuple) -> None:
    def moved(pose: Pose, point: tuple) -> tuple:
        x, y, z = pose.orientation.rotate(point)
        return pose.x_m + x, pose.y_m + y, pose.z_m + z

    np.testing.assert_allclose(moved(a.compose(b), v), moved(a, moved(b, v)), atol=1e-6)
    np.testing.assert_allclose(moved(a.inverse(), moved(a, v)), v, atol=1e-6)


def test_static_axis_order_of_roll_pitch_yaw() -> None:
    """REP 103: fixed axes, roll first; so x (forward) of a rolled, pitched, yawed body ends where the book says."""
    q = Quaternion.from_rpy(0.3, 0.5, 0.7)
    expected = (math.cos(0.7) * math.cos(0.5), math.sin(0.7) * math.cos(0.5), -math.sin(0.5))
    assert q.rotate((1.0, 0.0, 0.0)) == pytest.approx(expected)


@given(metres, metres, metres, pitches, angles, angles)
def test_carla_transform_round_trip(x: float, y: float, z: float, pitch: float, yaw: float, roll: float) -> None:
    degrees = (math.degrees(pitch), math.degrees(yaw), math.degrees(roll))
    location, rotation = pose_to_carla(pose_from_carla(x, y, z, *degrees))
    assert location == (x, y, z)
    # close to the pole (86 degrees) yaw and roll are less precise
    assert rotation == pytest.approx(degrees, abs=1e-5)


@pytest.mark.parametrize("roll", [0.0, 25.0, -100.0])
@pytest.mark.parametrize("yaw", [0.0, 30.0, -120.0, 179.0])
@pytest.mark.parametrize("pitch", [90.0, -90.0])
def test_a_camera_looking_straight_down_keeps_its_orientation(pitch: float, yaw: float, roll: float) -> None:
    pose = pose_from_carla(1.0, 2.0, 3.0, pitch, yaw, roll)
    again = pose_from_carla(*pose_to_carla(pose)[0], *pose_to_carla(pose)[1])
    for axis in ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0)):
        assert again.orientation.rotate(axis) == pytest.approx(pose.orientation.rotate(axis), abs=1e-5)
    if roll == 0.0:
        assert pose_to_carla(pose)[1] == pytest.approx((pitch, yaw, 0.0), abs=1e-4)


@given(metres, metres, angles)
def test_rep103_pose_round_trip(x: float, y: float, yaw: float) -> None:
    pose = Pose.from_xyz_rpy(x, y, 1.0, yaw_rad=yaw)
    location, rotation = pose_to_carla(pose)
    assert_same_pose(pose_from_carla(*location, *rotation).planar, pose.planar)


def test_carla_axes_by_example() -> None:
    """CARLA: y to the right, yaw clockwise seen from above, pitch positive nose up."""
    pose = pose_from_carla(1.0, 2.0, 3.0, 10.0, 90.0, 0.0)
    assert (pose.x_m, pose.y_m, pose.z_m) == (1.0, -2.0, 3.0)
    forward = pose.orientation.rotate((1.0, 0.0, 0.0))
    assert forward[1] == pytest.approx(-math.cos(math.radians(10.0)))
    assert forward[2] == pytest.approx(math.sin(math.radians(10.0)))


@given(vectors)
def test_vector_conversion_is_its_own_inverse(v: tuple) -> None:
    assert vector_from_carla(vector_from_carla(v)) == v


def test_angular_velocity_signs_as_in_the_upstream_bridge() -> None:
    assert angular_velocity_from_carla((180.0, 90.0, -90.0)) == pytest.approx((math.pi, -math.pi / 2, math.pi / 2))

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.data.waymo.interpolation import hermite, velocities_from_points
from training.data.waymo.report import SkipError
from training.data.waymo.transforms import pose_of, transform_matrix

component = st.floats(-1.0, 1.0)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(q=st.tuples(component, component, component, component).filter(lambda q: np.linalg.norm(q) > 0.1))
def test_a_pose_turns_vectors_like_its_matrix(q):
    x, y, z, w = np.array(q) / np.linalg.norm(q)
    rotation = np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )
    pose = pose_of(rotation, np.array([1.0, 2.0, 3.0]))
    assert (pose.x_m, pose.y_m, pose.z_m) == (1.0, 2.0, 3.0)
    for axis in np.eye(3):
        assert pose.orientation.rotate(tuple(axis)) == pytest.approx(tuple(rotation @ axis), abs=1e-12)


@pytest.mark.parametrize(
    "matrix",
    [
        np.diag([1.0, 1.0, -1.0, 1.0]),
        np.diag([2.0, 1.0, 1.0, 1.0]),
        np.diag([1.0, 1.0, 1.0, 0.0]),
        np.diag([np.nan, 1.0, 1.0, 1.0]),
    ],
    ids=["mirror", "scale", "last row", "nan"],
)
def test_what_is_no_motion_of_a_rigid_body_is_refused(matrix):
    with pytest.raises(SkipError, match="pose is no rigid transform"):
        transform_matrix(SimpleNamespace(transform=matrix.ravel().tolist()), "pose")


def test_cubics_are_interpolated_exactly_at_irregular_times():
    times_s = np.array([0.0, 0.1, 0.25, 0.3, 0.5])
    query_s = np.linspace(0.0, 0.5, 23)

    def path(t):
        return np.stack([t**3 - t, 2.0 + t**2], axis=1)

    slopes = np.stack([3.0 * times_s**2 - 1.0, 2.0 * times_s], axis=1)
    np.testing.assert_allclose(hermite(times_s, path(times_s), slopes, query_s), path(query_s), atol=1e-12)


def test_velocities_of_a_parabola_are_exact_to_its_ends():
    times_s = np.array([0.0, 0.1, 0.25, 0.3, 0.5])
    points = np.stack([times_s**2, 3.0 * times_s], axis=1)
    expected = np.stack([2.0 * times_s, np.full(5, 3.0)], axis=1)
    np.testing.assert_allclose(velocities_from_points(times_s, points), expected, atol=1e-12)
    np.testing.assert_allclose(velocities_from_points(times_s[:2], points[:2])[:, 1], [3.0, 3.0])

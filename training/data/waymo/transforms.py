"""Waymo's 4x4 transforms as rotations, positions and our poses. Both use x ahead, y left, z up."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from training.data.waymo.report import SkipError
from waypilot.geometry import FloatArray, Pose, Quaternion

_ROTATION_TOLERANCE = 1e-3


def transform_matrix(transform: Any, what: str) -> FloatArray:
    """Read a ``Transform`` as (4, 4) float64. Raises SkipError when it is no rotation and translation."""
    values = np.array(transform.transform, dtype=np.float64)
    if values.shape != (16,):
        raise SkipError(f"{what} has not 16 numbers", f"it has {values.size}")
    matrix = values.reshape(4, 4)
    rotation = matrix[:3, :3]
    sound = (
        bool(np.isfinite(matrix).all())
        and np.allclose(matrix[3], (0.0, 0.0, 0.0, 1.0), atol=_ROTATION_TOLERANCE)
        and np.allclose(rotation @ rotation.T, np.eye(3), atol=_ROTATION_TOLERANCE)
        and np.linalg.det(rotation) > 0.0
    )
    if not sound:
        raise SkipError(f"{what} is no rigid transform")
    return matrix


def pose_of(rotation: FloatArray, position_m: FloatArray) -> Pose:
    """Pose of a rotation matrix (3, 3) and a position (3,)."""
    x_m, y_m, z_m = (float(value) for value in position_m)
    return Pose(x_m, y_m, z_m, _quaternion(rotation))


def _quaternion(r: FloatArray) -> Quaternion:
    """Shepperd's method: divide by the largest of the four components, so that no angle is ill-conditioned."""
    trace = float(np.trace(r))
    squares = np.array(
        [1.0 + 2.0 * r[0, 0] - trace, 1.0 + 2.0 * r[1, 1] - trace, 1.0 + 2.0 * r[2, 2] - trace, 1.0 + trace]
    )
    largest = int(np.argmax(squares))
    if largest == 3:
        q = np.array([r[2, 1] - r[1, 2], r[0, 2] - r[2, 0], r[1, 0] - r[0, 1], squares[3]])
    else:
        i, j, k = largest, (largest + 1) % 3, (largest + 2) % 3
        q = np.empty(4)
        q[i], q[j], q[k] = squares[i], r[j, i] + r[i, j], r[k, i] + r[i, k]
        q[3] = r[k, j] - r[j, k]
    q = q / math.sqrt(float(q @ q))
    x, y, z, w = (float(value) for value in (q if q[3] >= 0.0 else -q))
    return Quaternion(x, y, z, w)

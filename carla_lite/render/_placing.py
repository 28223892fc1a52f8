"""Kernel that puts the boxes of many actors into the map."""

from __future__ import annotations

from carla_lite.render._numba import jit

# Columns of a row: x, y, z, quaternion x, y, z, w, then these.
HALF_EXTENT = slice(7, 10)
COLOR = slice(10, 13)
_LIFT = 13


@jit
def place_rows(rows, frames):
    """Write half axes and middle of each row's actor to ``frames`` (N, 4, 3)."""
    for i in range(rows.shape[0]):
        x, y, z, w = rows[i, 3], rows[i, 4], rows[i, 5], rows[i, 6]
        length, width, height = rows[i, 7], rows[i, 8], rows[i, 9]
        frame = frames[i]
        frame[0, 0] = length * (1.0 - 2.0 * (y * y + z * z))
        frame[0, 1] = length * 2.0 * (x * y + w * z)
        frame[0, 2] = length * 2.0 * (x * z - w * y)
        frame[1, 0] = width * 2.0 * (x * y - w * z)
        frame[1, 1] = width * (1.0 - 2.0 * (x * x + z * z))
        frame[1, 2] = width * 2.0 * (y * z + w * x)
        frame[2, 0] = height * 2.0 * (x * z + w * y)
        frame[2, 1] = height * 2.0 * (y * z - w * x)
        frame[2, 2] = height * (1.0 - 2.0 * (x * x + y * y))
        for axis in range(3):
            frame[3, axis] = rows[i, axis] + rows[i, _LIFT] * frame[2, axis]

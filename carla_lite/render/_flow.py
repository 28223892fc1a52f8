"""Kernel that tells how far each pixel's surface has moved in the picture."""

from __future__ import annotations

from carla_lite.render._numba import jit, jit_inline

FURTHEST = 2.0
"""CARLA's code of motion ends here: a whole picture width or height."""
_BEHIND = 1e-6


@jit
def encode_flow(flow, numbers, inverse_depth, view, first_actor, motions):
    """Write CARLA's optical flow (H, W, 2): place in the picture now minus then, in half widths and half heights.

    x points right and y up, each at most ``FURTHEST``. ``motions`` (1 + actors, 3, 4) take present camera axes to those
    of then: row 0 for what stands still in the map, row 1 + k for the k-th actor, whose number is ``first_actor + k``.
    """
    height, width = numbers.shape
    to_x, to_y = 2.0 * view.focal_px / width, 2.0 * view.focal_px / height
    for y in range(height):
        ry = (y + 0.5 - view.center_y_px) / view.focal_px
        for x in range(width):
            rx = (x + 0.5 - view.center_x_px) / view.focal_px
            m = max(0, numbers[y, x] - first_actor + 1)
            # Of the point (rx, ry, 1) / near, times near: the sky, with near = 0, only turns.
            near = inverse_depth[y, x]
            then_x = motions[m, 0, 0] * rx + motions[m, 0, 1] * ry + motions[m, 0, 2] + motions[m, 0, 3] * near
            then_y = motions[m, 1, 0] * rx + motions[m, 1, 1] * ry + motions[m, 1, 2] + motions[m, 1, 3] * near
            then_z = motions[m, 2, 0] * rx + motions[m, 2, 1] * ry + motions[m, 2, 2] + motions[m, 2, 3] * near
            then_z = max(_BEHIND, then_z)
            flow[y, x, 0] = _bounded((rx - then_x / then_z) * to_x)
            flow[y, x, 1] = _bounded((then_y / then_z - ry) * to_y)


@jit_inline
def _bounded(value):
    return max(-FURTHEST, min(FURTHEST, value))

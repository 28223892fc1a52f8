"""Kernel that turns what each pixel shows into the direction in which the surface there faces."""

from __future__ import annotations

import math

import numpy as np

from carla_lite.render._marks import GROUND, SKY
from carla_lite.render._numba import jit, jit_inline, pack_bgra
from carla_lite.render._objects import camera_frame, put_ball, put_face

# Zero lies half way between two codes: rounding errors must not decide.
_ZERO_CODE = 128.0 + 1e-6


@jit
def encode_normals(canvas, numbers, view, scratch, meshes, frames):
    """Write CARLA's code of unit normals, (n + 1) / 2 * 255 with x, y, z of CARLA's world as red, green, blue.

    ``numbers`` tell instance and part of its mesh, as ``mark_instances`` writes them with a stride of all parts. The
    sky has no surface: its normal is zero.
    """
    height, width = canvas.shape
    faces = meshes.material.shape[0]
    stride = faces + meshes.balls.shape[0]
    local = np.empty((4, 3))
    last, is_ball, word = SKY, False, _word(0.0, 0.0, 0.0)
    for y in range(height):
        for x in range(width):
            number = numbers[y, x]
            if number != last:
                # Neighbours mostly show the same face: what is known of it is kept.
                last, part = number, number % stride
                is_ball = number >= 0 and part >= faces
                if number == SKY:
                    word = _word(0.0, 0.0, 0.0)
                elif number == GROUND:
                    word = _word(0.0, 0.0, 1.0)
                else:
                    camera_frame(view, frames[number // stride], local)
                    if is_ball:
                        put_ball(scratch, view, meshes, local, part - faces)
                    else:
                        put_face(scratch, meshes, local, part)
                        word = _face_word(scratch, view)
            canvas[y, x] = _ball_word(scratch, view, x, y) if is_ball else word


@jit_inline
def _face_word(scratch, view):
    """Return the code of the flat face whose corners stand in ``scratch[:4]``."""
    o0, o1, o2 = scratch[0, 0], scratch[0, 1], scratch[0, 2]
    u0, u1, u2 = scratch[1, 0] - o0, scratch[1, 1] - o1, scratch[1, 2] - o2
    v0, v1, v2 = scratch[3, 0] - o0, scratch[3, 1] - o1, scratch[3, 2] - o2
    return _camera_word(view, u1 * v2 - u2 * v1, u2 * v0 - u0 * v2, u0 * v1 - u1 * v0)


@jit_inline
def _ball_word(scratch, view, x, y):
    """Return the code where a pixel shows the ball whose square, turned to the camera, stands in ``scratch[:4]``.

    The ball is drawn as a disc; its normals are those of an ellipsoid as deep as it is wide.
    """
    depth_m = scratch[0, 2]
    across = depth_m * (x + 0.5 - view.center_x_px) / view.focal_px - 0.5 * (scratch[0, 0] + scratch[2, 0])
    down = depth_m * (y + 0.5 - view.center_y_px) / view.focal_px - 0.5 * (scratch[0, 1] + scratch[2, 1])
    side_x, side_y = 0.5 * (scratch[1, 0] - scratch[0, 0]), 0.5 * (scratch[1, 1] - scratch[0, 1])
    rise_x, rise_y = 0.5 * (scratch[3, 0] - scratch[0, 0]), 0.5 * (scratch[3, 1] - scratch[0, 1])
    side_squared, rise_squared = side_x * side_x + side_y * side_y, rise_x * rise_x + rise_y * rise_y
    s = (across * side_x + down * side_y) / side_squared
    t = (across * rise_x + down * rise_y) / rise_squared
    return _camera_word(
        view,
        s * side_x / side_squared + t * rise_x / rise_squared,
        s * side_y / side_squared + t * rise_y / rise_squared,
        -math.sqrt(max(0.0, 1.0 - s * s - t * t) / side_squared),
    )


@jit_inline
def _camera_word(view, n0, n1, n2):
    """Return the code of a normal in camera axes, of any length."""
    norm = math.sqrt(n0 * n0 + n1 * n1 + n2 * n2)
    n0, n1, n2 = n0 / norm, n1 / norm, n2 / norm
    r = view.rotation
    return _word(
        n0 * r[0, 0] + n1 * r[1, 0] + n2 * r[2, 0],
        # CARLA's y points to the right of x, that of the map to the left.
        -(n0 * r[0, 1] + n1 * r[1, 1] + n2 * r[2, 1]),
        n0 * r[0, 2] + n1 * r[1, 2] + n2 * r[2, 2],
    )


@jit_inline
def _word(x, y, z):
    return pack_bgra(127.5 * x + _ZERO_CODE, 127.5 * y + _ZERO_CODE, 127.5 * z + _ZERO_CODE)

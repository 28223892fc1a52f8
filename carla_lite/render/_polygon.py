"""Kernel that clips, projects and fills one flat convex polygon, nearest surface first (1/z buffer)."""

from __future__ import annotations

import math

from carla_lite.render import materials as m
from carla_lite.render._fragment import decal_gain, fragment, lamp_strength, light_on_face, window_grid
from carla_lite.render._numba import jit, jit_inline, pack_bgra
from carla_lite.render.atmosphere import RANGE_STEPS, STEPS_PER_M

NEAR_M = 0.1
# Decals lie in the ground plane; their 1/z differs from the ground's by rounding only.
DECAL_TOLERANCE = 2e-3
# Rows of the scratch array: four corners in camera axes, then up to eight projected corners.
SCRATCH_SHAPE = (12, 3)
_PROJECTED = 4


@jit
def draw_polygon(canvas, inverse_depth, view, light, scratch, material, red, green, blue, seed):
    """Draw the polygon whose four corners stand in ``scratch[:4]`` (camera axes, counter-clockwise from outside)."""
    o0, o1, o2 = scratch[0, 0], scratch[0, 1], scratch[0, 2]
    u0, u1, u2 = scratch[1, 0] - o0, scratch[1, 1] - o1, scratch[1, 2] - o2
    v0, v1, v2 = scratch[3, 0] - o0, scratch[3, 1] - o1, scratch[3, 2] - o2
    n0, n1, n2 = u1 * v2 - u2 * v1, u2 * v0 - u0 * v2, u0 * v1 - u1 * v0
    facing = n0 * o0 + n1 * o1 + n2 * o2
    if facing >= -1e-9:
        return
    count = clip_and_project(scratch, view)
    if count < 3:
        return
    focal = view.focal_px
    # On the plane n.p = facing, with p = z * (px, py, 1): 1/z is linear in the image.
    dx, dy, d0 = n0 / facing / focal, n1 / facing / focal, n2 / facing
    light_r, light_g, light_b = light_on_face(view, light, n0, n1, n2)
    uu, vv = u0 * u0 + u1 * u1 + u2 * u2, v0 * v0 + v1 * v1 + v2 * v2
    columns, rows = window_grid(math.sqrt(uu), math.sqrt(vv))
    uo, vo = (u0 * o0 + u1 * o1 + u2 * o2) / uu, (v0 * o0 + v1 * o1 + v2 * o2) / vv
    # Taken out of the loop: reaching into the tuple for an array counts references at every pixel.
    haze, night, fog_table, lamp_table = light.haze, light.night, light.fog, light.lamp
    top, bottom = row_range(scratch, count, canvas.shape[0])
    for y in range(top, bottom):
        left, right = column_range(scratch, count, y + 0.5, canvas.shape[1])
        ry = (y + 0.5 - view.center_y_px) / focal
        near = dx * (left + 0.5 - view.center_x_px) + dy * (y + 0.5 - view.center_y_px) + d0
        for x in range(left, right):
            visible = near > inverse_depth[y, x]
            if material >= m.DECAL_SHADOW:
                visible = abs(near - inverse_depth[y, x]) < DECAL_TOLERANCE * near
            if visible:
                z = 1.0 / near
                rx = (x + 0.5 - view.center_x_px) / focal
                u = z * (u0 * rx + u1 * ry + u2) / uu - uo
                v = z * (v0 * rx + v1 * ry + v2) / vv - vo
                if material >= m.DECAL_SHADOW:
                    _tint_pixel(canvas, y, x, decal_gain(material, u, v, night))
                else:
                    keep, r, g, b, glow = fragment(
                        material, u, v, columns, rows, red, green, blue, seed, z / focal, haze, night
                    )
                    if keep:
                        inverse_depth[y, x] = near
                        step = min(RANGE_STEPS - 1, int(z * STEPS_PER_M))
                        fog = fog_table[step]
                        lamp = lamp_strength(lamp_table[step], rx, ry)
                        clear = 1.0 - fog
                        canvas[y, x] = pack_bgra(
                            r * (glow + light_r + lamp) * clear + haze[0] * fog,
                            g * (glow + light_g + lamp) * clear + haze[1] * fog,
                            b * (glow + light_b + lamp * 0.9) * clear + haze[2] * fog,
                        )
            near += dx


@jit_inline
def clip_and_project(scratch, view):
    """Clip at the near plane and store image coordinates; return how many corners are left."""
    count = 0
    for i in range(4):
        j = (i + 1) & 3
        z_i, z_j = scratch[i, 2], scratch[j, 2]
        if z_i >= NEAR_M:
            _project(scratch, _PROJECTED + count, scratch[i, 0], scratch[i, 1], z_i, view)
            count += 1
        if (z_i >= NEAR_M) != (z_j >= NEAR_M):
            t = (NEAR_M - z_i) / (z_j - z_i)
            x = scratch[i, 0] + t * (scratch[j, 0] - scratch[i, 0])
            y = scratch[i, 1] + t * (scratch[j, 1] - scratch[i, 1])
            _project(scratch, _PROJECTED + count, x, y, NEAR_M, view)
            count += 1
    return count


@jit_inline
def _project(scratch, row, x, y, z, view):
    scratch[row, 0] = view.focal_px * x / z + view.center_x_px
    scratch[row, 1] = view.focal_px * y / z + view.center_y_px


@jit_inline
def row_range(scratch, count, height):
    low = high = scratch[_PROJECTED, 1]
    for i in range(1, count):
        low = min(low, scratch[_PROJECTED + i, 1])
        high = max(high, scratch[_PROJECTED + i, 1])
    # Clamp before rounding: a corner near the eye projects to millions of pixels.
    first = math.ceil(max(0.0, low - 0.5))
    return first, max(first, math.ceil(min(float(height), high - 0.5)))


@jit_inline
def column_range(scratch, count, y, width):
    left, right = 1e30, -1e30
    for i in range(count):
        j = i + 1 if i + 1 < count else 0
        y_i, y_j = scratch[_PROJECTED + i, 1], scratch[_PROJECTED + j, 1]
        if (y_i <= y) != (y_j <= y):
            x_i = scratch[_PROJECTED + i, 0]
            x = x_i + (y - y_i) / (y_j - y_i) * (scratch[_PROJECTED + j, 0] - x_i)
            left, right = min(left, x), max(right, x)
    if right < left:
        return 0, 0
    first = math.ceil(min(float(width), max(0.0, left - 0.5)))
    return first, max(first, math.ceil(max(0.0, min(float(width), right - 0.5))))


@jit_inline
def _tint_pixel(canvas, y, x, gain):
    pixel = canvas[y, x]
    canvas[y, x] = pack_bgra(((pixel >> 16) & 255) * gain, ((pixel >> 8) & 255) * gain, (pixel & 255) * gain)

"""Kernel that clips, projects and fills one flat convex polygon, nearest surface first (1/z buffer)."""

from __future__ import annotations

import math

import numpy as np

from carla_lite.render import materials as m
from carla_lite.render._facade import shade_facade, window_grid
from carla_lite.render._fragment import decal_gain, fragment, lamp_strength, light_on_face
from carla_lite.render._numba import jit, jit_inline, pack_bgra
from carla_lite.render.atmosphere import RANGE_STEPS, STEPS_PER_M

NEAR_M = 0.1
# Decals lie in the ground plane; their 1/z differs from the ground's by rounding only.
DECAL_TOLERANCE = 2e-3
# Rows of the scratch array: four corners in camera axes, then up to eight projected corners.
SCRATCH_SHAPE = (12, 3)
_PROJECTED = 4


@jit
def draw_polygon(canvas, inverse_depth, rows, view, light, scratch, air, material, red, green, blue, seed):
    """Draw the polygon whose four corners stand in ``scratch[:4]`` (camera axes, counter-clockwise from outside).

    Only image rows from ``rows[0]`` to before ``rows[1]`` are drawn. ``air`` (2, width) is scratch too.
    """
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
    top, bottom = row_range(scratch, count, canvas.shape[0])
    top, bottom = max(top, rows[0]), min(bottom, rows[1])
    if top >= bottom:
        return
    focal, center_x, center_y = view.focal_px, view.center_x_px, view.center_y_px
    # On the plane n.p = facing, with p = z * (px, py, 1): 1/z is linear in the image.
    dx, dy, d0 = n0 / facing / focal, n1 / facing / focal, n2 / facing
    daylight = light_on_face(view, light, n0, n1, n2)
    uu, vv = u0 * u0 + u1 * u1 + u2 * u2, v0 * v0 + v1 * v1 + v2 * v2
    uo, vo = (u0 * o0 + u1 * o1 + u2 * o2) / uu, (v0 * o0 + v1 * o1 + v2 * o2) / vv
    columns, storeys = window_grid(math.sqrt(uu), math.sqrt(vv))
    # Taken out of the loop: reaching into the tuple for an array counts references at every pixel.
    haze, night, fog_table, lamp_table = light.haze, light.night, light.fog, light.lamp
    ray_0, ray_step = (0.5 - center_x) / focal, 1.0 / focal
    u_down, u_step, v_down, v_step = u1 / uu, u0 * ray_step / uu, v1 / vv, v0 * ray_step / vv
    u_0, v_0 = (u0 * ray_0 + u2) / uu, (v0 * ray_0 + v2) / vv
    near_00 = dx * (0.5 - center_x) + dy * (0.5 - center_y) + d0
    for y in range(top, bottom):
        left, right = column_range(scratch, count, y + 0.5, canvas.shape[1])
        near_0 = near_00 + dy * y
        depths = inverse_depth[y]
        if material < m.DECAL_SHADOW and _is_hidden(depths, left, right, near_0, dx):
            continue
        pixels, ry = canvas[y], (y + 0.5 - center_y) / focal
        u, v = (u_0 + u_down * ry, u_step, uo), (v_0 + v_down * ry, v_step, vo)
        if material >= m.DECAL_SHADOW:
            _tint_run(pixels, depths, left, right, near_0, dx, u, v, material, night)
            continue
        start, end = _visible_run(depths, left, right, near_0, dx)
        while start < end:
            if material == m.FACADE:
                across = (u[0] * columns, u[1] * columns, uo * columns)
                up = (v[0] * storeys, v[1] * storeys, vo * storeys)
                shade_facade(
                    pixels, depths, air, start, end, (near_0, dx), across, up, (ray_0, ray_step, ry),
                    seed * 7 + columns, (red, green, blue), daylight, haze, night, fog_table, lamp_table,
                )  # fmt: skip
            else:
                _shade_run(
                    pixels, depths, start, end, (near_0, dx), u, v, (ray_0, ray_step, ry), material, seed,
                    (red, green, blue), daylight, haze, night, fog_table, lamp_table,
                )  # fmt: skip
            start, end = _visible_run(depths, end, right, near_0, dx)


@jit_inline
def _is_hidden(depths, left, right, near_0, near_step):
    """Tell whether all of a row's stretch is behind what is there; looks at several pixels at a time."""
    seen = 0
    near = near_0 + near_step * left
    for k in range(right - left):
        if near > depths[np.uint64(left) + np.uint64(k)]:
            seen += 1
        near += near_step
    return seen == 0


@jit_inline
def _visible_run(depths, left, right, near_0, near_step):
    """Return the next stretch of a row that is in front of what is there; an empty one at ``right``."""
    start = left
    while start < right and near_0 + near_step * start <= depths[start]:
        start += 1
    end = start
    while end < right and near_0 + near_step * end > depths[end]:
        end += 1
    return start, end


@jit_inline
def _shade_run(
    pixels, depths, start, end, near, u, v, ray, material, seed, color, daylight, haze, night, fog_table, lamp_table
):
    """Draw the pixels from ``start`` to ``end`` of a row that belong to the shape; all of them are visible.

    ``near`` (1/z) and ``ray`` (to the right, and down) are linear in the column: value at column 0, change per column.
    So are ``u`` and ``v`` times 1/z; their third number is subtracted.
    """
    near_0, near_step = near
    u_0, u_step, u_shift = u
    v_0, v_step, v_shift = v
    ray_0, ray_step, ray_down = ray
    red, green, blue = color
    day_r, day_g, day_b = daylight
    for x in range(start, end):
        near_here = near_0 + near_step * x
        z = 1.0 / near_here
        here_u, here_v = z * (u_0 + u_step * x) - u_shift, z * (v_0 + v_step * x) - v_shift
        keep, r, g, b, glow = fragment(material, here_u, here_v, red, green, blue, seed, haze, night)
        if keep:
            depths[x] = near_here
            step = int(min(RANGE_STEPS - 1.0, z * STEPS_PER_M))
            fog = fog_table[step]
            lamp = lamp_strength(lamp_table[step], ray_0 + ray_step * x, ray_down)
            clear = 1.0 - fog
            pixels[x] = pack_bgra(
                r * (glow + day_r + lamp) * clear + haze[0] * fog,
                g * (glow + day_g + lamp) * clear + haze[1] * fog,
                b * (glow + day_b + lamp * 0.9) * clear + haze[2] * fog,
            )


@jit_inline
def _tint_run(pixels, depths, start, end, near_0, near_step, u, v, material, night):
    """Darken or lighten the ground from ``start`` to ``end`` of a row."""
    for x in range(start, end):
        near = near_0 + near_step * x
        if abs(near - depths[x]) < DECAL_TOLERANCE * near:
            z = 1.0 / near
            gain = decal_gain(material, z * (u[0] + u[1] * x) - u[2], z * (v[0] + v[1] * x) - v[2], night)
            pixel = pixels[x]
            pixels[x] = pack_bgra(((pixel >> 16) & 255) * gain, ((pixel >> 8) & 255) * gain, (pixel & 255) * gain)


@jit_inline
def clip_and_project(scratch, view):
    """Clip at the near plane, store image coordinates and edges' slopes; return how many corners are left."""
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
    _note_slopes(scratch, count)
    return count


@jit_inline
def _note_slopes(scratch, count):
    """Store with each projected corner how far right its edge moves per row; never read of a level edge."""
    for i in range(count):
        j = i + 1 if i + 1 < count else 0
        here, there = scratch[_PROJECTED + i], scratch[_PROJECTED + j]
        here[2] = (there[0] - here[0]) / (there[1] - here[1])


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
            x = x_i + (y - y_i) * scratch[_PROJECTED + i, 2]
            left, right = min(left, x), max(right, x)
    if right < left:
        return 0, 0
    first = math.ceil(min(float(width), max(0.0, left - 0.5)))
    return first, max(first, math.ceil(max(0.0, min(float(width), right - 0.5))))

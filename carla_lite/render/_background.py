"""Kernels that fill what no object covers: the sky panorama above the horizon, the ground texture below it."""

from __future__ import annotations

import math

from carla_lite.render._fragment import lamp_at, lamp_strength
from carla_lite.render._ground_sampling import sample_lanes, spread
from carla_lite.render._numba import jit, jit_inline, pack_bgra, unit_noise

# Ground farther away than this is drawn as horizon: a pixel there spans kilometres.
FARTHEST_M = 6000.0
# Level of detail and fog change slowly along a row; they are worked out once per span.
_TILTED_SPAN_PX = 4
_MAX_TAPS = 6
# Shares the blur of far ground between sharpness (low) and shimmer (high): chosen by eye and by time per frame.
_PIXELS_PER_TAP = 3.0


@jit
def draw_background(canvas, inverse_depth, view, light, panorama, ground, sky_pass):
    """Draw either the sky (first) or the ground (second: wet ground mirrors what is there already)."""
    height, width = canvas.shape
    span = width if view.level else _TILTED_SPAN_PX
    threshold = 1.0 / FARTHEST_M
    step = -view.rotation[0, 2] / view.focal_px / view.eye_z_m
    for y in range(height):
        ry = (y + 0.5 - view.center_y_px) / view.focal_px
        # 1/depth of the ground plane, linear along the row; negative above the horizon.
        first = -(view.rotation[1, 2] * ry + view.rotation[2, 2]) / view.eye_z_m
        first += step * (0.5 - view.center_x_px)
        for start in range(0, width, span):
            end = min(width, start + span)
            one_kind = (first + step * start > threshold) == (first + step * (end - 1) > threshold)
            piece = end - start if one_kind else 1
            for x in range(start, end, piece):
                is_ground = first + step * x > threshold
                if is_ground and not sky_pass:
                    _draw_ground(canvas, inverse_depth, view, light, ground, y, x, x + piece, first, step)
                elif sky_pass and not is_ground:
                    _draw_sky(canvas, inverse_depth, view, panorama, y, x, x + piece)


@jit_inline
def row_ray(view, y):
    ry = (y + 0.5 - view.center_y_px) / view.focal_px
    r = view.rotation
    return r[1, 0] * ry + r[2, 0], r[1, 1] * ry + r[2, 1], r[1, 2] * ry + r[2, 2]


@jit_inline
def _draw_sky(canvas, inverse_depth, view, panorama, y, start, end):
    bx, by, bz = row_ray(view, y)
    r = view.rotation
    rows, columns = panorama.shape
    for x in range(start, end):
        if inverse_depth[y, x] > 0.0:
            continue
        rx = (x + 0.5 - view.center_x_px) / view.focal_px
        dx, dy, dz = bx + r[0, 0] * rx, by + r[0, 1] * rx, max(0.0, bz + r[0, 2] * rx)
        flat = math.sqrt(dx * dx + dy * dy)
        row = int(rows * dz / (flat + dz + 1e-9))
        diamond = dy / (abs(dx) + abs(dy) + 1e-9)
        if dx < 0.0:
            diamond = 2.0 - diamond
        column = int((diamond + 1.0) * 0.25 * columns)
        canvas[y, x] = panorama[min(rows - 1, row), max(0, min(columns - 1, column))]


@jit_inline
def _draw_ground(canvas, inverse_depth, view, light, ground, y, start, end, first, step):
    r = view.rotation
    focal = view.focal_px
    bx, by, bz = row_ray(view, y)
    middle = 0.5 * (start + end - 1)
    near = first + step * middle
    t = 1.0 / near
    rx = (middle + 0.5 - view.center_x_px) / focal
    dx, dy, dz = bx + r[0, 0] * rx, by + r[0, 1] * rx, bz + r[0, 2] * rx
    # How the ground point moves per pixel to the right and per pixel down.
    right_x, right_y = _slide(t, dx, dy, r[0, 0], r[0, 1], r[0, 2], view.eye_z_m, focal)
    down_x, down_y = _slide(t, dx, dy, r[1, 0], r[1, 1], r[1, 2], view.eye_z_m, focal)
    level, taps, tap_x, tap_y = _choose_taps(right_x, right_y, down_x, down_y, ground)
    fog = 1.0 - math.exp(-light.fog_per_m * max(0.0, t - light.fog_start_m))
    lamp_here = lamp_at(light.lamp, t)
    ry = (y + 0.5 - view.center_y_px) / focal
    day_r, day_g, day_b = _daylight(light)
    clear = 1.0 - fog
    grazing = 1.0 - min(1.0, 2.2 * abs(dz) / math.sqrt(dx * dx + dy * dy + dz * dz))
    inv_taps = 1.0 / taps
    # Plain numbers for the loop: handing a tuple with arrays to a helper counts references at every pixel.
    up_axis = (r[0, 2], r[1, 2], r[2, 2])
    center_x, center_y, wet, puddles, haze = view.center_x_px, view.center_y_px, light.wet, light.puddles, light.haze
    scale = 1.0 / (ground.texel_m * (1 << level))
    tap_x, tap_y = tap_x * scale, tap_y * scale
    texels, outside = ground.texels, spread(ground.outside)
    offset, rows, columns = ground.levels[level, 0], ground.levels[level, 1], ground.levels[level, 2]
    for x in range(start, end):
        if inverse_depth[y, x] > 0.0:
            continue
        near = first + step * x
        inverse_depth[y, x] = near
        t = 1.0 / near
        rx = (x + 0.5 - view.center_x_px) / focal
        gx = (view.eye_x_m + t * (bx + r[0, 0] * rx) - ground.x0_m) * scale - 0.5
        gy = (view.eye_y_m + t * (by + r[0, 1] * rx) - ground.y0_m) * scale - 0.5
        lanes = 0
        # Counted in floats, or LLVM would turn these few steps into gathers of eight, twice as slow.
        away = 0.5 * inv_taps - 0.5
        while away < 0.5:
            lanes += sample_lanes(texels, offset, rows, columns, outside, gx + away * tap_x, gy + away * tap_y)
            away += inv_taps
        blue = (lanes & 0xFFFF) * inv_taps
        red = ((lanes >> 16) & 0xFFFF) * inv_taps
        green = ((lanes >> 32) & 0xFFFF) * inv_taps
        lamp = lamp_strength(lamp_here, rx, ry)
        red, green, blue = red * (day_r + lamp), green * (day_g + lamp), blue * (day_b + 0.9 * lamp)
        if wet > 0.0:
            gloss = ((lanes >> 48) & 0xFFFF) * inv_taps / 255.0
            dark, share = _wet_shares(gloss, grazing, wet, puddles)
            ripple = 3.0 * (unit_noise(x >> 2, y, 31) - 0.5) * grazing
            column, row = _mirrored_pixel(focal, center_x, center_y, up_axis, rx, ry, ripple)
            mirror_r, mirror_g, mirror_b = _mirrored_color(canvas, row, column, y, haze)
            red = red * dark + (mirror_r - red * dark) * share
            green = green * dark + (mirror_g - green * dark) * share
            blue = blue * dark + (mirror_b - blue * dark) * share
        canvas[y, x] = pack_bgra(
            red * clear + light.haze[0] * fog, green * clear + light.haze[1] * fog, blue * clear + light.haze[2] * fog
        )


@jit_inline
def _daylight(light):
    """Return the light of sky and sun on level ground."""
    up = max(0.0, light.sun_direction[2])
    return (
        0.96 * light.ambient[0] + light.sun[0] * up,
        0.96 * light.ambient[1] + light.sun[1] * up,
        0.96 * light.ambient[2] + light.sun[2] * up,
    )


@jit_inline
def _slide(t, dx, dy, ax, ay, az, eye_z, focal):
    # p = eye + t * d with t = -eye_z / d_z; along a camera axis a: dp = t * (a + d * t * a_z / eye_z) / focal.
    change = t * az / eye_z
    return t * (ax + dx * change) / focal, t * (ay + dy * change) / focal


@jit_inline
def _choose_taps(right_x, right_y, down_x, down_y, ground):
    """Choose mip level, number of samples and the stretch they cover for one pixel's footprint."""
    right = math.sqrt(right_x * right_x + right_y * right_y)
    down = math.sqrt(down_x * down_x + down_y * down_y)
    major = max(right, down)
    minor = abs(right_x * down_y - right_y * down_x) / major
    taps = min(_MAX_TAPS, max(1, int(major / max(minor, ground.texel_m) / _PIXELS_PER_TAP + 0.5)))
    blur = max(minor, major / taps / _PIXELS_PER_TAP) / ground.texel_m
    level = 0
    while blur > 1.4 and level < ground.levels.shape[0] - 1:
        blur *= 0.5
        level += 1
    if down > right:
        return level, taps, down_x, down_y
    return level, taps, right_x, right_y


@jit_inline
def _mirrored_pixel(focal, center_x, center_y, up_axis, rx, ry, ripple):
    """Return column and row where the ray, mirrored at the ground plane, meets the image; (-1, -1) if behind it."""
    # c' = c - 2 (u.c) u with u the map's up in camera axes.
    u0, u1, u2 = up_axis
    rise = 2.0 * (u0 * rx + u1 * ry + u2)
    mz = 1.0 - rise * u2
    if mz < 1e-3:
        return -1, -1
    column = int(focal * (rx - rise * u0) / mz + center_x)
    row = int(focal * (ry - rise * u1) / mz + center_y + ripple)
    return column, row


@jit_inline
def _mirrored_color(canvas, row, column, y, haze):
    """Return what the image shows at (row, column), or the haze if that lies outside or in the row being drawn."""
    red, green, blue = haze
    height, width = canvas.shape
    if column >= 0 and column < width and row >= 0 and row < height and row != y:
        pixel = canvas[row, column]
        red, green, blue = float((pixel >> 16) & 255), float((pixel >> 8) & 255), float(pixel & 255)
    return red, green, blue


@jit_inline
def _wet_shares(gloss, grazing, wet, puddles):
    """Return how much darker wet ground is, and how much of it is mirror image."""
    dark = 1.0 - 0.42 * wet * min(1.0, 0.35 + gloss)
    puddle = max(0.0, min(1.0, (gloss - 0.86 + 0.42 * puddles) * 4.0)) * puddles
    share = min(0.85, gloss * wet * (0.10 + 0.62 * grazing) + 0.45 * puddle * (0.35 + 0.65 * grazing))
    return dark, share

"""Kernels that fill what no object covers: the sky panorama above the horizon, the ground texture below it."""

from __future__ import annotations

import math

import numpy as np

from carla_lite.render._fragment import lamp_at, lamp_strength
from carla_lite.render._ground_sampling import FIXED_ONE, is_inside, sample_inside, sample_lanes, spread
from carla_lite.render._numba import jit, jit_inline, pack_bgra, unit_noise

# Ground farther away than this is drawn as horizon: a pixel there spans kilometres.
FARTHEST_M = 6000.0
# Level of detail and fog change slowly along a row; they are worked out once per span.
_TILTED_SPAN_PX = 4
_MAX_TAPS = 6
# Shares the blur of far ground between sharpness (low) and shimmer (high): chosen by eye and by time per frame.
_PIXELS_PER_TAP = 3.0


@jit
def draw_background(canvas, inverse_depth, rows, view, light, panorama, ground, sky_pass):
    """Draw in ``rows`` either the sky (first) or the ground (second: wet ground mirrors what is there already)."""
    width = canvas.shape[1]
    span = width if view.level else _TILTED_SPAN_PX
    threshold = 1.0 / FARTHEST_M
    step = -view.rotation[0, 2] / view.focal_px / view.eye_z_m
    words = np.empty(width, np.int64)
    for y in range(rows[0], rows[1]):
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
                    _draw_ground(canvas, inverse_depth, view, light, ground, words, y, x, x + piece, first, step)
                elif sky_pass and not is_ground:
                    _draw_sky(canvas, inverse_depth, view, panorama, words, y, x, x + piece)


@jit_inline
def row_ray(view, y):
    ry = (y + 0.5 - view.center_y_px) / view.focal_px
    r = view.rotation
    return r[1, 0] * ry + r[2, 0], r[1, 1] * ry + r[2, 1], r[1, 2] * ry + r[2, 2]


@jit_inline
def _empty_run(row, start, end):
    """Return the next stretch of a row of 1/z that nothing covers; an empty one at ``end``."""
    first = start
    while first < end and row[first] > 0.0:
        first += 1
    last = first
    while last < end and row[last] <= 0.0:
        last += 1
    return first, last


@jit_inline
def _draw_sky(canvas, inverse_depth, view, panorama, places, y, start, end):
    bx, by, bz = row_ray(view, y)
    r0, r1, r2 = view.rotation[0, 0], view.rotation[0, 1], view.rotation[0, 2]
    center_x, per_focal = view.center_x_px, 1.0 / view.focal_px
    rows, columns = panorama.shape
    sky = panorama.ravel()
    pixels, covered = canvas[y], inverse_depth[y]
    left, right = _empty_run(covered, start, end)
    while left < right:
        # Without branches, so that several pixels are worked out at a time.
        for x in range(left, right):
            rx = (x + 0.5 - center_x) * per_focal
            dx, dy, dz = bx + r0 * rx, by + r1 * rx, max(0.0, bz + r2 * rx)
            flat = math.sqrt(dx * dx + dy * dy)
            row = int(rows * dz / (flat + dz + 1e-9))
            diamond = dy / (abs(dx) + abs(dy) + 1e-9)
            diamond = 2.0 - diamond if dx < 0.0 else diamond
            column = int((diamond + 1.0) * 0.25 * columns)
            places[x] = min(rows - 1, row) * columns + max(0, min(columns - 1, column))
        for x in range(left, right):
            pixels[x] = sky[np.uint64(places[x])]
        left, right = _empty_run(covered, right, end)


@jit_inline
def _draw_ground(canvas, inverse_depth, view, light, ground, lanes, y, start, end, first, step):
    r = view.rotation
    focal = view.focal_px
    bx, by, bz = row_ray(view, y)
    middle = 0.5 * (start + end - 1)
    depth_m = 1.0 / (first + step * middle)
    rx = (middle + 0.5 - view.center_x_px) / focal
    dx, dy, dz = bx + r[0, 0] * rx, by + r[0, 1] * rx, bz + r[0, 2] * rx
    # How the ground point moves per pixel to the right and per pixel down.
    right_x, right_y = _slide(depth_m, dx, dy, r[0, 0], r[0, 1], r[0, 2], view.eye_z_m, focal)
    down_x, down_y = _slide(depth_m, dx, dy, r[1, 0], r[1, 1], r[1, 2], view.eye_z_m, focal)
    level, taps, tap_x, tap_y = _choose_taps(right_x, right_y, down_x, down_y, ground)
    fog = 1.0 - math.exp(-light.fog_per_m * max(0.0, depth_m - light.fog_start_m))
    lamp = lamp_at(light.lamp, depth_m)
    grazing = 1.0 - min(1.0, 2.2 * abs(dz) / math.sqrt(dx * dx + dy * dy + dz * dz))
    row = inverse_depth[y]
    left, right = _empty_run(row, start, end)
    while left < right:
        _sample_run(lanes, view, ground, y, left, right, first, step, level, taps, tap_x, tap_y)
        for x in range(left, right):
            row[x] = first + step * x
        if light.wet > 0.0 or lamp > 0.0:
            _shade_wet_or_lit(canvas, lanes, view, light, y, left, right, 1.0 / taps, fog, lamp, grazing)
        else:
            _shade_dry(canvas[y], lanes, light, left, right, 1.0 / taps, fog)
        left, right = _empty_run(row, right, end)


@jit_inline
def _sample_run(lanes, view, ground, y, start, end, first, step, level, taps, tap_x, tap_y):
    """Store for each pixel of a stretch of ground the sum of its samples."""
    r = view.rotation
    is_level = view.level
    bx, by, _ = row_ray(view, y)
    scale = 1.0 / (ground.texel_m * (1 << level))
    step_x, step_y = tap_x * scale / taps, tap_y * scale / taps
    # Texture coordinates of a pixel's first sample: of the eye, and per metre of depth, which is linear along the row.
    eye_x = (view.eye_x_m - ground.x0_m) * scale - 0.5 - 0.5 * (taps - 1) * step_x
    eye_y = (view.eye_y_m - ground.y0_m) * scale - 0.5 - 0.5 * (taps - 1) * step_y
    edge = (0.5 - view.center_x_px) / view.focal_px
    per_m_x, change_x = (bx + r[0, 0] * edge) * scale, r[0, 0] / view.focal_px * scale
    per_m_y, change_y = (by + r[0, 1] * edge) * scale, r[0, 1] / view.focal_px * scale
    fixed_x, fixed_y = int(step_x * FIXED_ONE), int(step_y * FIXED_ONE)
    texels, outside = ground.texels, spread(ground.outside)
    offset, rows, columns = ground.levels[level, 0], ground.levels[level, 1], ground.levels[level, 2]
    all_inside = True
    for x in (start, end - 1):
        depth_m = 1.0 / (first + step * x)
        gx = int((eye_x + depth_m * (per_m_x + change_x * x)) * FIXED_ONE)
        gy = int((eye_y + depth_m * (per_m_y + change_y * x)) * FIXED_ONE)
        last_x, last_y = gx + (taps - 1) * fixed_x, gy + (taps - 1) * fixed_y
        all_inside &= is_inside(gx, gy, rows, columns) and is_inside(last_x, last_y, rows, columns)
    depth_m = 1.0 / first
    for x in range(start, end):
        if not is_level:
            depth_m = 1.0 / (first + step * x)
        gx = int((eye_x + depth_m * (per_m_x + change_x * x)) * FIXED_ONE)
        gy = int((eye_y + depth_m * (per_m_y + change_y * x)) * FIXED_ONE)
        total = 0
        # Counted in floats, or LLVM would turn these few steps into gathers of eight, twice as slow.
        left = float(taps)
        if all_inside:
            while left > 0.5:
                total += sample_inside(texels, offset, columns, gx, gy)
                gx += fixed_x
                gy += fixed_y
                left -= 1.0
        else:
            while left > 0.5:
                total += sample_lanes(texels, offset, rows, columns, outside, gx, gy)
                gx += fixed_x
                gy += fixed_y
                left -= 1.0
        lanes[x] = total


@jit_inline
def _shade_dry(pixels, lanes, light, start, end, share, fog):
    """Colour a stretch of ground in daylight: a gain and some haze, in single precision, several pixels at a time."""
    day_r, day_g, day_b = _daylight(light)
    gain = (1.0 - fog) * share
    gain_r, gain_g, gain_b = np.float32(day_r * gain), np.float32(day_g * gain), np.float32(day_b * gain)
    haze_r, haze_g, haze_b = light.haze
    fog_r, fog_g, fog_b = np.float32(haze_r * fog), np.float32(haze_g * fog), np.float32(haze_b * fog)
    most = np.float32(255.0)
    for x in range(start, end):
        word = lanes[x]
        blue = np.int32(min(most, np.float32(np.int32(word & 0xFFFF)) * gain_b + fog_b))
        red = np.int32(min(most, np.float32(np.int32((word >> 16) & 0xFFFF)) * gain_r + fog_r))
        green = np.int32(min(most, np.float32(np.int32((word >> 32) & 0xFFFF)) * gain_g + fog_g))
        pixels[x] = np.uint32((red << 16) | (green << 8) | blue | 0xFF000000)


@jit_inline
def _shade_wet_or_lit(canvas, lanes, view, light, y, start, end, inv_taps, fog, lamp_here, grazing):
    """Colour a stretch of ground that mirrors what is drawn already, or that the camera's own lamps light."""
    # Plain numbers for the loop: handing a tuple with arrays to a helper counts references at every pixel.
    focal, center_x, center_y = view.focal_px, view.center_x_px, view.center_y_px
    wet, puddles, haze = light.wet, light.puddles, light.haze
    up_axis = (view.rotation[0, 2], view.rotation[1, 2], view.rotation[2, 2])
    day_r, day_g, day_b = _daylight(light)
    ry = (y + 0.5 - center_y) / focal
    clear = 1.0 - fog
    for x in range(start, end):
        rx = (x + 0.5 - center_x) / focal
        word = lanes[x]
        blue = (word & 0xFFFF) * inv_taps
        red = ((word >> 16) & 0xFFFF) * inv_taps
        green = ((word >> 32) & 0xFFFF) * inv_taps
        lamp = lamp_strength(lamp_here, rx, ry)
        red, green, blue = red * (day_r + lamp), green * (day_g + lamp), blue * (day_b + 0.9 * lamp)
        if wet > 0.0:
            gloss = ((word >> 48) & 0xFFFF) * inv_taps / 255.0
            dark, share = _wet_shares(gloss, grazing, wet, puddles)
            ripple = 3.0 * (unit_noise(x >> 2, y, 31) - 0.5) * grazing
            column, row = _mirrored_pixel(focal, center_x, center_y, up_axis, rx, ry, ripple)
            mirror_r, mirror_g, mirror_b = _mirrored_color(canvas, row, column, y, haze)
            red = red * dark + (mirror_r - red * dark) * share
            green = green * dark + (mirror_g - green * dark) * share
            blue = blue * dark + (mirror_b - blue * dark) * share
        canvas[y, x] = pack_bgra(
            red * clear + haze[0] * fog, green * clear + haze[1] * fog, blue * clear + haze[2] * fog
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

"""Kernel that colours stretches of house fronts: windows in storeys, several pixels at a time."""

from __future__ import annotations

import numpy as np

from carla_lite.render._fragment import lamp_strength
from carla_lite.render._numba import jit_inline, unit_noise
from carla_lite.render.atmosphere import RANGE_STEPS, STEPS_PER_M

_WINDOW_PITCH_M = 2.7
_STOREY_M = 3.1
_LIT_SHARE = 0.42


@jit_inline
def window_grid(width_m, height_m):
    """Return how many windows fit along a wall and how many storeys up."""
    return max(1, int(width_m / _WINDOW_PITCH_M)), max(1, int(height_m / _STOREY_M))


@jit_inline
def shade_facade(
    pixels, depths, air, start, end, near, across, up, ray, pattern, color, daylight, haze, night, fog_table, lamp_table
):
    """Draw the pixels from ``start`` to ``end`` of a row, all of them visible.

    ``near`` (1/z) and ``ray`` (to the right, and down) are linear in the column: value at column 0, change per column.
    ``across`` and ``up`` count windows and storeys: so are their products with 1/z; the third number is subtracted.
    ``air`` has room for two numbers a pixel.
    """
    _look_through_air(air, start, end, near, fog_table, lamp_table)
    fogs, lamps = air[0], air[1]
    near_0, near_step = near
    across_0, across_step, across_shift = across
    up_0, up_step, up_shift = up
    ray_0, ray_step, ray_down = ray
    red, green, blue = color
    day_r, day_g, day_b = daylight
    haze_r, haze_g, haze_b = haze
    # No branches, no tables, 32-bit integers and unsigned indices: so several pixels are worked out at a time.
    for k in range(end - start):
        column = np.float64(np.int32(start + k))
        near_here = near_0 + near_step * column
        z = 1.0 / near_here
        share, glow, chance, wall = _window(
            z * (across_0 + across_step * column) - across_shift, z * (up_0 + up_step * column) - up_shift, pattern,
            z * ray_step, night,
        )  # fmt: skip
        tone = 0.75 + 0.5 * chance
        wall_r, wall_g, wall_b = red * wall, green * wall, blue * wall
        pane_r = 44.0 * tone + 0.12 * haze_r + glow * 190.0
        pane_g = 56.0 * tone + 0.14 * haze_g + glow * 135.0
        pane_b = 72.0 * tone + 0.16 * haze_b + glow * 50.0
        at = np.uint64(start + k)
        fog = fogs[at]
        lamp = lamp_strength(lamps[at], ray_0 + ray_step * column, ray_down)
        clear = 1.0 - fog
        own = 0.8 * glow
        r = (wall_r + (pane_r - wall_r) * share) * (own + day_r + lamp) * clear + haze_r * fog
        g = (wall_g + (pane_g - wall_g) * share) * (own + day_g + lamp) * clear + haze_g * fog
        b = (wall_b + (pane_b - wall_b) * share) * (own + day_b + lamp * 0.9) * clear + haze_b * fog
        depths[at] = near_here
        r, g, b = np.int32(min(255.0, r)), np.int32(min(255.0, g)), np.int32(min(255.0, b))
        pixels[at] = np.uint32((r << 16) | (g << 8) | b | 0xFF000000)


@jit_inline
def _look_through_air(air, start, end, near, fog_table, lamp_table):
    """Store for the pixels of a stretch how much haze is before them and how strong head lamps are there."""
    for x in range(start, end):
        step = int(min(RANGE_STEPS - 1.0, STEPS_PER_M / (near[0] + near[1] * x)))
        air[0, x] = fog_table[step]
        air[1, x] = lamp_table[step]


@jit_inline
def _window(across, up, pattern, pixel_m, night):
    """Return how much of a place is pane, its own light, the window's chance (0..1) and the wall's brightness."""
    i, j = np.int32(across), np.int32(up)
    fu, fv = across - i, up - j
    # Beyond half a window per pixel the pattern would flicker: fade to its mean.
    plain = max(0.0, min(1.0, (pixel_m - 0.35) / 0.9))
    low = 0.30 if j > 0 else 0.06
    high = 0.82 if j > 0 else 0.74
    edge = 0.24 if j > 0 else 0.12
    outside = (fv < low) | (fv > high) | (fu < edge) | (fu > 1.0 - edge)
    chance = unit_noise(i, j, pattern)
    lit = 1.0 if chance < _LIT_SHARE else 0.0
    share = 0.0 if outside else 1.0
    share += (0.3 - share) * plain
    lit += (_LIT_SHARE - lit) * plain
    wall = 0.9 if (fv < 0.05) & (plain < 1.0) else 1.0
    return share, share * lit * night, chance, wall

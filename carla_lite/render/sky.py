"""The sky as a panorama: gradient, clouds on a flat layer, sun and stars, painted once per weather."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from carla_lite.render._numba import jit, jit_inline, pack_bgra, smooth_noise, unit_noise
from carla_lite.render.atmosphere import Light, SkyLook

# Rows go from the horizon to the zenith, evenly in e / (1 + e) where e is the tangent of the elevation;
# columns go around, evenly in the "diamond angle" that needs no arc tangent.
PANORAMA_ROWS = 192
PANORAMA_COLUMNS = 1024


def paint_sky(look: SkyLook, light: Light) -> NDArray[np.uint32]:
    """Return the panorama (PANORAMA_ROWS, PANORAMA_COLUMNS) of packed BGRA pixels."""
    panorama = np.empty((PANORAMA_ROWS, PANORAMA_COLUMNS), np.uint32)
    _paint(panorama, look, light.sun_direction)
    return panorama


@jit
def _paint(panorama, look, sun):
    rows, columns = panorama.shape
    for row in range(rows):
        share = (row + 0.5) / rows
        tangent = share / (1.0 - share)
        up = tangent / math.sqrt(1.0 + tangent * tangent)
        flat = math.sqrt(1.0 - up * up)
        for column in range(columns):
            cos_azimuth, sin_azimuth = _direction((column + 0.5) / columns * 4.0)
            toward_sun = flat * (cos_azimuth * sun[0] + sin_azimuth * sun[1]) + up * sun[2]
            cloud = _cloud(cos_azimuth / tangent, sin_azimuth / tangent, look.cover) * min(1.0, 6.0 * up)
            red, green, blue = _clear_sky(look, up, toward_sun, row, column)
            red += (look.cloud[0] * (0.88 + 0.14 * cloud) - red) * cloud
            green += (look.cloud[1] * (0.88 + 0.14 * cloud) - green) * cloud
            blue += (look.cloud[2] * (0.88 + 0.14 * cloud) - blue) * cloud
            panorama[row, column] = pack_bgra(red, green, blue)


@jit_inline
def _direction(diamond):
    """Turn a diamond angle (0..4, from -y over +x) into a unit vector."""
    if diamond < 2.0:
        y = diamond - 1.0
        x = 1.0 - abs(y)
    else:
        y = 3.0 - diamond
        x = abs(y) - 1.0
    norm = math.sqrt(x * x + y * y)
    return x / norm, y / norm


@jit_inline
def _clear_sky(look, up, toward_sun, row, column):
    share = min(1.0, 1.35 * up) ** 0.55
    red = look.horizon[0] + (look.zenith[0] - look.horizon[0]) * share
    green = look.horizon[1] + (look.zenith[1] - look.horizon[1]) * share
    blue = look.horizon[2] + (look.zenith[2] - look.horizon[2]) * share
    near_sun = max(0.0, toward_sun)
    glow = look.glare * (0.35 * near_sun**24 + 0.6 * near_sun**220)
    if toward_sun > 0.9994:
        glow = max(glow, look.disc)
    red += (255.0 - red) * min(1.0, glow)
    green += (250.0 - green) * min(1.0, glow)
    blue += (228.0 - blue) * min(1.0, glow)
    if look.stars > 0.0 and unit_noise(row, column, 11) > 0.9985:
        star = 150.0 * look.stars * unit_noise(row, column, 12)
        red, green, blue = red + star, green + star, blue + star
    return red, green, blue


@jit_inline
def _cloud(x, y, cover):
    """Return how much cloud (0..1) stands over a point of the layer, in units of the layer's height."""
    density, weight = 0.0, 0.5
    scale = 0.9
    for octave in range(5):
        density += weight * smooth_noise(x * scale + 7.0, y * scale - 3.0, 20 + octave)
        weight *= 0.52
        scale *= 2.1
    edge = 0.78 - 0.62 * cover
    return min(1.0, max(0.0, (density - edge) * (3.2 - 1.6 * cover)))

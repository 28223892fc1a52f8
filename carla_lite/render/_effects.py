"""Kernels that lie over the finished picture: the glow of lamps and streaks of rain."""

from __future__ import annotations

import math

from carla_lite.render._numba import hash3, jit, jit_inline, pack_bgra, unit_noise
from carla_lite.render._objects import fully_fogged, to_camera
from carla_lite.scene import Lamp, Shape

_CAR, _TRAFFIC_LIGHT = int(Shape.CAR), int(Shape.TRAFFIC_LIGHT)
_YELLOW, _GREEN = int(Lamp.YELLOW), int(Lamp.GREEN)
_SIGNAL_GLOW_BY_DAY = 0.45
_GLOW_RADIUS_M = 0.42
_SMALLEST_GLOW_PX = 1.6
_LARGEST_GLOW_PX = 40.0
# One streak per so many pixels in the heaviest rain.
_PIXELS_PER_STREAK = 190
_STREAK_GREY = 212


@jit
def draw_lamp_glow(canvas, inverse_depth, view, light, instances, order, count):
    """Add a halo around lamps that face the camera: all lamps at night, brake lights always."""
    for k in range(count):
        i = order[k]
        if instances.shape[i] != _CAR:
            continue
        frame = instances.frames[i]
        for end in (1.0, -1.0):
            strength = light.night
            if end < 0.0:
                strength = 0.55 * light.night + 0.6 * instances.braking[i]
            if strength <= 0.0:
                continue
            for side in (-0.7, 0.7):
                x = frame[3, 0] + 1.02 * end * frame[0, 0] + side * frame[1, 0] - 0.15 * frame[2, 0]
                y = frame[3, 1] + 1.02 * end * frame[0, 1] + side * frame[1, 1] - 0.15 * frame[2, 1]
                z = frame[3, 2] + 1.02 * end * frame[0, 2] + side * frame[1, 2] - 0.15 * frame[2, 2]
                toward_eye = (
                    (view.eye_x_m - x) * frame[0, 0]
                    + (view.eye_y_m - y) * frame[0, 1]
                    + (view.eye_z_m - z) * frame[0, 2]
                ) * end
                if toward_eye > 0.0:
                    red, green, blue = (250.0, 240.0, 214.0) if end > 0.0 else (250.0, 40.0, 32.0)
                    _halo(canvas, inverse_depth, view, light, x, y, z, strength, red, green, blue)


@jit
def draw_signal_glow(canvas, inverse_depth, view, light, instances, order, count):
    """Add a halo around the lit lamp of traffic lights that face the camera."""
    for k in range(count):
        i = order[k]
        lamp = instances.braking[i]
        if instances.shape[i] != _TRAFFIC_LIGHT or lamp > _GREEN:
            continue
        frame = instances.frames[i]
        rise = 0.64 * (1 - lamp)
        x = frame[3, 0] + 1.1 * frame[0, 0] + rise * frame[2, 0]
        y = frame[3, 1] + 1.1 * frame[0, 1] + rise * frame[2, 1]
        z = frame[3, 2] + 1.1 * frame[0, 2] + rise * frame[2, 2]
        if (view.eye_x_m - x) * frame[0, 0] + (view.eye_y_m - y) * frame[0, 1] <= 0.0:
            continue
        red, green, blue = 250.0, 40.0, 30.0
        if lamp == _YELLOW:
            red, green, blue = 250.0, 170.0, 20.0
        elif lamp == _GREEN:
            red, green, blue = 30.0, 235.0, 120.0
        strength = _SIGNAL_GLOW_BY_DAY + (1.0 - _SIGNAL_GLOW_BY_DAY) * light.night
        _halo(canvas, inverse_depth, view, light, x, y, z, strength, red, green, blue)


@jit_inline
def _halo(canvas, inverse_depth, view, light, x, y, z, strength, red, green, blue):
    cx, cy, cz = to_camera(view, x, y, z)
    if cz < 0.3 or fully_fogged(light, cz):
        return
    height, width = canvas.shape
    px, py = view.focal_px * cx / cz + view.center_x_px, view.focal_px * cy / cz + view.center_y_px
    if not (0.0 <= px < width and 0.0 <= py < height):
        return
    if inverse_depth[int(py), int(px)] * cz > 1.03:
        return
    radius = max(_SMALLEST_GLOW_PX, min(_LARGEST_GLOW_PX, _GLOW_RADIUS_M * view.focal_px / cz))
    strength *= math.exp(-light.fog_per_m * max(0.0, cz - light.fog_start_m))
    for row in range(max(0, int(py - radius)), min(height, int(py + radius) + 1)):
        for column in range(max(0, int(px - radius)), min(width, int(px + radius) + 1)):
            distance = ((row + 0.5 - py) ** 2 + (column + 0.5 - px) ** 2) / (radius * radius)
            if distance < 1.0:
                share = strength * (1.0 - distance) ** 2
                pixel = canvas[row, column]
                canvas[row, column] = pack_bgra(
                    ((pixel >> 16) & 255) + red * share,
                    ((pixel >> 8) & 255) + green * share,
                    (pixel & 255) + blue * share,
                )


@jit
def draw_rain(canvas, light, frame):
    """Draw streaks that depend on the frame number and the image size only."""
    height, width = canvas.shape
    count = int(light.rain * width * height / _PIXELS_PER_STREAK)
    length = max(3.0, height / 16.0)
    for i in range(count):
        x = unit_noise(i, frame, 41) * width * 1.2 - 0.1 * width
        y = hash3(i, frame, 42) % height
        # Near drops are longer and brighter.
        near = unit_noise(i, frame, 43)
        weight = int(24.0 + 52.0 * near)
        for j in range(int(length * (0.4 + near))):
            row, column = y + j, int(x - light.slant * j)
            if row < height and 0 <= column < width:
                canvas[row, column] = _lighten(canvas[row, column], weight, light)


@jit_inline
def _lighten(pixel, weight, light):
    grey = _STREAK_GREY * (0.25 + 0.75 * (1.0 - light.night))
    red, green, blue = float((pixel >> 16) & 255), float((pixel >> 8) & 255), float(pixel & 255)
    share = weight / 256.0
    return pack_bgra(
        red + max(0.0, grey - red) * share, green + max(0.0, grey - green) * share, blue + max(0.0, grey - blue) * share
    )

"""Kernels that colour single pixels of object faces and decals."""

from __future__ import annotations

import math

from carla_lite.render import materials as m
from carla_lite.render._numba import hash3, jit_inline
from carla_lite.render._signals import plate, signal_lamp
from carla_lite.render.atmosphere import RANGE_STEPS, STEPS_PER_M


@jit_inline
def light_on_face(view, light, n0, n1, n2):
    """Return the light (red, green, blue) on a face with normal ``n`` in camera axes, of any length."""
    norm = math.sqrt(n0 * n0 + n1 * n1 + n2 * n2)
    n0, n1, n2 = n0 / norm, n1 / norm, n2 / norm
    up = n0 * view.rotation[0, 2] + n1 * view.rotation[1, 2] + n2 * view.rotation[2, 2]
    # Into map axes: the rows of the rotation are the camera axes.
    nx = n0 * view.rotation[0, 0] + n1 * view.rotation[1, 0] + n2 * view.rotation[2, 0]
    ny = n0 * view.rotation[0, 1] + n1 * view.rotation[1, 1] + n2 * view.rotation[2, 1]
    sun = max(0.0, nx * light.sun_direction[0] + ny * light.sun_direction[1] + up * light.sun_direction[2])
    # The sky lights more than the ground; a little difference between x and y walls keeps edges visible when overcast.
    sky = 0.80 + 0.16 * up + 0.08 * nx * nx
    return (
        light.ambient[0] * sky + light.sun[0] * sun,
        light.ambient[1] * sky + light.sun[1] * sun,
        light.ambient[2] * sky + light.sun[2] * sun,
    )


@jit_inline
def lamp_at(lamp_table, depth_m):
    """Interpolate head-light strength at a depth; whole steps would show as bands on the road."""
    position = min(depth_m * STEPS_PER_M, RANGE_STEPS - 1.001)
    step = int(position)
    return lamp_table[step] + (position - step) * (lamp_table[step + 1] - lamp_table[step])


@jit_inline
def lamp_strength(strength, rx, ry):
    """Shape the cone of the camera's own head lights around the optical axis."""
    return strength * max(0.0, 1.0 - 1.1 * rx * rx) * max(0.0, min(1.0, 1.25 + 4.0 * ry))


@jit_inline
def fragment(material, u, v, red, green, blue, seed, haze, night):
    """Return (keep, red, green, blue, glow): whether this pixel belongs to the shape, its colour, its own light."""
    if material == m.FLAT:
        return True, red, green, blue, 0.0
    if material == m.GLASS:
        return True, red + 0.16 * haze[0], green + 0.17 * haze[1], blue + 0.18 * haze[2], 0.0
    if material == m.WHEEL:
        return _wheel(u, v, red, green, blue)
    if material == m.HEAD_LAMP:
        return True, red, green, blue, night
    if material == m.TAIL_LAMP:
        return True, red, green, blue, 0.9 * night + 1.1 * seed
    if material >= m.STOP_PLATE:
        return plate(material, u, v, red, green, blue, seed)
    if material >= m.LAMP_RED:
        return signal_lamp(material, u, v, red, green, blue, seed)
    return _ball(material, u, v, red, green, blue, seed)


@jit_inline
def _wheel(u, v, red, green, blue):
    radius = math.sqrt((2.0 * u - 1.0) ** 2 + (2.0 * v - 1.0) ** 2)
    rim = 120.0 if radius < 0.58 else 0.0
    return radius <= 1.0, red + rim, green + rim, blue + rim, 0.0


@jit_inline
def _ball(material, u, v, red, green, blue, seed):
    x, y = 2.0 * u - 1.0, 2.0 * v - 1.0
    limit, tone = 1.0, 1.0
    if material == m.FOLIAGE:
        leaf = hash3(int(u * 15.0), int(v * 15.0), seed) & 255
        limit = 1.0 - 0.30 * leaf / 255.0
        tone = 0.72 + 0.40 * (hash3(int(u * 24.0), int(v * 24.0), seed + 1) & 255) / 255.0
    # Rounder than a disc: brighter toward the sky, darker below.
    tone *= 0.86 + 0.24 * y
    return x * x + y * y <= limit, red * tone, green * tone, blue * tone, 0.0


@jit_inline
def decal_gain(material, u, v, night):
    """Return the factor on the ground's brightness at (u, v) of a decal."""
    x, y = 2.0 * u - 1.0, 2.0 * v - 1.0
    if material == m.DECAL_SHADOW:
        soft = max(0.0, 1.0 - x * x * x * x) * max(0.0, 1.0 - y * y * y * y)
        return 1.0 - 0.62 * soft
    return 1.0 + 4.0 * night * max(0.0, 1.0 - y * y) * (1.0 - u) * min(1.0, 6.0 * u)

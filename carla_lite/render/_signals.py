"""Kernels that colour the lamps of traffic lights and the plates of signs.

Each returns (keep, red, green, blue, glow) like every other fragment.
"""

from __future__ import annotations

from carla_lite.render import materials as m
from carla_lite.render._numba import jit_inline

_DARK_LENS = 0.2
# Digits of 3 x 5 dots, top row first, the left dot being the highest bit of a row.
_DIGITS = (0o75557, 0o26227, 0o71747, 0o71717, 0o55711, 0o74717, 0o74757, 0o71111, 0o75757, 0o75717)


@jit_inline
def signal_lamp(material, u, v, red, green, blue, shown):
    """Colour a round lens, bright if ``shown`` is its own lamp."""
    x, y = 2.0 * u - 1.0, 2.0 * v - 1.0
    inside = x * x + y * y <= 1.0
    if shown == material - m.LAMP_RED:
        return inside, red, green, blue, 1.0
    return inside, red * _DARK_LENS, green * _DARK_LENS, blue * _DARK_LENS, 0.0


@jit_inline
def plate(material, u, v, red, green, blue, number):
    """Colour the plate of a sign: an octagon, a triangle on its tip, or a round speed limit with its number."""
    x, y = abs(2.0 * u - 1.0), 2.0 * v - 1.0
    if material == m.STOP_PLATE:
        edge = max(x, abs(y), (x + abs(y)) * 0.7071)
        face = 1 if edge > 0.9 or (abs(y) < 0.22 and x < 0.66) else 0
    elif material == m.YIELD_PLATE:
        edge = max(y, 0.5 - 0.5 * y + 0.95 * x - 0.5)
        face = 0 if edge > 0.6 else 1
    else:
        edge = (x * x + y * y) ** 0.5
        face = 0 if edge > 0.76 else 1 + _digit_dot(u, v, number)
    keep = edge <= 1.0
    if red > 0.0:
        return keep, red, green, blue, 0.0
    if face == 0:
        return keep, 196.0, 28.0, 34.0, 0.05
    if face == 1:
        return keep, 240.0, 240.0, 238.0, 0.05
    return keep, 24.0, 24.0, 28.0, 0.0


@jit_inline
def _digit_dot(u, v, number):
    """Return 1 where a dot of the number's digits is, which fill the middle of the plate; else 0."""
    count = 3 if number >= 100 else 2
    column = int((u - 0.2) / 0.6 * (4 * count - 1))
    row = int((0.72 - v) / 0.44 * 5.0)
    if u < 0.2 or v > 0.72 or column >= 4 * count - 1 or row > 4 or column % 4 == 3:
        return 0
    place = count - 1 - column // 4
    digit = number
    while place > 0:
        digit //= 10
        place -= 1
    return (_DIGITS[digit % 10] >> (3 * (4 - row) + 2 - column % 4)) & 1

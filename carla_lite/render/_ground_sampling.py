"""Kernel that reads one bilinear sample of the ground texture, all four channels at once."""

from __future__ import annotations

import numpy as np

from carla_lite.render._numba import jit_inline

_FIXED_BITS = 20
FIXED_ONE = float(1 << _FIXED_BITS)
"""One texel in the fixed-point numbers that texture coordinates are."""


@jit_inline
def spread(texel):
    """Move the four bytes of a texel into four 16-bit lanes (blue, red, green, gloss) of one 64-bit word."""
    # Signed: numba turns a product of int64 and uint64 into a float.
    word = np.int64(texel)
    return (word & 0x00FF00FF) | ((word & 0xFF00FF00) << 24)


@jit_inline
def is_inside(gx, gy, rows, columns):
    """Tell whether a fixed-point place of a mip level, and its neighbours a texel away, have all four texels."""
    ix, iy = gx >> _FIXED_BITS, gy >> _FIXED_BITS
    return ix >= 1 and iy >= 1 and ix < columns - 2 and iy < rows - 2


@jit_inline
def sample_lanes(texels, offset, rows, columns, outside_lanes, gx, gy):
    """Sample at fixed-point places of the mip level that starts at ``offset``; each lane of the result is 0..255."""
    # Unsigned, a negative coordinate is a huge one: half the comparisons.
    if np.uint64(gx >> _FIXED_BITS) >= np.uint64(columns - 1) or np.uint64(gy >> _FIXED_BITS) >= np.uint64(rows - 1):
        return outside_lanes
    return sample_inside(texels, offset, columns, gx, gy)


@jit_inline
def sample_inside(texels, offset, columns, gx, gy):
    """Sample as ``sample_lanes`` where all four texels are known to exist."""
    fx, fy = (gx >> (_FIXED_BITS - 8)) & 255, (gy >> (_FIXED_BITS - 8)) & 255
    both = (fx * fy) >> 8
    # Unsigned indices spare the test for counting from the end.
    at = np.uint64(offset + (gy >> _FIXED_BITS) * columns + (gx >> _FIXED_BITS))
    below = at + np.uint64(columns)
    one = np.uint64(1)
    first = spread(texels[at])
    right, down = spread(texels[at + one]) - first, spread(texels[below]) - first
    across = spread(texels[below + one]) - first - right - down
    # Weights 256 - fx - fy + both, fx - both, fy - both and both: they add up to 256, so a lane never exceeds 255 * 256
    # and cannot spill into the next one. Differences may, but the sum is the same.
    return ((first * 256 + right * fx + down * fy + across * both) >> 8) & 0x00FF00FF00FF00FF

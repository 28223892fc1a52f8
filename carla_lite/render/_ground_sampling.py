"""Kernel that reads one bilinear sample of the ground texture, all four channels at once."""

from __future__ import annotations

from carla_lite.render._numba import jit


@jit
def spread(texel):
    """Move the four bytes of a texel into four 16-bit lanes (blue, red, green, gloss) of one 64-bit word."""
    word = int(texel)
    return (word & 0x00FF00FF) | ((word & 0xFF00FF00) << 24)


@jit
def sample_lanes(ground, level, gx, gy):
    """Sample at texel coordinates of a mip level; each lane of the result holds 0..255."""
    offset, rows, columns = ground.levels[level, 0], ground.levels[level, 1], ground.levels[level, 2]
    if not (0.0 <= gx < columns - 1 and 0.0 <= gy < rows - 1):
        return spread(ground.outside)
    ix, iy = int(gx), int(gy)
    fx, fy = int((gx - ix) * 256.0), int((gy - iy) * 256.0)
    both = (fx * fy) >> 8
    at = offset + iy * columns + ix
    texels = ground.texels
    # Weights add up to 256, so a lane never exceeds 255 * 256 and cannot spill into the next one.
    lanes = (
        spread(texels[at]) * (256 - fx - fy + both)
        + spread(texels[at + 1]) * (fx - both)
        + spread(texels[at + columns]) * (fy - both)
        + spread(texels[at + columns + 1]) * both
    )
    return (lanes >> 8) & 0x00FF00FF00FF00FF

"""Kernels that paint the ground: polygon fill by class, colouring with grain, and halving to the next mip level."""

from __future__ import annotations

import math

from carla_lite.render._numba import jit, jit_inline, smooth_noise, unit_noise


@jit
def fill_polygons(subtexels, first_row, points, starts, row_span, classes, crossings):
    """Fill every polygon that touches this band of rows (even-odd rule, sub-texel centres), in order.

    ``crossings`` is scratch with room for as many numbers as the largest polygon has corners.
    """
    last_row = first_row + subtexels.shape[0]
    for polygon in range(classes.shape[0]):
        low = max(first_row, math.ceil(row_span[polygon, 0] - 0.5))
        high = min(last_row - 1, math.floor(row_span[polygon, 1] - 0.5))
        for row in range(low, high + 1):
            count = _cross(points, starts[polygon], starts[polygon + 1], row + 0.5, crossings)
            _fill_row(subtexels[row - first_row], crossings, count, classes[polygon])


@jit_inline
def _cross(points, start, end, y, crossings):
    """Store, sorted, where the outline crosses the line ``y``; return how often."""
    count = 0
    for i in range(start, end):
        j = i + 1 if i + 1 < end else start
        if (points[i, 1] <= y) != (points[j, 1] <= y):
            along = (y - points[i, 1]) / (points[j, 1] - points[i, 1])
            x = points[i, 0] + along * (points[j, 0] - points[i, 0])
            k = count
            while k > 0 and crossings[k - 1] > x:
                crossings[k] = crossings[k - 1]
                k -= 1
            crossings[k] = x
            count += 1
    return count


@jit_inline
def _fill_row(row, crossings, count, value):
    for k in range(0, count - 1, 2):
        left = max(0, math.ceil(crossings[k] - 0.5))
        # Never below ``left``: a negative end would count from the end of the row.
        right = max(left, min(row.shape[0], math.ceil(crossings[k + 1] - 0.5)))
        row[left:right] = value


@jit
def resolve(subtexels, first_row, texel_m, looks, texels):
    """Average 2 x 2 sub-texels to one coloured texel and add grain; ``looks`` is (classes, 6)."""
    for row in range(texels.shape[0]):
        y_m = (first_row + row) * texel_m
        for column in range(texels.shape[1]):
            red = green = blue = grain = patches = gloss = 0.0
            for sub in range(4):
                kind = subtexels[2 * row + (sub >> 1), 2 * column + (sub & 1)]
                red += looks[kind, 0]
                green += looks[kind, 1]
                blue += looks[kind, 2]
                grain += looks[kind, 3]
                patches += looks[kind, 4]
                gloss += looks[kind, 5]
            x_m = column * texel_m
            fine = (unit_noise(column, first_row + row, 1) - 0.5) * grain
            broad = smooth_noise(x_m * 0.7, y_m * 0.7, 2) + 1.5 * smooth_noise(x_m * 0.13, y_m * 0.13, 3) - 1.25
            change = (fine + broad * patches * 0.6) * 0.25
            puddle = 0.6 + 0.8 * smooth_noise(x_m * 0.35, y_m * 0.35, 4)
            texels[row, column] = (
                (_byte(gloss * 0.25 * puddle * 180.0) << 24)
                | (_byte(red * 0.25 + change) << 16)
                | (_byte(green * 0.25 + change) << 8)
                | _byte(blue * 0.25 + change)
            )


@jit_inline
def _byte(value):
    return int(min(255.0, max(0.0, value + 0.5)))


@jit
def halve(fine, coarse):
    """Average 2 x 2 texels of four 8-bit channels each; an odd last row or column repeats its neighbour."""
    for row in range(coarse.shape[0]):
        low, high = 2 * row, min(2 * row + 1, fine.shape[0] - 1)
        for column in range(coarse.shape[1]):
            left, right = 2 * column, min(2 * column + 1, fine.shape[1] - 1)
            word = 0
            for shift in (0, 8, 16, 24):
                total = (
                    ((fine[low, left] >> shift) & 255)
                    + ((fine[low, right] >> shift) & 255)
                    + ((fine[high, left] >> shift) & 255)
                    + ((fine[high, right] >> shift) & 255)
                )
                word |= ((total + 2) >> 2) << shift
            coarse[row, column] = word

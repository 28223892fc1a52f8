"""Derivatives of a noisy signal, from its stamps: a parabola is fitted around every frame (A. Savitzky, M. Golay 1964).

Windows are times, not numbers of samples, so a drive gives the same figures at any rate, and with frames missing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from waypilot.geometry import FloatArray

MIN_FRAMES = 3
# At low rates a window may hold too few frames for a parabola: this many neighbours on either side always count.
_NEIGHBOURS = 2
_STAMP_TOLERANCE_S = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """Value, first and second derivative at each frame, (N,)."""

    value: FloatArray
    first: FloatArray
    second: FloatArray


def fit_locally(time_s: FloatArray, signal: FloatArray, half_window_s: float) -> Fit:
    """Fit a parabola to the frames within ``half_window_s`` of each frame. Raises ValueError for under 3 frames."""
    count = len(time_s)
    if count < MIN_FRAMES:
        raise ValueError(f"{count} frames determine no parabola, {MIN_FRAMES} are needed")
    powers, products = np.zeros((5, count)), np.zeros((3, count))
    reach = _reach(time_s, half_window_s)
    for shift in range(-reach, reach + 1):
        here = np.arange(max(-shift, 0), min(count - shift, count))
        offset = (time_s[here + shift] - time_s[here]) / half_window_s
        near = (np.abs(offset) <= 1.0 + _STAMP_TOLERANCE_S / half_window_s) | (abs(shift) <= _NEIGHBOURS)
        # One frame after the other is added, so the order of adding, and with it every bit, is the same everywhere.
        for power in range(5):
            powers[power, here] += near * offset**power
        for power in range(3):
            products[power, here] += near * offset**power * signal[here + shift]
    level, slope, bend = _solve(powers, products)
    return Fit(level, slope / half_window_s, 2.0 * bend / half_window_s**2)


def _reach(time_s: FloatArray, half_window_s: float) -> int:
    """Largest number of frames to one side that a window may hold."""
    ahead = np.searchsorted(time_s, time_s + half_window_s + _STAMP_TOLERANCE_S, side="right") - np.arange(len(time_s))
    return min(max(int(ahead.max()) - 1, _NEIGHBOURS), len(time_s) - 1)


def _solve(powers: FloatArray, products: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Solve the normal equations of each frame by Cramer's rule."""
    s0, s1, s2, s3, s4 = powers
    columns = ((s0, s1, s2), (s1, s2, s3), (s2, s3, s4))
    whole = _determinant(*columns)
    right = (products[0], products[1], products[2])
    level = _determinant(right, columns[1], columns[2]) / whole
    slope = _determinant(columns[0], right, columns[2]) / whole
    bend = _determinant(columns[0], columns[1], right) / whole
    return level, slope, bend


Column = tuple[FloatArray, FloatArray, FloatArray]


def _determinant(a: Column, b: Column, c: Column) -> FloatArray:
    determinant: FloatArray = (
        a[0] * (b[1] * c[2] - b[2] * c[1]) - b[0] * (a[1] * c[2] - a[2] * c[1]) + c[0] * (a[1] * b[2] - a[2] * b[1])
    )
    return determinant

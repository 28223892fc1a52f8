"""Smooth interpolation of positions between irregular times."""

from __future__ import annotations

import numpy as np

from waypilot.geometry import FloatArray


def hermite(times_s: FloatArray, points_m: FloatArray, velocities_mps: FloatArray, query_s: FloatArray) -> FloatArray:
    """Interpolate ``points_m`` (N, D), N >= 2, by cubic Hermite splines at ``query_s`` (M,) within ``times_s``.

    Exact at the given times; the error of a bend in between falls with the fourth power of the spacing.
    """
    index = np.clip(np.searchsorted(times_s, query_s, side="right") - 1, 0, len(times_s) - 2)
    step_s = (times_s[index + 1] - times_s[index])[:, None]
    u = (query_s - times_s[index])[:, None] / step_s
    start, end = points_m[index], points_m[index + 1]
    start_slope, end_slope = step_s * velocities_mps[index], step_s * velocities_mps[index + 1]
    return (
        (1.0 + 2.0 * u) * (1.0 - u) ** 2 * start
        + u * (1.0 - u) ** 2 * start_slope
        + u**2 * (3.0 - 2.0 * u) * end
        + u**2 * (u - 1.0) * end_slope
    )


def velocities_from_points(times_s: FloatArray, points_m: FloatArray) -> FloatArray:
    """Differentiate ``points_m`` (N, D), N >= 2, by differences of second order where there are neighbours."""
    return np.gradient(points_m, times_s, axis=0, edge_order=2 if len(times_s) > 2 else 1)

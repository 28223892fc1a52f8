"""Means that do not depend on the machine: exactly rounded sums instead of numpy's blocked ones."""

from __future__ import annotations

import math

import numpy as np

from waypilot.geometry import FloatArray


def mean(values: FloatArray) -> float:
    """Return the mean of a non-empty array, correctly rounded before the division."""
    return math.fsum(values.tolist()) / values.size


def percentile_95(values: FloatArray) -> float:
    """Return the 95th percentile of a non-empty array, interpolated linearly."""
    return float(np.percentile(values, 95.0))

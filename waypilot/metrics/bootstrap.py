"""Bootstrap intervals of means over runs that come in groups: scenarios, and within them seeds and repeats.

Runs of one scenario resemble each other, so they are drawn in two stages: scenarios with replacement, and of each
drawn scenario its runs with replacement (A. C. Davison, D. V. Hinkley, Bootstrap Methods, 1997, section 3.8). Every
scenario counts alike, however many runs it has. Seeded: equal values give equal bounds.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from waypilot.geometry import FloatArray
from waypilot.metrics.averages import mean

RESAMPLES = 2000
CONFIDENCE = 0.95
BOOTSTRAP_SEED = 0
_CHUNK = 200  # resamples drawn at a time, which bounds the memory
_DIGITS = 10  # sums of many products may differ in the last bits from one processor to the next; these do not


def mean_of_means(groups: Sequence[FloatArray]) -> float:
    """Average each group, then the groups."""
    return math.fsum(mean(group) for group in groups) / len(groups)


def hierarchical_interval(groups: Sequence[FloatArray]) -> tuple[float, float]:
    """Bounds of the 95 % percentile interval of the mean of the groups' means."""
    ((low, high),) = intervals(hierarchical_weights([len(group) for group in groups]), np.concatenate(groups)[:, None])
    return low, high


def bootstrap_interval(values: FloatArray) -> tuple[float, float]:
    """Bounds of the 95 % percentile interval of a mean of values (N,) that do not come in groups."""
    return hierarchical_interval(list(values[:, None]))


def hierarchical_weights(sizes: Sequence[int]) -> FloatArray:
    """Weight of each run in each resample, (RESAMPLES, N), for groups of these sizes in order; a row adds up to 1."""
    random = np.random.default_rng(BOOTSTRAP_SEED)
    size, first = np.array(sizes), np.concatenate([[0], np.cumsum(sizes)[:-1]])
    total, groups, largest = int(size.sum()), len(sizes), int(size.max())
    weights = np.empty((RESAMPLES, total))
    for start in range(0, RESAMPLES, _CHUNK):
        drawn = random.integers(groups, size=(_CHUNK, groups))
        picks = (random.random((_CHUNK, groups, largest)) * size[drawn][:, :, None]).astype(np.int64)
        used = np.arange(largest) < size[drawn][:, :, None]
        cell = np.arange(_CHUNK)[:, None, None] * total + first[drawn][:, :, None] + picks
        share = np.broadcast_to(1.0 / (groups * size[drawn])[:, :, None], cell.shape)
        counted = np.bincount(cell[used], weights=share[used], minlength=_CHUNK * total)
        weights[start : start + _CHUNK] = counted.reshape(_CHUNK, total)
    return weights


def intervals(weights: FloatArray, values: FloatArray) -> list[tuple[float, float]]:
    """Bounds for each of K quantities, values (N, K), from the weights of N runs."""
    tail = 50.0 * (1.0 - CONFIDENCE)
    low, high = np.percentile(weights @ values, [tail, 100.0 - tail], axis=0)
    return [(_settled(a), _settled(b)) for a, b in zip(low.tolist(), high.tolist(), strict=True)]


def _settled(value: float) -> float:
    return float(f"{value:.{_DIGITS}g}")

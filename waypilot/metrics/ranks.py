"""How far two quantities put things in the same order: Spearman's rho and Kendall's tau-b, with an interval.

Of few pairs that agree fully every resample agrees fully as well, so the interval has no width. How little that proves
says the chance that an order drawn at random agrees, or disagrees, as much (permutation test of Kendall's statistic).
"""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass

import numpy as np

from waypilot.geometry import FloatArray
from waypilot.metrics.bootstrap import BOOTSTRAP_SEED, CONFIDENCE, RESAMPLES

MIN_FOR_INTERVAL = 4
#: Up to so many pairs all orders are tried, beyond it ``RESAMPLES`` are drawn.
MAX_FOR_ALL_ORDERS = 7


@dataclass(frozen=True, slots=True)
class RankCorrelation:
    """Rank correlations of ``n`` pairs with 95 % percentile bootstrap bounds; None, with a reason, where undefined.

    ``chance`` is the two-sided probability (0 to 1) of as much agreement, either way, between unrelated orders.
    """

    n: int
    spearman: float | None
    spearman_low: float | None
    spearman_high: float | None
    kendall: float | None
    kendall_low: float | None
    kendall_high: float | None
    chance: float | None
    reason: str = ""


def rank_correlation(x: FloatArray, y: FloatArray) -> RankCorrelation:
    """Correlate the orders of x and y, both (N,). Raises ValueError for unequal lengths."""
    if x.shape != y.shape or x.ndim != 1:
        raise ValueError(f"got {x.shape} and {y.shape} values, expected two equally long lists")
    n = int(x.size)
    rho, tau = spearman(x, y), kendall(x, y)
    if rho is None or tau is None:
        return RankCorrelation(n, *(None,) * 7, f"{n} pairs with equal values on one side have no order to compare")
    if n < MIN_FOR_INTERVAL:
        reason = f"{n} pairs give no interval, at least {MIN_FOR_INTERVAL} are needed"
        return RankCorrelation(n, rho, None, None, tau, None, None, chance_of_agreement(x, y), reason)
    picks = np.random.default_rng(BOOTSTRAP_SEED).integers(n, size=(RESAMPLES, n))
    return RankCorrelation(
        n,
        rho,
        *_bounds([spearman(x[pick], y[pick]) for pick in picks]),
        tau,
        *_bounds([kendall(x[pick], y[pick]) for pick in picks]),
        chance_of_agreement(x, y),
    )


def spearman(x: FloatArray, y: FloatArray) -> float | None:
    """Pearson's correlation of the ranks, ties sharing their mean rank; None when one side is constant."""
    a, b = _ranks(x), _ranks(y)
    return _ratio(float(((a - a.mean()) * (b - b.mean())).sum()), float(a.var() * b.var()) * a.size**2)


def kendall(x: FloatArray, y: FloatArray) -> float | None:
    """Tau-b (M. G. Kendall, Biometrika 33, 1945), which corrects for ties; None when one side is constant."""
    a, b = np.sign(x[:, None] - x[None, :]), np.sign(y[:, None] - y[None, :])
    return _ratio(float((a * b).sum()), float((a * a).sum()) * float((b * b).sum()))


def chance_of_agreement(x: FloatArray, y: FloatArray) -> float:
    """Return the share of orders of y (N,) that agree or disagree with x (N,) at least as much as the one given."""
    n = x.size
    if n <= MAX_FOR_ALL_ORDERS:
        orders = np.array(list(itertools.permutations(range(n))))
    else:
        random = np.random.default_rng(BOOTSTRAP_SEED)
        # The order given counts as one of the draws, so that no chance is 0.
        orders = np.array([np.arange(n), *(random.permutation(n) for _ in range(RESAMPLES))])
    above = np.triu_indices(n, 1)
    a, b = np.sign(x[:, None] - x[None, :])[above], np.sign(y[:, None] - y[None, :])
    agreement = np.array([abs(float((a * b[np.ix_(order, order)][above]).sum())) for order in orders])
    observed = abs(float((a * b[above]).sum()))
    return float((agreement >= observed).mean())


def _ratio(product: float, squares: float) -> float | None:
    return None if squares <= 0.0 else max(-1.0, min(1.0, product / math.sqrt(squares)))


def _ranks(values: FloatArray) -> FloatArray:
    below = (values[None, :] < values[:, None]).sum(axis=1)
    equal = (values[None, :] == values[:, None]).sum(axis=1)
    return np.asarray(below + 0.5 * (equal + 1.0), dtype=np.float64)


def _bounds(values: list[float | None]) -> tuple[float | None, float | None]:
    defined = [value for value in values if value is not None]
    if not defined:
        return None, None
    tail = 50.0 * (1.0 - CONFIDENCE)
    low, high = np.percentile(defined, [tail, 100.0 - tail])
    return float(low), float(high)

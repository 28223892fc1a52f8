"""Paired comparison of two policies on the same episodes, with 95 % bootstrap intervals."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from waypilot.metrics.bootstrap import bootstrap_interval
from waypilot.metrics.paired import MIN_DIFFERING_PAIRS

HIGHER_IS_BETTER = {
    "return": True,
    "ade_m": False,
    "fde_m": False,
    "plan_ade_m": False,
    "plan_fde_m": False,
    "goal_reach_rate": True,
    "waypoint_hit_rate": True,
}


def compare_values(
    name: str, before: NDArray[np.float64], after: NDArray[np.float64], higher_is_better: bool | None = None
) -> dict[str, Any]:
    """Compare a metric of the same M cases before and after: means, mean difference, its interval, and a verdict.

    ``verdict`` is ``better``, ``worse`` or ``undecided``: the interval contains zero, fewer than MIN_DIFFERING_PAIRS
    cases differ, or there is one case only, for which no interval exists. ``higher_is_better`` need not be given for
    the metrics of this module.
    Raises ValueError for different numbers of cases, or none, or an unknown metric.
    """
    if before.shape != after.shape or before.ndim != 1 or not before.size:
        raise ValueError(f"{name}: got {before.shape} and {after.shape} values, expected the same cases, at least one")
    if higher_is_better is None and name not in HIGHER_IS_BETTER:
        raise ValueError(f"{name} is unknown, expected one of {', '.join(HIGHER_IS_BETTER)}")
    higher = HIGHER_IS_BETTER[name] if higher_is_better is None else higher_is_better
    difference = after - before
    low, high = bootstrap_interval(difference) if difference.size > 1 else (None, None)
    return {
        "before": float(before.mean()),
        "after": float(after.mean()),
        "difference": float(difference.mean()),
        "low": low,
        "high": high,
        "cases": int(difference.size),
        "verdict": _verdict(difference, low, high, higher),
    }


def _verdict(difference: NDArray[np.float64], low: float | None, high: float | None, higher_is_better: bool) -> str:
    few = np.count_nonzero(difference) < MIN_DIFFERING_PAIRS
    if low is None or high is None or few or low <= 0.0 <= high:
        return "undecided"
    return "better" if (low > 0.0) == higher_is_better else "worse"

"""Difference of two sets of runs, paired run by run, with a bootstrap interval, a verdict and what it would take.

The interval is a hierarchical bootstrap over scenarios and their pairs (``waypilot.metrics.bootstrap``).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from statistics import NormalDist

import numpy as np

from waypilot.geometry import FloatArray
from waypilot.metrics.bootstrap import CONFIDENCE, hierarchical_interval, mean_of_means
from waypilot.metrics.themes import Better

MIN_DIFFERING_PAIRS = 6
"""With fewer pairs that differ even a sign test cannot reject at 5 %: 2 * 0.5 ** 5 = 0.06."""
POWER = 0.8
_FLAT = 1e-12


class Verdict(Enum):
    """What the pairs say about a metric."""

    B_BETTER = "B better"
    A_BETTER = "A better"
    CANNOT_TELL = "cannot tell"
    EQUAL = "equal in every pair"
    DIFFERENT = "different, neither is better"


@dataclass(frozen=True, slots=True)
class PairedDifference:
    """B minus A of one metric over ``pairs`` pairs in ``scenarios`` scenarios.

    ``low`` and ``high`` bound the 95 % interval of ``difference``; None for a single pair. ``improved`` is the share
    of pairs in which B is better (ties count half), scenarios counting alike; None for a metric without a better way.
    ``advice`` says what it would take to tell.
    """

    name: str
    unit: str
    better: Better
    pairs: int
    scenarios: int
    mean_a: float | None
    mean_b: float | None
    difference: float | None
    low: float | None
    high: float | None
    improved: float | None
    verdict: Verdict
    advice: str = ""

    @property
    def text(self) -> str:
        """The verdict with the advice, if there is one."""
        return f"{self.verdict.value}; {self.advice}" if self.advice else self.verdict.value


def compare_pairs(
    name: str, unit: str, better: Better, pairs: Mapping[str, Sequence[tuple[float, float]]]
) -> PairedDifference:
    """Compare the values (a, b) of paired runs, given by scenario. Seeded: equal pairs give equal bounds."""
    groups = [np.array(values, dtype=np.float64) for values in pairs.values() if values]
    if not groups:
        nothing = (None, None, None, None, None, None)
        return PairedDifference(name, unit, better, 0, 0, *nothing, Verdict.CANNOT_TELL, "no pair has this value")
    differences = [group[:, 1] - group[:, 0] for group in groups]
    count = sum(len(group) for group in groups)
    difference = mean_of_means(differences)
    low, high = hierarchical_interval(differences) if count > 1 else (None, None)
    verdict = _verdict(differences, low, high, better)
    return PairedDifference(
        name=name,
        unit=unit,
        better=better,
        pairs=count,
        scenarios=len(groups),
        mean_a=mean_of_means([group[:, 0] for group in groups]),
        mean_b=mean_of_means([group[:, 1] for group in groups]),
        difference=difference,
        low=low,
        high=high,
        improved=_improved(differences, better),
        verdict=verdict,
        advice=power_advice(differences) if verdict is Verdict.CANNOT_TELL else "",
    )


def power_advice(groups: Sequence[FloatArray]) -> str:
    """Say how many more repeats would settle a difference as large as the one seen (80 % power, 5 % level).

    The variance of the mean over S scenarios with k pairs each is between / S + within / (S k). More repeats reduce
    only the second part; where the first alone is too large, only more scenarios help.
    """
    difference = mean_of_means(groups)
    count = sum(len(group) for group in groups)
    if abs(difference) < _FLAT:
        return "no difference seen on average, so no number of repeats follows"
    between, within, repeats = variance_parts(groups)
    factor = NormalDist().inv_cdf(0.5 + 0.5 * CONFIDENCE) + NormalDist().inv_cdf(POWER)
    allowed = (difference / factor) ** 2
    scenarios = len(groups)
    spare = allowed - between / scenarios
    if spare <= 0.0:
        needed = math.ceil((between + within / repeats) / allowed) - scenarios
        return f"repeats alone will not settle it, about {max(needed, 1)} more scenarios would"
    # At least enough pairs for a verdict at all.
    enough = max(within / (scenarios * spare), MIN_DIFFERING_PAIRS / scenarios)
    needed = max(math.ceil(enough - repeats), 1)
    return f"about {needed} more repeats needed ({count} pairs so far; 80 % power at the difference seen)"


def variance_parts(groups: Sequence[FloatArray]) -> tuple[float, float, float]:
    """Variance between scenarios, variance within them, and pairs per scenario (harmonic mean).

    With one pair per scenario the two cannot be told apart: all of it counts as within, the hopeful reading.
    """
    repeats = len(groups) / sum(1.0 / len(group) for group in groups)
    means = np.array([group.mean() for group in groups])
    freedom = sum(len(group) - 1 for group in groups)
    spread = float(means.var(ddof=1)) if len(groups) > 1 else 0.0
    if not freedom:
        return 0.0, spread, repeats
    within = sum(float(((group - group.mean()) ** 2).sum()) for group in groups) / freedom
    return max(spread - within / repeats, 0.0), within, repeats


def _improved(differences: Sequence[FloatArray], better: Better) -> float | None:
    if better is Better.NEITHER:
        return None
    sign = 1.0 if better is Better.HIGHER else -1.0
    return mean_of_means([0.5 * (1.0 + np.sign(sign * values)) for values in differences])


def _verdict(differences: Sequence[FloatArray], low: float | None, high: float | None, better: Better) -> Verdict:
    differing = sum(int(np.count_nonzero(values)) for values in differences)
    if not differing:
        return Verdict.EQUAL
    if low is None or high is None or low <= 0.0 <= high or differing < MIN_DIFFERING_PAIRS:
        return Verdict.CANNOT_TELL
    if better is Better.NEITHER:
        return Verdict.DIFFERENT
    return Verdict.B_BETTER if (low > 0.0) == (better is Better.HIGHER) else Verdict.A_BETTER

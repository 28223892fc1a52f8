"""Paired differences: answers known beforehand, and that intervals are as wide as theory says."""

from __future__ import annotations

import numpy as np
import pytest

from waypilot.metrics.bootstrap import hierarchical_interval
from waypilot.metrics.paired import Verdict, compare_pairs, variance_parts
from waypilot.metrics.themes import OTHER, THEMES, Better, better_way, theme_of


def pairs(*differences_by_scenario):
    return {str(n): [(10.0, 10.0 + d) for d in group] for n, group in enumerate(differences_by_scenario)}


def test_constant_difference_has_an_interval_of_no_width():
    result = compare_pairs("score", "%", Better.HIGHER, pairs([2.0] * 3, [2.0] * 3))
    assert (result.pairs, result.scenarios) == (6, 2)
    assert (result.mean_a, result.mean_b, result.difference) == (10.0, 12.0, 2.0)
    assert (result.low, result.high) == pytest.approx((2.0, 2.0))
    assert result.improved == 1.0
    assert result.verdict is Verdict.B_BETTER


@pytest.mark.parametrize(
    ("better", "verdict", "improved"),
    [
        (Better.HIGHER, Verdict.B_BETTER, 1.0),
        (Better.LOWER, Verdict.A_BETTER, 0.0),
        (Better.NEITHER, Verdict.DIFFERENT, None),
    ],
)
def test_better_way_decides(better, verdict, improved):
    result = compare_pairs("m", "m", better, pairs([1.0, 2.0, 3.0], [1.5, 2.5, 3.5]))
    assert (result.verdict, result.improved) == (verdict, improved)


def test_every_scenario_counts_alike_however_many_pairs_it_has():
    result = compare_pairs("m", "m", Better.HIGHER, pairs([4.0], [0.0] * 9))
    assert result.difference == 2.0
    assert result.improved == 0.75  # ties count half


def test_five_pairs_prove_nothing_and_six_may():
    assert compare_pairs("m", "m", Better.HIGHER, pairs([1.0] * 5)).verdict is Verdict.CANNOT_TELL
    assert compare_pairs("m", "m", Better.HIGHER, pairs([1.0] * 6)).verdict is Verdict.B_BETTER
    # 1 more repeat reaches six pairs
    assert "about 1 more repeats needed" in compare_pairs("m", "m", Better.HIGHER, pairs([1.0] * 5)).advice


def test_equal_runs_and_no_runs():
    assert compare_pairs("m", "m", Better.HIGHER, pairs([0.0, 0.0])).verdict is Verdict.EQUAL
    nothing = compare_pairs("m", "m", Better.HIGHER, {"s": []})
    assert (nothing.pairs, nothing.difference, nothing.verdict) == (0, None, Verdict.CANNOT_TELL)
    assert nothing.text == "cannot tell; no pair has this value"
    one = compare_pairs("m", "m", Better.HIGHER, pairs([3.0]))
    assert (one.low, one.high, one.verdict) == (None, None, Verdict.CANNOT_TELL)


def test_interval_of_one_scenario_is_that_of_a_mean():
    values = np.random.default_rng(1).normal(5.0, 2.0, size=400)
    low, high = hierarchical_interval([values])
    half = 1.96 * values.std() / 20.0
    assert low == pytest.approx(values.mean() - half, abs=0.1 * half)
    assert high == pytest.approx(values.mean() + half, abs=0.1 * half)


def test_interval_covers_the_spread_between_scenarios():
    """40 scenarios that differ by 3, 25 alike pairs in each: repeats must not pass for independent runs."""
    random = np.random.default_rng(2)
    means = random.normal(0.0, 3.0, size=40)
    groups = [mean + random.normal(0.0, 0.1, size=25) for mean in means]
    low, high = hierarchical_interval(groups)
    assert (high - low) / 2 == pytest.approx(1.96 * means.std() / 40**0.5, rel=0.1)


def test_repeats_needed_follow_from_the_power_calculation():
    # 8 pairs, mean 1, variance 4 * 8 / 7: 2.8016 ** 2 * 4.571 = 35.9 pairs in all
    result = compare_pairs("m", "m", Better.HIGHER, pairs([3.0, -1.0] * 4))
    assert result.verdict is Verdict.CANNOT_TELL
    assert result.advice == "about 28 more repeats needed (8 pairs so far; 80 % power at the difference seen)"


def test_scenarios_are_asked_for_where_repeats_do_not_help():
    # scenario means 5 and -3: between = 32, mean 1; (32 / (1 / 2.8016) ** 2) = 251.2 scenarios in all
    result = compare_pairs("m", "m", Better.HIGHER, pairs([5.0] * 4, [-3.0] * 4))
    assert result.advice == "repeats alone will not settle it, about 250 more scenarios would"
    opposite = compare_pairs("m", "m", Better.HIGHER, pairs([4.0] * 4, [-4.0] * 4))
    assert opposite.advice == "no difference seen on average, so no number of repeats follows"


def test_variance_parts_of_a_balanced_design():
    between, within, repeats = variance_parts([np.array([0.0, 2.0]), np.array([10.0, 12.0])])
    assert (within, repeats) == (2.0, 2.0)
    assert between == pytest.approx(50.0 - 1.0)


def test_metrics_have_themes_and_unknown_ones_are_shown_too():
    assert better_way("driving_score_2_1") is Better.HIGHER
    assert better_way("collisions_per_km") is Better.LOWER
    assert better_way("frames") is Better.NEITHER
    assert better_way("frames_missing") is Better.LOWER
    assert theme_of("never_heard_of") is OTHER
    assert len({theme.title for theme in THEMES}) == len(THEMES)

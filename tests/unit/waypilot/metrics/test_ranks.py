"""Rank correlations with answers known beforehand."""

from __future__ import annotations

import numpy as np
import pytest

from waypilot.metrics.ranks import chance_of_agreement, kendall, rank_correlation, spearman


def test_same_and_opposite_order():
    x = np.array([1.0, 2.0, 3.0, 4.0, 9.0])
    up, down = rank_correlation(x, x**3), rank_correlation(x, -x)
    assert (up.spearman, up.kendall, up.n) == pytest.approx((1.0, 1.0, 5))
    assert (down.spearman, down.kendall) == pytest.approx((-1.0, -1.0))
    assert (up.spearman_low, up.spearman_high) == pytest.approx((1.0, 1.0))


def test_worked_examples():
    # ranks differ by 0 1 1 1 1: rho = 1 - 6 * 4 / (5 * 24); two of ten pairs are swapped
    x, y = np.array([1.0, 2.0, 3.0, 4.0, 5.0]), np.array([1.0, 3.0, 2.0, 5.0, 4.0])
    assert spearman(x, y) == pytest.approx(0.8)
    assert kendall(x, y) == pytest.approx(0.6)
    # one tie in y: concordant 3, discordant 2, tied 1
    x, y = np.array([1.0, 2.0, 3.0, 4.0]), np.array([1.0, 2.0, 2.0, 1.5])
    assert kendall(x, y) == pytest.approx((3 - 2) / (6 * 5) ** 0.5)
    assert spearman(x, y) == pytest.approx(np.corrcoef([1, 2, 3, 4], [1, 3.5, 3.5, 2])[0, 1])


def test_interval_is_wide_for_few_and_narrow_for_many():
    random = np.random.default_rng(0)
    x = random.normal(size=200)
    y = x + random.normal(size=200)
    few, many = rank_correlation(x[:8], y[:8]), rank_correlation(x, y)
    assert few.kendall_high - few.kendall_low > 3 * (many.kendall_high - many.kendall_low)
    assert many.spearman_low < many.spearman < many.spearman_high
    assert many == rank_correlation(x, y)


def test_the_chance_of_an_order_is_that_among_all_orders():
    x = np.arange(4.0)
    # Of 24 orders two agree fully, either way; three more are one swap of neighbours away from each of them.
    assert chance_of_agreement(x, x) == pytest.approx(2 / 24)
    assert chance_of_agreement(x, -x) == pytest.approx(2 / 24)
    assert chance_of_agreement(x, np.array([1.0, 0.0, 2.0, 3.0])) == pytest.approx(8 / 24)
    assert rank_correlation(np.arange(3.0), np.arange(3.0)).chance == pytest.approx(2 / 6)


def test_the_chance_among_many_is_drawn_and_never_none_at_all():
    x = np.arange(30.0)
    assert chance_of_agreement(x, x) == pytest.approx(1 / 2001)
    unrelated = np.random.default_rng(1).permutation(30).astype(float)
    assert 0.05 < chance_of_agreement(x, unrelated) < 1.0


def test_what_has_no_order_says_so():
    constant = rank_correlation(np.ones(5), np.arange(5.0))
    assert (constant.spearman, constant.kendall) == (None, None)
    assert "no order" in constant.reason
    three = rank_correlation(np.arange(3.0), np.arange(3.0))
    assert (three.kendall, three.kendall_low) == (1.0, None)
    assert "at least 4" in three.reason
    with pytest.raises(ValueError, match="equally long"):
        rank_correlation(np.ones(2), np.ones(3))

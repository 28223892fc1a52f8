"""Means over scenarios and runs, with intervals; crashed runs are seen but not averaged."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from waypilot.metrics import aggregate, crashed_result, is_success
from waypilot.metrics.aggregate import wilson_interval
from waypilot.metrics.bootstrap import bootstrap_interval, hierarchical_interval, hierarchical_weights


@pytest.fixture
def runs(make_world):
    def run(length_m, hits=()):
        world = make_world()
        world.drive(np.arange(0.0, length_m + 0.1, 0.4))
        for actor in hits:
            world.hit(20, actor)
        return world.result() if length_m > 99 else world.result("failed", "time-out")

    return [run(100.0), run(100.0, hits=(1,)), run(40.0), crashed_result(make_world().scenario, 9, "server vanished")]


def test_counts_and_rates(runs):
    summary = aggregate(runs)
    assert (summary.runs, summary.completed, summary.failed, summary.crashed) == (4, 2, 1, 1)
    assert summary.completion_rate.value == pytest.approx(200.0 / 3.0)
    assert summary.success_rate.value == pytest.approx(100.0 / 3.0)
    assert summary.success_rate.n == 3


def test_means_leave_crashed_runs_out(runs):
    by_name = {estimate.name: estimate for estimate in aggregate(runs).metrics}
    assert by_name["route_completion"].value == pytest.approx(80.0)
    assert by_name["route_completion"].n == 3
    assert 40.0 <= by_name["route_completion"].low < 80.0 < by_name["route_completion"].high <= 100.0


def test_success_needs_the_goal_and_no_collision(runs):
    assert [is_success(run) for run in runs[:3]] == [True, False, False]


def test_only_crashed_runs_give_no_number(runs):
    summary = aggregate(runs[3:])
    assert (summary.success_rate.value, summary.success_rate.reason) == (None, "no run was judged")
    assert {estimate.reason for estimate in summary.metrics} == {"no run was judged"}
    assert len(summary.metrics) == len(runs[0].metrics)
    assert summary.crashed == 1


def test_nothing_run_yet():
    assert aggregate([]).completion_rate.n == 0


def test_metrics_invalid_everywhere_keep_their_reason(make_world):
    world = make_world()
    world.log.add_ego(world.ego(0, 0.0))
    world.frames = 1
    by_name = {estimate.name: estimate for estimate in aggregate([world.result()]).metrics}
    assert by_name["tracking_error_mean"].value is None
    assert by_name["tracking_error_mean"].reason == "invalid in every run: no plan was recorded"


def test_one_run_has_a_mean_but_no_interval(runs):
    single = aggregate(runs[:1]).avg_route_completion
    assert (single.value, single.low, single.high) == (100.0, None, None)
    assert single.reason == "one run says nothing about the spread"


@pytest.mark.parametrize(
    ("successes", "n", "bounds"),
    # Known answers: Newcombe, Statistics in Medicine 17 (1998), table I, score method without continuity correction.
    [(81, 263, (0.2553, 0.3662)), (15, 148, (0.0624, 0.1605)), (0, 20, (0.0, 0.1611)), (1, 29, (0.0061, 0.1718))],
)
def test_wilson_interval_of_known_shares(successes, n, bounds):
    assert wilson_interval(successes, n) == pytest.approx(bounds, abs=5e-5)


def test_five_successes_in_five_runs_do_not_prove_that_all_succeed(runs):
    all_five = aggregate(of_scenarios(runs, *"CCCCC")).success_rate
    assert (all_five.value, all_five.high) == (100.0, 100.0)
    assert all_five.low == pytest.approx(56.6, abs=0.1)


def test_one_drive_over_and_over_is_one_success(runs):
    ten_times = aggregate(of_scenarios(runs, *["C" * 10] * 5)).success_rate
    assert (ten_times.n, ten_times.value, ten_times.high) == (50, 100.0, 100.0)
    assert ten_times.low == pytest.approx(56.6, abs=0.1)


def of_scenarios(runs, *groups):
    """Results of scenarios a, b, ...: one run per letter, C completed, F failed, X crashed."""
    kinds = {"C": runs[0], "F": runs[2], "X": runs[3]}
    return [
        dataclasses.replace(kinds[letter], scenario=chr(ord("a") + i), seed=seed)
        for i, group in enumerate(groups)
        for seed, letter in enumerate(group)
    ]


def test_every_scenario_counts_alike_however_many_of_its_runs_crashed(runs):
    summary = aggregate(of_scenarios(runs, "CCCC", "FXXX"))
    assert (summary.completed, summary.failed, summary.crashed) == (4, 1, 3)
    assert summary.completion_rate.value == 50.0
    assert summary.avg_route_completion.value == pytest.approx(70.0)
    assert summary.avg_route_completion.n == 5


def test_repeats_of_one_scenario_do_not_pass_for_independent_runs(runs):
    """Ten scenarios, half of them always driven to the goal: ten seeds of each tell no more than one."""
    once = aggregate(of_scenarios(runs, *["C", "F"] * 5)).completion_rate
    often = aggregate(of_scenarios(runs, *["C" * 10, "F" * 10] * 5)).completion_rate
    assert (once.n, often.n) == (10, 100)
    assert often.high - often.low == pytest.approx(100.0 * 2 * 1.96 * 0.5 / np.sqrt(10), rel=0.1)


def test_spread_of_the_seeds_of_each_scenario(runs):
    first, second = aggregate(of_scenarios(runs, "CFX", "C")).scenarios
    assert (first.scenario, first.runs, first.completed, first.failed, first.crashed) == ("a", 3, 1, 1, 1)
    completion = {spread.name: spread for spread in first.metrics}["route_completion"]
    assert (completion.n, completion.min, completion.max) == (2, pytest.approx(40.0), 100.0)
    assert completion.mean == pytest.approx(70.0)
    assert completion.std == pytest.approx(60.0 / np.sqrt(2.0))
    assert (second.metrics[0].std, second.crashed) == (None, 0)


def test_a_scenario_that_only_crashed_is_shown_without_figures(runs):
    (only,) = aggregate(of_scenarios(runs, "XX")).scenarios
    assert (only.runs, only.crashed) == (2, 2)
    assert {spread.mean for spread in only.metrics} == {None}


def test_weights_add_up_and_give_each_scenario_its_share():
    weights = hierarchical_weights([1, 3])
    np.testing.assert_allclose(weights.sum(axis=1), 1.0)
    assert weights[:, 0].mean() == pytest.approx(0.5, abs=0.03)
    assert set(np.unique(np.round(weights[:, 0], 9))) == {0.0, 0.5, 1.0}


def test_seeds_within_a_scenario_widen_the_interval_too():
    # One scenario: the spread of its seeds is all there is. Variance of a mean of 4 values: 1 / 4.
    values = [np.array([-1.0, 1.0, -1.0, 1.0])]
    low, high = hierarchical_interval(values)
    assert (low, high) == (-1.0, 1.0)
    low, high = hierarchical_interval(values * 100)
    # Drawing scenarios adds nothing (their means are equal); each of 100 means has variance 1 / 4.
    assert high - low == pytest.approx(2 * 1.96 * 0.5 / 10.0, rel=0.1)


def test_interval_is_reproducible_and_covers_the_mean():
    values = np.random.default_rng(1).normal(10.0, 2.0, 50)
    low, high = bootstrap_interval(values)
    assert (low, high) == bootstrap_interval(values)
    # 1.96 standard errors, within a fifth
    assert high - low == pytest.approx(2 * 1.96 * values.std() / np.sqrt(50), rel=0.2)
    assert low < values.mean() < high


def test_equal_values_have_an_interval_of_no_width():
    assert bootstrap_interval(np.full(5, 3.0)) == (3.0, 3.0)

import numpy as np
import pytest

from waypilot.episodes import RatedTrajectory
from waypilot.metrics.waymo import (
    best_rated,
    displacement_error_m,
    mean_over_clusters,
    rater_feedback_score,
    weighted_rater_feedback_score,
)

TIMES_S = 0.25 * np.arange(1, 21)
STRAIGHT = np.stack([10.0 * TIMES_S, np.zeros(20)], axis=1)
FAST_MPS = 11.0  # thresholds in full: 1.0 m and 1.8 m across, 4 m and 7.2 m along


def rated(score, points=STRAIGHT):
    return RatedTrajectory(points, score)


def moved(x_m=0.0, y_m=0.0, points=STRAIGHT):
    return points + np.array([x_m, y_m])


def test_within_the_region_the_rating_counts_in_full():
    for prediction in (STRAIGHT, moved(y_m=1.0), moved(x_m=-4.0), moved(4.0, -1.0)):
        assert rater_feedback_score(prediction, [rated(9.0)], FAST_MPS) == pytest.approx(9.0)


def test_beyond_it_falls_by_a_factor_of_ten_per_threshold_at_each_time():
    # 1.5 m across: 1.5 thresholds at 3 s, within at 5 s.
    assert rater_feedback_score(moved(y_m=1.5), [rated(10.0)], FAST_MPS) == pytest.approx((10 * 0.1**0.5 + 10) / 2)
    # 6 m along: 1.5 thresholds of 4 m at 3 s, within 7.2 m at 5 s.
    assert rater_feedback_score(moved(x_m=6.0), [rated(10.0)], FAST_MPS) == pytest.approx((10 * 0.1**0.5 + 10) / 2)
    # 2.7 m across: 2.7 and 1.5 thresholds.
    expected = (10 * 0.1**1.7 + 10 * 0.1**0.5) / 2
    assert expected < 4.0
    assert rater_feedback_score(moved(y_m=2.7), [rated(10.0)], FAST_MPS) == 4.0


@pytest.mark.parametrize(("speed_mps", "factor"), [(0.0, 0.5), (1.4, 0.5), (6.2, 0.75), (11.0, 1.0), (30.0, 1.0)])
def test_thresholds_grow_with_speed(speed_mps, factor):
    inside, outside = moved(y_m=0.999 * factor), moved(y_m=1.2 * factor)
    assert rater_feedback_score(inside, [rated(10.0)], speed_mps) == pytest.approx(10.0)
    expected = (10 * 0.1**0.2 + 10) / 2
    assert rater_feedback_score(outside, [rated(10.0)], speed_mps) == pytest.approx(expected)


def test_the_floor_holds_outside_every_region_only():
    assert rater_feedback_score(moved(y_m=50.0), [rated(10.0), rated(0.0)], FAST_MPS) == 4.0
    # A match with a bad trajectory is worse than a complete miss.
    assert rater_feedback_score(STRAIGHT, [rated(2.0)], FAST_MPS) == pytest.approx(2.0)
    # Near one rated trajectory at 3 s and near another at 5 s is within neither.
    here_then_there = np.where(TIMES_S[:, None] <= 3.0, STRAIGHT, moved(y_m=10.0))
    two = [rated(2.0), rated(3.0, moved(y_m=10.0))]
    assert rater_feedback_score(here_then_there, two, FAST_MPS) == 4.0
    # Within the region at 5 s alone is not within.
    assert rater_feedback_score(moved(y_m=1.5), [rated(2.0)], FAST_MPS) == 4.0


def test_the_best_of_three_counts_at_each_time_and_a_fourth_is_ignored():
    left, right = moved(y_m=10.0), moved(y_m=-10.0)
    three = [rated(3.0), rated(6.0, left), rated(8.0, right)]
    assert rater_feedback_score(left, three, FAST_MPS) == pytest.approx(6.0)
    far = moved(y_m=30.0)
    assert rater_feedback_score(far, [*three, rated(10.0, far)], FAST_MPS) == 4.0


def test_across_and_along_follow_the_rated_path():
    """A path that has turned left: across is x there, along is y."""
    corner = np.where(TIMES_S[:, None] <= 1.0, STRAIGHT, np.stack([np.full(20, 10.0), 10 * (TIMES_S - 1)], axis=1))
    assert rater_feedback_score(moved(y_m=4.0, points=corner), [rated(9.0, corner)], FAST_MPS) == pytest.approx(9.0)
    across = rater_feedback_score(moved(x_m=1.5, points=corner), [rated(9.0, corner)], FAST_MPS)
    assert across == pytest.approx((9 * 0.1**0.5 + 9) / 2)


def test_a_standing_vehicle_keeps_its_direction_at_first_straight_ahead():
    parked = np.zeros((20, 2))
    assert rater_feedback_score(moved(x_m=2.0, points=parked), [rated(9.0, parked)], 0.0) == pytest.approx(9.0)
    assert rater_feedback_score(moved(y_m=2.0, points=parked), [rated(9.0, parked)], 0.0) == 4.0
    stopped = np.stack([np.zeros(20), np.minimum(2.0 * TIMES_S, 4.0)], axis=1)  # to the left, then standing
    assert rater_feedback_score(moved(y_m=2.0, points=stopped), [rated(9.0, stopped)], 0.0) == pytest.approx(9.0)


def test_rated_trajectories_of_other_lengths_are_cut_or_held():
    long = np.stack([10.0 * 0.25 * np.arange(1, 26), np.zeros(25)], axis=1)
    assert rater_feedback_score(STRAIGHT, [rated(7.0, long)], FAST_MPS) == pytest.approx(7.0)
    short = STRAIGHT[:12]
    held = np.concatenate([short, np.repeat(short[-1:], 8, axis=0)])
    assert rater_feedback_score(held, [rated(7.0, short)], FAST_MPS) == pytest.approx(7.0)
    assert rater_feedback_score(STRAIGHT, [rated(7.0, short)], FAST_MPS) == 4.0


def test_several_predictions_are_weighted():
    both = np.stack([STRAIGHT, moved(y_m=50.0)])
    score = weighted_rater_feedback_score(both, np.array([0.75, 0.25]), [rated(8.0)], FAST_MPS)
    assert score == pytest.approx(0.75 * 8.0 + 0.25 * 4.0)
    with pytest.raises(ValueError, match="expected a sum of 1"):
        weighted_rater_feedback_score(both, np.array([0.75, 0.75]), [rated(8.0)], FAST_MPS)
    with pytest.raises(ValueError, match="2 predictions have probabilities of shape"):
        weighted_rater_feedback_score(both, np.array([1.0]), [rated(8.0)], FAST_MPS)


def test_clusters_count_the_same():
    assert mean_over_clusters({"construction": [4.0, 6.0], "others": [8.0]}) == pytest.approx(6.5)
    with pytest.raises(ValueError, match="cluster 'cyclist' has no scores"):
        mean_over_clusters({"cyclist": []})
    with pytest.raises(ValueError, match="no clusters"):
        mean_over_clusters({})


def test_displacement_is_a_mean_up_to_the_horizon_against_the_best_rated():
    best = best_rated([rated(3.0), rated(9.0, moved(y_m=3.0)), rated(9.0)])
    assert displacement_error_m(STRAIGHT, best.waypoints_m, 3.0) == pytest.approx(3.0)
    drifting = STRAIGHT + np.stack([np.zeros(20), TIMES_S], axis=1)
    assert displacement_error_m(drifting, STRAIGHT, 3.0) == pytest.approx(np.mean(TIMES_S[:12]))
    assert displacement_error_m(drifting, STRAIGHT, 5.0) == pytest.approx(np.mean(TIMES_S))
    with pytest.raises(ValueError, match="20 and 12 points at 4 Hz do not reach 5 s"):
        displacement_error_m(drifting, STRAIGHT[:12], 5.0)


def test_what_cannot_be_scored_is_refused():
    with pytest.raises(ValueError, match="only rated frames can be scored"):
        rater_feedback_score(STRAIGHT, [], FAST_MPS)
    with pytest.raises(ValueError, match=r"rating is -1.0, expected 0 to 10"):
        rater_feedback_score(STRAIGHT, [rated(-1.0)], FAST_MPS)
    with pytest.raises(ValueError, match=r"prediction has shape \(12, 2\)"):
        rater_feedback_score(STRAIGHT[:12], [rated(1.0)], FAST_MPS)
    with pytest.raises(ValueError, match="only rated frames"):
        best_rated([])

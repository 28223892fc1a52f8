"""Scores of the Waymo end-to-end driving challenge of 2025: rater feedback score (RFS) and displacement errors.

Trajectories are (N, 2) in metres in the vehicle frame at 4 Hz, the first point at 0.25 s. A frame has up to three
futures that people rated from 0 to 10; they replace the logged future as the reference.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from waypilot.episodes.extras import RatedTrajectory
from waypilot.geometry import FloatArray
from waypilot.metrics.averages import mean

RATE_HZ = 4
POINTS = 20
MAX_RATED = 3
FLOOR_SCORE = 4.0
_SCORED_INDICES = (3 * RATE_HZ - 1, 5 * RATE_HZ - 1)  # 3 s and 5 s
_CROSS_TRACK_M = np.array([1.0, 1.8])
_ALONG_TRACK_FACTOR = 4.0
_DECAY = 0.1
_SLOW_MPS, _FAST_MPS = 1.4, 11.0


def rater_feedback_score(prediction_m: FloatArray, rated: Sequence[RatedTrajectory], initial_speed_mps: float) -> float:
    """Score one predicted trajectory (20, 2) of one frame, 0 to 10.

    At 3 s and at 5 s the error is split along and across the rated trajectory and divided by thresholds that grow with
    the initial speed. A rating counts in full within them and falls by a factor of ten per threshold beyond; the best
    one counts at each time. Outside the region of every rated trajectory the score is at least 4.
    Raises ValueError for a wrong shape, when nothing is rated, and for a rating outside 0 to 10.
    """
    _check_prediction(prediction_m)
    _check_ratings(rated)
    errors = np.stack(
        [_normalised_errors(prediction_m, future, initial_speed_mps) for future in rated[:MAX_RATED]]
    )  # (P, 2)
    ratings = np.array([future.score for future in rated[:MAX_RATED]])
    scores = ratings[:, None] * _DECAY ** np.maximum(errors - 1.0, 0.0)
    score = mean(scores.max(axis=0))
    within = bool((errors <= 1.0).all(axis=1).any())
    return score if within else max(score, FLOOR_SCORE)


def weighted_rater_feedback_score(
    predictions_m: FloatArray, probabilities: FloatArray, rated: Sequence[RatedTrajectory], initial_speed_mps: float
) -> float:
    """Score several predictions (I, 20, 2) of one frame: the mean of their scores weighted by probability (I,).

    Raises ValueError when probabilities are negative or do not add up to 1.
    """
    if probabilities.shape != predictions_m.shape[:1]:
        raise ValueError(f"{predictions_m.shape[0]} predictions have probabilities of shape {probabilities.shape}")
    if bool((probabilities < 0.0).any()) or not np.isclose(probabilities.sum(), 1.0):
        raise ValueError(f"probabilities {probabilities.tolist()} are no distribution, expected a sum of 1")
    scores = [rater_feedback_score(prediction, rated, initial_speed_mps) for prediction in predictions_m]
    return float(np.dot(probabilities, scores))


def mean_over_clusters(scores_by_cluster: Mapping[str, Sequence[float]]) -> float:
    """Average a score per scenario cluster, then over the clusters: each counts the same however many frames it has.

    Raises ValueError without clusters and for an empty one.
    """
    if not scores_by_cluster:
        raise ValueError("no clusters to average over")
    if empty := [name for name, scores in scores_by_cluster.items() if not len(scores)]:
        raise ValueError(f"cluster {empty[0]!r} has no scores")
    return mean(np.array([mean(np.asarray(scores, dtype=np.float64)) for scores in scores_by_cluster.values()]))


def displacement_error_m(prediction_m: FloatArray, reference_m: FloatArray, horizon_s: float) -> float:
    """Mean distance (ADE) between two trajectories (N, 2) over the points up to ``horizon_s`` (3 s and 5 s there).

    Raises ValueError when one is shorter than the horizon.
    """
    count = round(horizon_s * RATE_HZ)
    if count < 1 or len(prediction_m) < count or len(reference_m) < count:
        raise ValueError(
            f"{len(prediction_m)} and {len(reference_m)} points at {RATE_HZ} Hz do not reach {horizon_s:g} s"
        )
    offsets = prediction_m[:count] - reference_m[:count]
    return mean(np.hypot(offsets[:, 0], offsets[:, 1]))


def best_rated(rated: Sequence[RatedTrajectory]) -> RatedTrajectory:
    """Return the rated future with the highest score, the first of equals: the challenge's reference for ADE.

    Raises ValueError when nothing is rated, and for a rating outside 0 to 10.
    """
    _check_ratings(rated)
    return max(rated, key=lambda future: future.score)


def _check_prediction(prediction_m: FloatArray) -> None:
    if prediction_m.shape != (POINTS, 2) or not bool(np.isfinite(prediction_m).all()):
        raise ValueError(f"prediction has shape {prediction_m.shape}, expected finite ({POINTS}, 2): 5 s at 4 Hz")


def _check_ratings(rated: Sequence[RatedTrajectory]) -> None:
    if not rated:
        raise ValueError("no rated trajectory; only rated frames can be scored")
    for future in rated:
        if not 0.0 <= future.score <= 10.0:
            raise ValueError(f"rating is {future.score}, expected 0 to 10; leave unrated (-1) trajectories out")


def _normalised_errors(prediction_m: FloatArray, future: RatedTrajectory, initial_speed_mps: float) -> FloatArray:
    """Errors (2,) at 3 s and 5 s in units of the thresholds: the worse of along and across."""
    reference = _with_length(future.waypoints_m, POINTS)
    rows: NDArray[np.intp] = np.array(_SCORED_INDICES)
    directions = _travel_directions(reference)[rows]
    offsets = prediction_m[rows] - reference[rows]
    along = np.abs((directions * offsets).sum(axis=1))
    cross = np.abs(directions[:, 0] * offsets[:, 1] - directions[:, 1] * offsets[:, 0])
    speed_share = (initial_speed_mps - _SLOW_MPS) / (_FAST_MPS - _SLOW_MPS)
    thresholds_m = _CROSS_TRACK_M * min(max(0.5 + 0.5 * speed_share, 0.5), 1.0)
    worst: FloatArray = np.maximum(along / (_ALONG_TRACK_FACTOR * thresholds_m), cross / thresholds_m)
    return worst


def _with_length(points_m: FloatArray, length: int) -> FloatArray:
    """Cut, or repeat the last point."""
    missing = max(length - len(points_m), 0)
    return np.concatenate([points_m[:length], np.repeat(points_m[-1:], missing, axis=0)])


def _travel_directions(points_m: FloatArray) -> FloatArray:
    """Directions (N, 2) of the steps that lead to the points; standing keeps the last one, at first straight ahead."""
    directions = np.diff(points_m, axis=0, prepend=np.zeros((1, 2)))
    last = np.array([1.0, 0.0])
    for i, length in enumerate(np.hypot(directions[:, 0], directions[:, 1])):
        last = directions[i] / length if length > 0.0 else last
        directions[i] = last
    return directions

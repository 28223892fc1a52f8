"""Where something that moves passes a stop line in the direction in which the line is to be obeyed."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from waypilot.boxes import dot
from waypilot.geometry import FloatArray
from waypilot.surroundings import Point, StopLine

# By so much rounding may not mislead.
_MARGIN_M = 0.1


def distance_past_m(line: StopLine, points_m: FloatArray) -> FloatArray:
    """How far beyond the line points (N, 2) lie, (N,); negative before it."""
    return dot(points_m - _middle(line), _direction(line.heading_rad))


def crossings(line: StopLine, points_m: FloatArray) -> NDArray[np.intp]:
    """Find the points of a path (N, 2) with which it has passed the line, between its ends."""
    past_m = distance_past_m(line, points_m)
    left = _direction(line.heading_rad + math.pi / 2.0)
    aside_m = dot(points_m - _middle(line), left)
    left_end_m = float(dot(np.array(line.left_m) - _middle(line), left))
    right_end_m = float(dot(np.array(line.right_m) - _middle(line), left))
    passed = (past_m[:-1] < 0.0) & (past_m[1:] >= 0.0)
    share = past_m[:-1] / np.where(passed, past_m[:-1] - past_m[1:], 1.0)
    at_m = aside_m[:-1] + share * (aside_m[1:] - aside_m[:-1])
    return np.flatnonzero(passed & (at_m >= right_end_m) & (at_m <= left_end_m)) + 1


def passes(line: StopLine, start_m: Point, end_m: Point) -> bool:
    """Tell whether a straight way passes the line. Ways too short to reach it from where they end cost little."""
    reach_m = math.dist(line.left_m, line.right_m) + math.dist(start_m, end_m) + _MARGIN_M
    return math.dist(line.left_m, end_m) <= reach_m and len(crossings(line, np.array([start_m, end_m]))) > 0


def _middle(line: StopLine) -> FloatArray:
    middle: FloatArray = (np.array(line.left_m) + np.array(line.right_m)) / 2.0
    return middle


def _direction(heading_rad: float) -> FloatArray:
    return np.array([math.cos(heading_rad), math.sin(heading_rad)])

"""Finding the manoeuvres of a route: turns from its geometry, or what happens in its known junctions."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from waypilot.geometry import FloatArray
from waypilot.types import RouteCommand

Sampler = Callable[[FloatArray], tuple[FloatArray, FloatArray]]

MIN_TURN_RAD = math.radians(45.0)
MAX_TURN_RADIUS_M = 25.0
SAMPLE_SPACING_M = 0.5
CURVATURE_BASELINE_M = 4.0  # heading change is measured over this length: longer than the kinks of a 1 m polyline
MERGE_GAP_M = 4.0


@dataclass(frozen=True, slots=True)
class Maneuver:
    """A stretch of route, from ``start_m`` to ``end_m`` of arc length, with one command."""

    start_m: float
    end_m: float
    command: RouteCommand


def curvature(sample: Sampler, s_m: FloatArray) -> FloatArray:
    """Signed curvature (1/m, left positive) at arc lengths ``s_m``, averaged over 4 m."""
    half = CURVATURE_BASELINE_M / 2.0
    change: FloatArray = sample(s_m + half)[1] - sample(s_m - half)[1]
    return change / CURVATURE_BASELINE_M


def sample_arcs(length_m: float) -> FloatArray:
    """Evenly spaced arc lengths over the whole route, both ends included."""
    return np.linspace(0.0, length_m, max(2, math.ceil(length_m / SAMPLE_SPACING_M) + 1))


def turn_maneuvers(sample: Sampler, length_m: float) -> list[Maneuver]:
    """Find bends with a radius under 25 m that change the heading by more than 45 degrees in all, in driving order.

    A counter-bend within a turn (its gap bridged) belongs to that turn.
    """
    s = sample_arcs(length_m)
    kappa = curvature(sample, s)
    turns = []
    for sign, command in ((1, RouteCommand.LEFT), (-1, RouteCommand.RIGHT)):
        for first, last in _runs(sign * kappa > 1.0 / MAX_TURN_RADIUS_M, round(MERGE_GAP_M / (s[1] - s[0]))):
            start, end = float(s[first]), float(s[last])
            if sign * _heading_change(sample, start, end) > MIN_TURN_RAD:
                turns.append(Maneuver(start, end, command))
    outer: list[Maneuver] = []
    for turn in sorted(turns, key=lambda turn: turn.start_m):
        if not outer or turn.end_m > outer[-1].end_m:
            outer.append(turn)
    return outer


def junction_maneuvers(sample: Sampler, junctions: Sequence[tuple[float, float]]) -> list[Maneuver]:
    """Name what the route does in each junction, given as (start, end) arc lengths in driving order.

    Raises ValueError when the junctions are empty stretches or overlap.
    """
    maneuvers: list[Maneuver] = []
    for start, end in junctions:
        if not start < end or (maneuvers and start < maneuvers[-1].end_m):
            raise ValueError(f"junction [{start}, {end}] m is empty or overlaps the one before")
        change = _heading_change(sample, start, end)
        command = RouteCommand.STRAIGHT
        if abs(change) > MIN_TURN_RAD:
            command = RouteCommand.LEFT if change > 0.0 else RouteCommand.RIGHT
        maneuvers.append(Maneuver(start, end, command))
    return maneuvers


def _heading_change(sample: Sampler, start_m: float, end_m: float) -> float:
    """Net heading change, measured a little outside: the polyline's heading is blurred at both ends."""
    margin = CURVATURE_BASELINE_M / 2.0
    headings = sample(np.array([start_m - margin, end_m + margin]))[1]
    return float(headings[1] - headings[0])


def _runs(mask: NDArray[np.bool_], max_gap: int) -> list[tuple[int, int]]:
    """First and last index of each run of True, runs with at most ``max_gap`` False between them joined."""
    runs: list[tuple[int, int]] = []
    for i in np.flatnonzero(mask).tolist():
        if runs and i - runs[-1][1] <= max_gap + 1:
            runs[-1] = (runs[-1][0], i)
        else:
            runs.append((i, i))
    return runs

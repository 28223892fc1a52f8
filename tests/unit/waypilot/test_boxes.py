"""Rectangles: known distances and meeting times, and the same answers by brute force."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypilot.boxes import Boxes, distance_m, meeting_time_s


def box(x_m: float, y_m: float, yaw_rad: float = 0.0, half_length_m: float = 2.0, half_width_m: float = 1.0) -> Boxes:
    return Boxes(np.array([[x_m, y_m]]), np.array([yaw_rad]), np.array([half_length_m]), np.array([half_width_m]))


def distance(a: Boxes, b: Boxes) -> float:
    return float(distance_m(a, b)[0])


def meeting(a: Boxes, b: Boxes, velocity: tuple[float, float]) -> float:
    return float(meeting_time_s(a, b, np.array([velocity]))[0])


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        (box(10.0, 0.0), 6.0),
        (box(0.0, 5.0), 3.0),
        (box(7.0, 6.0), 5.0),  # corner to corner: 3 and 4
        (box(4.0 + math.sqrt(2.0), 0.0, math.pi / 4, 1.0, 1.0), 2.0),  # a corner ahead
        (box(1.0, 1.0), 0.0),
        (box(0.0, 0.0, math.pi / 2, 5.0, 0.1), 0.0),  # a cross: no corner lies within the other
    ],
)
def test_distances_between_rectangles(other, expected):
    assert distance(box(0.0, 0.0), other) == pytest.approx(expected)
    assert distance(other, box(0.0, 0.0)) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("other", "velocity", "expected"),
    [
        (box(10.0, 0.0), (-2.0, 0.0), 3.0),
        (box(10.0, 0.0), (2.0, 0.0), math.inf),
        (box(10.0, 3.0), (-2.0, 0.0), math.inf),  # passes 1 m beside
        (box(10.0, 1.9), (-2.0, 0.0), 3.0),  # grazes
        (box(10.0, 12.0), (-2.0, -2.5), 4.0),  # one side is met after 3 s, the other after 4 s
        (box(1.0, 0.0), (9.0, 9.0), 0.0),
        (box(10.0, 0.0), (0.0, 0.0), math.inf),
    ],
)
def test_meeting_times(other, velocity, expected):
    assert meeting(box(0.0, 0.0), other, velocity) == pytest.approx(expected)


places = st.floats(-8.0, 8.0)
speeds = st.floats(-5.0, 5.0)


@given(x=places, y=places, yaw=st.floats(-4.0, 4.0), vx=speeds, vy=speeds)
def test_the_distance_vanishes_at_the_meeting_time_and_not_before(x, y, yaw, vx, vy):
    ego = box(0.0, 0.0, 0.3)
    time_s = meeting(ego, box(x, y, yaw), (vx, vy))
    until = np.linspace(0.0, min(time_s, 20.0), 40)
    gaps = [distance(ego, box(x + vx * t, y + vy * t, yaw)) for t in until]
    assert min(gaps[:-1], default=1.0) > 0.0 or time_s == 0.0
    if time_s < 20.0:
        assert gaps[-1] == pytest.approx(0.0, abs=1e-6)

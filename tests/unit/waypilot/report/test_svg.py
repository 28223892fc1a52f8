"""Plots: round ticks, gaps, and nothing where there is nothing."""

from __future__ import annotations

import re

import pytest

from waypilot.report.svg import Line, Scale, nice_step, time_chart


@pytest.mark.parametrize(
    ("rough", "step"), [(0.3, 0.5), (1.0, 1.0), (1.1, 2.0), (5.5, 10.0), (0.02, 0.02), (700, 1000)]
)
def test_steps_are_round(rough, step):
    assert nice_step(rough) == pytest.approx(step)


def test_ticks_lie_within_the_range():
    assert Scale(-0.35, 0.35, 0, 1).ticks() == pytest.approx([-0.2, 0.0, 0.2])
    assert Scale(0, 10, 0, 1).ticks() == pytest.approx([0, 2, 4, 6, 8, 10])


def test_gaps_lift_the_pen():
    svg = time_chart("t", [0.0, 1.0, 2.0, 3.0, 4.0], [Line("a", "line-a", [1.0, 1.0, None, 1.0, 1.0])], [])
    assert re.search(r'd="M[^ML"]* [^ML"]*L[^ML"]*M[^ML"]*L[^ML"]*"', svg)


def test_nothing_to_plot_is_no_plot():
    assert time_chart("t", [0.0], [Line("a", "line-a", [1.0])], []) == ""
    assert time_chart("t", [0.0, 1.0], [Line("a", "line-a", [None, None])], []) == ""


def test_constant_zero_has_a_scale():
    assert "NaN" not in time_chart("t", [0.0, 1.0], [Line("a", "line-a", [0.0, 0.0])], [])


def test_title_is_escaped():
    assert 'aria-label="a &lt;b&gt; &quot;c&quot;"' in time_chart(
        'a <b> "c"', [0, 1], [Line("a", "line-a", [0, 1])], []
    )

"""Validity: a metric has a value or a reason, never both, never neither."""

from __future__ import annotations

import math

import pytest

from waypilot.metrics import Metric, MetricSpec, Termination
from waypilot.metrics.registry import METRIC_MODULES
from waypilot.metrics.themes import OTHER, Better, better_way, theme_of


@pytest.mark.parametrize("value", [None, math.nan, math.inf])
def test_valid_metric_needs_a_finite_value(value: float | None) -> None:
    with pytest.raises(ValueError, match="mark it invalid with a reason"):
        Metric("speed", value, "m/s", valid=True)


def test_invalid_metric_needs_a_reason_and_has_no_value() -> None:
    with pytest.raises(ValueError, match="give a reason and no value"):
        Metric("speed", None, "m/s", valid=False)
    with pytest.raises(ValueError, match="give a reason and no value"):
        Metric("speed", 0.0, "m/s", valid=False, reason="no frame")


def test_spec_makes_both_kinds() -> None:
    spec = MetricSpec("speed", "m/s")
    assert spec.value(2) == Metric("speed", 2.0, "m/s", True)
    assert spec.invalid("no frame") == Metric("speed", None, "m/s", False, "no frame")


def test_termination_reads_as_in_results() -> None:
    assert Termination("completed", "goal reached", 1).text == "completed"
    assert Termination("failed", "time-out", 1).text == "failed: time-out"


@pytest.mark.parametrize(
    "spec", [spec for module in METRIC_MODULES for spec in module.SPECS], ids=lambda spec: spec.name
)
def test_every_metric_has_a_theme_of_its_own(spec):
    assert theme_of(spec.name) is not OTHER


def test_the_better_way_of_metrics_whose_names_look_alike():
    assert better_way("time_to_collision_min") is Better.HIGHER
    assert better_way("time_to_collision_short_share") is Better.LOWER
    assert better_way("distance_to_pedestrians_min") is Better.HIGHER
    assert better_way("distance_driven") is Better.NEITHER

"""The metrics there are. A new metric is a new module with ``SPECS`` and ``compute``, and a line here."""

from __future__ import annotations

from typing import Protocol

from waypilot.metrics import (
    collisions,
    comfort,
    completeness,
    driving_score,
    heading_error,
    lane_invasions,
    lateral_deviation,
    path,
    route_completion,
    speed,
    tracking_error,
)
from waypilot.metrics.drive import Drive
from waypilot.metrics.values import Metric, MetricSpec


class MetricModule(Protocol):
    """What a metric's module offers. ``compute`` gets a drive of at least one frame."""

    @property
    def SPECS(self) -> tuple[MetricSpec, ...]:  # noqa: N802 - a module's constant
        """Names and units, in the order in which ``compute`` returns them."""

    def compute(self, drive: Drive) -> tuple[Metric, ...]:
        """Measure one drive: one metric per spec, invalid where it cannot be computed."""


METRIC_MODULES: tuple[MetricModule, ...] = (
    route_completion,
    driving_score,
    collisions,
    lane_invasions,
    lateral_deviation,
    heading_error,
    path,
    speed,
    comfort,
    tracking_error,
    completeness,
)


def compute_all(drive: Drive) -> tuple[Metric, ...]:
    """Compute every metric there is. Without a single frame they are all invalid."""
    if not drive.egos:
        return all_invalid("no ego state was recorded")
    return tuple(metric for module in METRIC_MODULES for metric in module.compute(drive))


def all_invalid(reason: str) -> tuple[Metric, ...]:
    """Return every metric there is as invalid, for a drive that cannot be judged."""
    return tuple(spec.invalid(reason) for module in METRIC_MODULES for spec in module.SPECS)

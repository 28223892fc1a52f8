"""The metrics there are. A new metric is a new module with ``SPECS`` and ``compute``, and a line here."""

from __future__ import annotations

from typing import Protocol

from waypilot.metrics import (
    clearance,
    collisions,
    comfort,
    completeness,
    driving_score,
    endings,
    fault_reaction,
    heading_error,
    lane_invasions,
    lateral_deviation,
    path,
    pdms,
    red_lights,
    road,
    route_completion,
    speed,
    speed_keeping,
    stamp_age,
    steering,
    stop_signs,
    success,
    time_to_collision,
    tracking_error,
)
from waypilot.metrics.drive import Drive
from waypilot.metrics.values import Infraction, Metric, MetricSpec


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
    success,
    collisions,
    red_lights,
    stop_signs,
    road,
    lane_invasions,
    endings,
    lateral_deviation,
    heading_error,
    path,
    speed,
    speed_keeping,
    comfort,
    time_to_collision,
    clearance,
    pdms,
    tracking_error,
    steering,
    stamp_age,
    completeness,
    fault_reaction,
)


class InfractionModule(Protocol):
    """What a metric's module offers beside, if it can name what should not have happened."""

    def infractions(self, drive: Drive) -> tuple[Infraction, ...]:
        """List what happened, in a drive of at least one frame; nothing where it was not observed."""


INFRACTION_MODULES: tuple[InfractionModule, ...] = (collisions, red_lights, stop_signs, road, lane_invasions, endings)


def all_infractions(drive: Drive) -> tuple[Infraction, ...]:
    """List everything that should not have happened, in order of time."""
    if not drive.egos:
        return ()
    found = (infraction for module in INFRACTION_MODULES for infraction in module.infractions(drive))
    return tuple(sorted(found, key=lambda infraction: infraction.time_s))


def compute_all(drive: Drive) -> tuple[Metric, ...]:
    """Compute every metric there is. Without a single frame they are all invalid."""
    if not drive.egos:
        return all_invalid("no ego state was recorded")
    return tuple(metric for module in METRIC_MODULES for metric in module.compute(drive))


def all_invalid(reason: str) -> tuple[Metric, ...]:
    """Return every metric there is as invalid, for a drive that cannot be judged."""
    return tuple(spec.invalid(reason) for module in METRIC_MODULES for spec in module.SPECS)

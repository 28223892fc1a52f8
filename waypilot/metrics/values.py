"""The values a judgement consists of: metrics, infractions, and how a drive ended."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class Metric:
    """One measured quantity. Either valid, with a finite value, or invalid, with the reason and no value.

    ``note`` is what a reader must know to use a valid value. Raises ValueError when value and validity disagree.
    """

    name: str
    value: float | None
    unit: str
    valid: bool
    reason: str = ""
    note: str = ""

    def __post_init__(self) -> None:
        if self.valid and (self.value is None or not math.isfinite(self.value)):
            raise ValueError(
                f"metric {self.name} is valid but its value is {self.value}, mark it invalid with a reason"
            )
        if not self.valid and (self.value is not None or not self.reason):
            raise ValueError(f"metric {self.name} is invalid: give a reason and no value")


@dataclass(frozen=True, slots=True)
class MetricSpec:
    """Name and unit of a metric: known before anything was driven, so that no metric can vanish."""

    name: str
    unit: str

    def value(self, value: float, note: str = "") -> Metric:
        """Make the valid metric."""
        return Metric(self.name, float(value), self.unit, valid=True, note=note)

    def invalid(self, reason: str) -> Metric:
        """Make the metric that could not be computed."""
        return Metric(self.name, None, self.unit, valid=False, reason=reason)


@dataclass(frozen=True, slots=True)
class Infraction:
    """Something that should not have happened, when and where.

    ``time_s`` counts from the first frame; the place is that of base_link in the map frame and along the route.
    ``kind`` is ``collision_vehicle``, ``collision_pedestrian``, ``collision_static``, ``red_light``, ``stop_sign``,
    ``off_road``, ``outside_route_lanes``, ``lane_invasion``, ``blocked``, ``time_out`` or ``route_deviation``.
    Collisions carry the partner's id (0: the world) and the largest impulse (N s) of the contacts counted as one,
    lights and signs the signal's id.
    """

    kind: str
    time_s: float
    x_m: float
    y_m: float
    s_m: float
    actor_id: int | None = None
    impulse_ns: float | None = None
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Termination:
    """How and when a drive ended; ``stamp_ns`` is that of its last frame."""

    status: Literal["completed", "failed"]
    reason: str
    stamp_ns: int

    @property
    def text(self) -> str:
        """The status as it stands in results: ``completed`` or ``failed: why``."""
        return self.status if self.status == "completed" else f"{self.status}: {self.reason}"

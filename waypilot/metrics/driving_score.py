"""Driving score under both rules of the CARLA leaderboard: route completion (%) times infraction penalty.

2.0 multiplies one factor per infraction, 2.1 divides by one plus the sum of coefficients. The same drive scores
differently under the two, so the score's name always carries the version.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from waypilot.metrics.collisions import NOT_OBSERVED, collision_counts
from waypilot.metrics.drive import Drive
from waypilot.metrics.values import Metric, MetricSpec
from waypilot.types import ActorKind

SCORE_2_0 = MetricSpec("driving_score_2_0", "%")
SCORE_2_1 = MetricSpec("driving_score_2_1", "%")
SPECS = (SCORE_2_0, SCORE_2_1)

FACTORS_2_0 = {ActorKind.PEDESTRIAN: 0.5, ActorKind.VEHICLE: 0.6, ActorKind.STATIC: 0.65}
COEFFICIENTS_2_1 = {ActorKind.PEDESTRIAN: 1.0, ActorKind.VEHICLE: 0.7, ActorKind.STATIC: 0.6}

NOTE = (
    "penalises collisions only; not observed yet: red lights, stop signs, scenario time-outs, yielding to emergency "
    "vehicles, driving slower than traffic, share driven outside the route's lanes"
)


def penalty_2_0(counts: Mapping[ActorKind, int]) -> float:
    """Multiply the factor of each collision."""
    return math.prod(FACTORS_2_0[kind] ** count for kind, count in counts.items())


def penalty_2_1(counts: Mapping[ActorKind, int]) -> float:
    """Return 1 / (1 + sum of coefficients)."""
    return 1.0 / (1.0 + math.fsum(COEFFICIENTS_2_1[kind] * count for kind, count in counts.items()))


def compute(drive: Drive) -> tuple[Metric, ...]:
    """Score the drive under both rules, over the infractions that are observed."""
    if not drive.observes_collisions:
        return tuple(spec.invalid(NOT_OBSERVED) for spec in SPECS)
    counts = collision_counts(drive)
    completion = 100.0 * drive.completion
    return (
        SCORE_2_0.value(completion * penalty_2_0(counts), NOTE),
        SCORE_2_1.value(completion * penalty_2_1(counts), NOTE),
    )

"""Driving score under both rules of the CARLA leaderboard: route completion (%) times infraction penalty.

The same drive scores differently under the two, so the score's name always carries the version. The note of a score
lists the contribution of every infraction, and what was not observed.
"""

from __future__ import annotations

from waypilot.metrics.collisions import NOT_OBSERVED
from waypilot.metrics.drive import Drive
from waypilot.metrics.penalties import penalties_of
from waypilot.metrics.values import Metric, MetricSpec

SCORE_2_0 = MetricSpec("driving_score_2_0", "%")
SCORE_2_1 = MetricSpec("driving_score_2_1", "%")
PENALTY_2_0 = MetricSpec("infraction_penalty_2_0", "%")
PENALTY_2_1 = MetricSpec("infraction_penalty_2_1", "%")
SPECS = (SCORE_2_0, SCORE_2_1, PENALTY_2_0, PENALTY_2_1)


def compute(drive: Drive) -> tuple[Metric, ...]:
    """Score the drive under both rules, over the infractions that are observed; 100 % is no penalty."""
    if not drive.observes_collisions:
        return tuple(spec.invalid(NOT_OBSERVED) for spec in SPECS)
    penalties = penalties_of(drive)
    completion = 100.0 * drive.completion
    kept_2_0, kept_2_1 = penalties.under_2_0(), penalties.under_2_1()
    note_2_0, note_2_1 = penalties.note_2_0(), penalties.note_2_1()
    return (
        SCORE_2_0.value(completion * kept_2_0, note_2_0),
        SCORE_2_1.value(completion * kept_2_1, note_2_1),
        PENALTY_2_0.value(100.0 * kept_2_0, note_2_0),
        PENALTY_2_1.value(100.0 * kept_2_1, note_2_1),
    )

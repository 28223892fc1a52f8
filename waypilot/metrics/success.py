"""Success (Bench2Drive: at the goal with no infraction other than speed), and infractions per km driven.

Infractions here are those that cost points: collisions, red lights, stop signs, leaving the route's lanes, a scenario's
time-out. Crossed lane markings and driving slower than traffic are none.
"""

from __future__ import annotations

from waypilot.metrics import red_lights, road, stop_signs
from waypilot.metrics.collisions import NOT_OBSERVED, collision_counts
from waypilot.metrics.drive import Drive
from waypilot.metrics.endings import scenario_timed_out
from waypilot.metrics.path import distance_driven_m
from waypilot.metrics.values import Metric, MetricSpec

SUCCESS = MetricSpec("success", "1")
PER_KM = MetricSpec("infractions_per_km", "1/km")
SPECS = (SUCCESS, PER_KM)


def compute(drive: Drive) -> tuple[Metric, ...]:
    """Judge by what was observed; a note says what was not."""
    if not drive.observes_collisions:
        return tuple(spec.invalid(NOT_OBSERVED) for spec in SPECS)
    count = sum(collision_counts(drive).values()) + scenario_timed_out(drive) + _traffic_infractions(drive)
    note = _note(drive)
    distance_km = distance_driven_m(drive) / 1000.0
    per_km = (
        PER_KM.value(count / distance_km, note) if distance_km > 0.0 else PER_KM.invalid("the vehicle did not move")
    )
    return SUCCESS.value(float(drive.termination.status == "completed" and count == 0), note), per_km


def _traffic_infractions(drive: Drive) -> int:
    """Count lights, signs and, as one, every time that the vehicle left the route's lanes."""
    count = 0
    if not drive.surroundings_fault:
        count += len(red_lights.lights_run(drive)) + len(stop_signs.signs_ignored(drive))
    if not road.road_fault(drive):
        count += len(road.lane_departures(drive))
    return count


def _note(drive: Drive) -> str:
    if drive.surroundings_fault:
        return "red lights, stop signs and leaving the route's lanes were not observed"
    return "leaving the route's lanes was not observed" if road.road_fault(drive) else ""

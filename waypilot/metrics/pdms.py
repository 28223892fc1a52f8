"""A score like NAVSIM's PDMS, over a whole closed-loop drive: NC x DAC x (5 EP + 5 TTC + 2 C) / 12, in %.

``pdms_like`` and not PDMS: that one judges 4 s of an open-loop plan and measures progress against a reference planner;
here the drive itself is judged from beginning to end, its progress is the route completion, and every road user that
is not behind counts for the time to collision. One frame beyond a bound costs a whole term, as there.
"""

from __future__ import annotations

from waypilot.metrics.at_fault import faults
from waypilot.metrics.collisions import NOT_OBSERVED
from waypilot.metrics.comfort import motion_of
from waypilot.metrics.drive import Drive
from waypilot.metrics.road import off_road, road_fault
from waypilot.metrics.time_to_collision import SHORT_S, times_to_collision_s
from waypilot.metrics.values import Metric, MetricSpec
from waypilot.types import ActorKind

NO_COLLISION = MetricSpec("pdms_no_at_fault_collision", "%")
DRIVABLE_AREA = MetricSpec("pdms_drivable_area_compliance", "%")
PROGRESS = MetricSpec("pdms_ego_progress", "%")
TIME_TO_COLLISION = MetricSpec("pdms_time_to_collision", "%")
COMFORT = MetricSpec("pdms_comfort", "%")
PDMS_LIKE = MetricSpec("pdms_like", "%")
SPECS = (NO_COLLISION, DRIVABLE_AREA, PROGRESS, TIME_TO_COLLISION, COMFORT, PDMS_LIKE)


def compute(drive: Drive) -> tuple[Metric, ...]:
    """Compute the terms; the score needs all of them."""
    progress = PROGRESS.value(100.0 * drive.completion)
    terms = (_no_collision(drive), _drivable_area(drive), progress, _time_to_collision(drive), _comfort(drive))
    return (*terms, _score(terms))


def _score(terms: tuple[Metric, ...]) -> Metric:
    missing = [f"{term.name}: {term.reason}" for term in terms if not term.valid]
    if missing:
        return PDMS_LIKE.invalid("; ".join(missing))
    nc, dac, ep, ttc, c = (0.01 * (term.value or 0.0) for term in terms)
    return PDMS_LIKE.value(100.0 * nc * dac * (5.0 * ep + 5.0 * ttc + 2.0 * c) / 12.0)


def _no_collision(drive: Drive) -> Metric:
    """Nothing is left after a collision at fault with a road user, half after one with the static world."""
    if not drive.observes_collisions:
        return NO_COLLISION.invalid(NOT_OBSERVED)
    if reason := drive.surroundings_fault:
        return NO_COLLISION.invalid(reason)
    kinds = faults(drive)
    if any(kind is not ActorKind.STATIC for kind in kinds):
        return NO_COLLISION.value(0.0)
    return NO_COLLISION.value(50.0 if kinds else 100.0)


def _drivable_area(drive: Drive) -> Metric:
    if reason := road_fault(drive):
        return DRIVABLE_AREA.invalid(reason)
    return DRIVABLE_AREA.value(0.0 if off_road(drive).any() else 100.0)


def _time_to_collision(drive: Drive) -> Metric:
    if reason := drive.surroundings_fault:
        return TIME_TO_COLLISION.invalid(reason)
    return TIME_TO_COLLISION.value(0.0 if (times_to_collision_s(drive) < SHORT_S).any() else 100.0)


def _comfort(drive: Drive) -> Metric:
    motion = motion_of(drive)
    if motion is None:
        return COMFORT.invalid("too few frames")
    return COMFORT.value(100.0 if motion.comfortable.all() else 0.0)

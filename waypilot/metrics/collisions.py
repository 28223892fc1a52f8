"""Collisions by kind of partner; contacts with the same actor count once within 5 s (CARLA leaderboard)."""

from __future__ import annotations

import math
from dataclasses import dataclass

from waypilot.metrics.drive import Drive
from waypilot.metrics.path import distance_driven_m
from waypilot.metrics.places import infraction_at
from waypilot.metrics.values import Infraction, Metric, MetricSpec
from waypilot.types import NANOSECONDS_PER_SECOND, ActorKind, CollisionEvent

REPEAT_WINDOW_NS = 5 * NANOSECONDS_PER_SECOND

COLLISIONS = MetricSpec("collisions", "1")
COLLISIONS_BY_KIND = {kind: MetricSpec(f"collisions_{kind.value}", "1") for kind in ActorKind}
COLLISIONS_PER_KM = MetricSpec("collisions_per_km", "1/km")
SPECS = (COLLISIONS, *COLLISIONS_BY_KIND.values(), COLLISIONS_PER_KM)

NOT_OBSERVED = "no collision sensor was attached"


@dataclass(slots=True)
class CountedCollision:
    """Contacts that count as one: the first of them, and the largest impulse of all (N s)."""

    first: CollisionEvent
    impulse_ns: float


def count_collisions(events: tuple[CollisionEvent, ...]) -> tuple[CountedCollision, ...]:
    """Merge contacts, given in order of stamps: the 5 s run from the contact that was counted.

    All of the static world has id 0, so two walls hit within 5 s are one collision.
    """
    counted: list[CountedCollision] = []
    open_by_actor: dict[int, CountedCollision] = {}
    for event in events:
        impulse_ns = math.hypot(*event.impulse_ns)
        current = open_by_actor.get(event.other_actor_id)
        if current is not None and event.stamp_ns - current.first.stamp_ns < REPEAT_WINDOW_NS:
            current.impulse_ns = max(current.impulse_ns, impulse_ns)
        else:
            current = open_by_actor[event.other_actor_id] = CountedCollision(event, impulse_ns)
            counted.append(current)
    return tuple(counted)


def collision_counts(drive: Drive) -> dict[ActorKind, int]:
    """Count the collisions of each kind."""
    kinds = [collision.first.other_kind for collision in count_collisions(drive.collisions)]
    return {kind: kinds.count(kind) for kind in ActorKind}


def compute(drive: Drive) -> tuple[Metric, ...]:
    """Count in all, by kind, and per km driven."""
    if not drive.observes_collisions:
        return tuple(spec.invalid(NOT_OBSERVED) for spec in SPECS)
    counts = collision_counts(drive)
    total = sum(counts.values())
    distance_km = distance_driven_m(drive) / 1000.0
    per_km = COLLISIONS_PER_KM.invalid("the vehicle did not move")
    if distance_km > 0.0:
        per_km = COLLISIONS_PER_KM.value(total / distance_km)
    by_kind = (COLLISIONS_BY_KIND[kind].value(count) for kind, count in counts.items())
    return (COLLISIONS.value(total), *by_kind, per_km)


def infractions(drive: Drive) -> tuple[Infraction, ...]:
    """List each counted collision with place, time and impulse."""
    return tuple(_infraction(drive, collision) for collision in count_collisions(drive.collisions))


def _infraction(drive: Drive, collision: CountedCollision) -> Infraction:
    event = collision.first
    kind = f"collision_{event.other_kind.value}"
    return infraction_at(drive, kind, event.stamp_ns, event.other_actor_id, collision.impulse_ns)

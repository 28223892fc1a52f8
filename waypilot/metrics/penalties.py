"""What a drive is penalised for, by both rules of the CARLA leaderboard.

2.0 multiplies one factor per infraction, 2.1 divides by one plus the sum of coefficients; both multiply by the share of
the distance inside the route's lanes.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from waypilot.metrics import red_lights, road, stop_signs
from waypilot.metrics.collisions import collision_counts
from waypilot.metrics.drive import Drive
from waypilot.metrics.endings import scenario_timed_out
from waypilot.metrics.speed_keeping import shares_by_checkpoint
from waypilot.types import ActorKind


@dataclass(frozen=True, slots=True)
class Offence:
    """A kind of infraction: its factor under rules 2.0 and its coefficient under rules 2.1."""

    name: str
    factor_2_0: float
    coefficient_2_1: float


COLLISION_OFFENCES = {
    ActorKind.PEDESTRIAN: Offence("collision with a pedestrian", 0.5, 1.0),
    ActorKind.VEHICLE: Offence("collision with a vehicle", 0.6, 0.7),
    ActorKind.STATIC: Offence("collision with a static object", 0.65, 0.6),
}
RED_LIGHT = Offence("red light", 0.7, 0.4)
STOP_SIGN = Offence("stop sign", 0.8, 0.25)
SCENARIO_TIME_OUT = Offence("scenario time-out", 0.7, 0.4)
TOO_SLOW = Offence("slower than traffic", 0.7, 0.4)


@dataclass(frozen=True, slots=True)
class Penalties:
    """How often each offence was committed, or to which part (0 to 1). ``outside_lanes`` is a share, 0 to 1.

    ``not_observed`` names what could not be seen and is in no penalty.
    """

    offences: tuple[tuple[Offence, float], ...]
    outside_lanes: float
    not_observed: tuple[str, ...]

    def under_2_0(self) -> float:
        """Return the product of all factors, 0 to 1."""
        return math.prod(part for _, part in self.parts_2_0())

    def under_2_1(self) -> float:
        """Return (1 - w) / (1 + sum of coefficients), 0 to 1."""
        return (1.0 - self.outside_lanes) / (1.0 + math.fsum(part for _, part in self.parts_2_1()))

    def parts_2_0(self) -> tuple[tuple[str, float], ...]:
        """Return the factor of each offence that was committed, and of driving outside the lanes."""
        parts = [(_label(offence, n), _factor(offence, n)) for offence, n in self.offences if n > 0.0]
        return (*parts, *self._outside())

    def parts_2_1(self) -> tuple[tuple[str, float], ...]:
        """Return the summand of each offence that was committed; the lanes are a factor, as under 2.0."""
        return tuple((_label(offence, n), offence.coefficient_2_1 * n) for offence, n in self.offences if n > 0.0)

    def note_2_0(self) -> str:
        """Say what the score is made of, and what is not in it."""
        factors = [f"{part:.4g} {name}" for name, part in self.parts_2_0()]
        return self._note("factors", factors)

    def note_2_1(self) -> str:
        """Say what the score is made of, and what is not in it."""
        summands = [f"+{part:.4g} {name}" for name, part in self.parts_2_1()]
        return self._note("coefficients", summands + [f"x{part:.4g} {name}" for name, part in self._outside()])

    def _outside(self) -> tuple[tuple[str, float], ...]:
        return (("outside lanes", 1.0 - self.outside_lanes),) if self.outside_lanes > 0.0 else ()

    def _note(self, what: str, parts: list[str]) -> str:
        made_of = f"{what}: {', '.join(parts)}" if parts else "no penalty"
        return f"{made_of}; not observed: {', '.join(self.not_observed)}"


def _factor(offence: Offence, times: float) -> float:
    """Factor under rules 2.0; a part of an offence costs that part."""
    return offence.factor_2_0**times if times >= 1.0 else 1.0 - (1.0 - offence.factor_2_0) * times


def _label(offence: Offence, times: float) -> str:
    return offence.name if times == 1.0 else f"{times:.3g} x {offence.name}"


def penalties_of(drive: Drive) -> Penalties:
    """Collect what a drive with a collision sensor is penalised for."""
    counts = collision_counts(drive)
    offences: list[tuple[Offence, float]] = [(COLLISION_OFFENCES[kind], counts[kind]) for kind in COLLISION_OFFENCES]
    offences.append((SCENARIO_TIME_OUT, float(scenario_timed_out(drive))))
    not_observed = ["yielding to emergency vehicles"]
    if drive.surroundings_fault:
        not_observed += ["red lights", "stop signs", "driving slower than traffic"]
    else:
        offences.append((RED_LIGHT, len(red_lights.lights_run(drive))))
        offences.append((STOP_SIGN, len(stop_signs.signs_ignored(drive))))
        offences += [(TOO_SLOW, 1.0 - share / 100.0) for share in shares_by_checkpoint(drive)]
    outside = 0.0
    if road.road_fault(drive):
        not_observed.append("share outside the route's lanes")
    else:
        outside = road.share_of_distance(drive, road.outside_lanes(drive)) or 0.0
    return Penalties(tuple(offences), outside, tuple(not_observed))

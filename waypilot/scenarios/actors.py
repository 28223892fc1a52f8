"""Other road users of a scenario as people write them: what, where, when, and what it does. Degrees, as in the file."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from typing import Literal

_NAME = re.compile(r"[a-z0-9][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class When:
    """The moment at which something begins; at most one of the three, none of them means at once.

    ``ego_within_m``: the judged vehicle comes this near to the actor. ``ego_at_m``: it has passed this much of its
    route. ``after_s``: this much simulated time since the first frame.
    """

    ego_within_m: float | None = None
    ego_at_m: float | None = None
    after_s: float | None = None

    def __post_init__(self) -> None:
        given = {
            name: value
            for name in ("ego_within_m", "ego_at_m", "after_s")
            if (value := getattr(self, name)) is not None
        }
        if len(given) > 1:
            raise ValueError(f"{' and '.join(given)} are given, choose one of them")
        for name, value in given.items():
            if not value >= 0.0:
                raise ValueError(f"{name} is {value}, give a number from 0 up")


@dataclass(frozen=True, slots=True)
class OnRoute:
    """A place along the judged vehicle's route: so far from its start, so far to the left of it, turned so much left.

    ``turned_deg`` 0 faces along the route, 180 against it, 90 to the left across it.
    """

    ahead_m: float
    left_m: float = 0.0
    turned_deg: float = 0.0


@dataclass(frozen=True, slots=True)
class OnMap:
    """A place on the map; the heading is counter-clockwise from x (east)."""

    x_m: float
    y_m: float
    yaw_deg: float


@dataclass(frozen=True, slots=True)
class Brake:
    """Slow down to a stop at some moment, stand ``for_s`` seconds (None: for good), then go on."""

    when: When
    deceleration_mps2: float = 6.0
    for_s: float | None = None

    def __post_init__(self) -> None:
        _require_positive("deceleration_mps2", self.deceleration_mps2)
        if self.for_s is not None and not self.for_s >= 0.0:
            raise ValueError(f"for_s is {self.for_s}, give a number of seconds from 0 up, or leave it out")


@dataclass(frozen=True, slots=True)
class Stand:
    """Stays where it is."""

    kind: Literal["stand"] = "stand"


@dataclass(frozen=True, slots=True)
class Drive:
    """Drives beside or on the route, keeping its distance to the left of it; against it if it faces that way."""

    speed_mps: float
    brake: Brake | None = None
    acceleration_mps2: float = 3.0
    kind: Literal["drive"] = "drive"

    def __post_init__(self) -> None:
        _require_positive("speed_mps", self.speed_mps)
        _require_positive("acceleration_mps2", self.acceleration_mps2)


@dataclass(frozen=True, slots=True)
class CutIn:
    """Drives beside the route and moves over to ``to_left_m`` at some moment, within ``over_m`` of way.

    From then on it drives ``then_mps`` (None: as before).
    """

    speed_mps: float
    change: When
    then_mps: float | None = None
    to_left_m: float = 0.0
    over_m: float = 15.0
    acceleration_mps2: float = 3.0
    kind: Literal["cut_in"] = "cut_in"

    def __post_init__(self) -> None:
        for name in ("speed_mps", "over_m", "acceleration_mps2"):
            _require_positive(name, getattr(self, name))
        if self.then_mps is not None:
            _require_positive("then_mps", self.then_mps)


@dataclass(frozen=True, slots=True)
class Cross:
    """Goes straight on from its place for ``distance_m``, then stands: a crossing car, a pedestrian stepping out."""

    speed_mps: float
    distance_m: float
    acceleration_mps2: float = 3.0
    kind: Literal["cross"] = "cross"

    def __post_init__(self) -> None:
        for name in ("speed_mps", "distance_m", "acceleration_mps2"):
            _require_positive(name, getattr(self, name))


Behaviour = Stand | Drive | CutIn | Cross


@dataclass(frozen=True, slots=True)
class ActorSpec:
    """One other road user: ``type`` is a blueprint (vehicle.* or walker.*); ``when`` is when its behaviour begins."""

    name: str
    type: str
    place: OnRoute | OnMap
    behaviour: Behaviour
    when: When = field(default_factory=When)

    def __post_init__(self) -> None:
        if not _NAME.fullmatch(self.name):
            raise ValueError(f"name is {self.name!r}, use lower-case letters, digits and underscores")
        if not self.type.startswith(("vehicle.", "walker.")):
            raise ValueError(
                f"type is {self.type!r}, give a blueprint such as vehicle.audi.a2 or walker.pedestrian.0001"
            )
        follows_route = isinstance(self.behaviour, Drive | CutIn)
        if follows_route and self.is_walker:
            raise ValueError(f"behaviour is {self.behaviour.kind}, a walker can only stand or cross")
        if follows_route and not isinstance(self.place, OnRoute):
            raise ValueError(f"behaviour is {self.behaviour.kind}, it needs a place on the route: ahead_m and left_m")

    @property
    def is_walker(self) -> bool:
        """Whether it goes on foot."""
        return self.type.startswith("walker.")


@dataclass(frozen=True, slots=True)
class Traffic:
    """Vehicles that CARLA's Traffic Manager drives, spawned at the map's spawn points within reach of the start."""

    vehicles: int
    within_m: float = 200.0

    def __post_init__(self) -> None:
        if self.vehicles < 0:
            raise ValueError(f"vehicles is {self.vehicles}, give a number from 0 up")
        _require_positive("within_m", self.within_m)


@dataclass(frozen=True, slots=True)
class Lights:
    """What the traffic lights on the route show: red until the vehicle has waited so long at the line, then green."""

    red_until_waited_s: float

    def __post_init__(self) -> None:
        if not self.red_until_waited_s >= 0.0:
            raise ValueError(f"red_until_waited_s is {self.red_until_waited_s}, give a number of seconds from 0 up")


@dataclass(frozen=True, slots=True)
class Variation:
    """How far a seed moves things; every value is drawn evenly from minus to plus this. Seed 0 moves nothing.

    ``start_m`` along and ``start_left_m`` across move the judged vehicle's start, ``place_m`` moves actors along the
    route. ``share`` changes speeds, distances and times of actors, 0.1 by up to a tenth.
    """

    start_m: float = 0.0
    start_left_m: float = 0.0
    place_m: float = 0.0
    share: float = 0.0

    def __post_init__(self) -> None:
        for name, limit in (("start_m", 20.0), ("start_left_m", 1.0), ("place_m", 20.0), ("share", 0.5)):
            if not 0.0 <= getattr(self, name) <= limit:
                raise ValueError(f"{name} is {getattr(self, name)}, give a number from 0 to {limit:g}")


def _require_positive(name: str, value: float) -> None:
    if not (math.isfinite(value) and value > 0.0):
        raise ValueError(f"{name} is {value}, give a positive number")

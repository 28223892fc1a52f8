"""Other road users, and lights that turn green late, to meet on a recorded drive: what teaches a policy to brake.

Places lie along the route, so an encounter fits any town. The suites' scenarios are not among them: kinds, places,
speeds and moments are drawn, and they happen in towns that no suite drives in.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from waypilot.scenarios.actors import ActorSpec, Brake, Cross, CutIn, Drive, Lights, OnRoute, Stand, When

_VEHICLES = (
    "vehicle.audi.a2",
    "vehicle.audi.tt",
    "vehicle.lincoln.mkz_2020",
    "vehicle.mini.cooper_s",
    "vehicle.nissan.patrol",
    "vehicle.tesla.model3",
)
_WALKERS = ("walker.pedestrian.0001", "walker.pedestrian.0002", "walker.pedestrian.0003")
_LANE_M = 3.5
_LATE_GREEN_SHARE = 0.5
_Draw = Callable[[np.random.Generator], tuple[ActorSpec, ...]]


def draw_encounter(random: np.random.Generator) -> tuple[str, tuple[ActorSpec, ...]]:
    """Draw one kind of encounter; return its name and who takes part."""
    name = str(random.choice(sorted(_KINDS)))
    return name, _KINDS[name](random)


def draw_lights(random: np.random.Generator) -> Lights | None:
    """Draw whether lights are red until the vehicle has waited, and how long; None leaves them to their phases."""
    return draw_late_green(random) if random.random() < _LATE_GREEN_SHARE else None


def draw_late_green(random: np.random.Generator) -> Lights:
    """Draw how long the vehicle waits at lights that are red until it has waited."""
    return Lights(red_until_waited_s=round(float(random.uniform(0.5, 5.0)), 2))


def _lead_brakes(random: np.random.Generator) -> tuple[ActorSpec, ...]:
    brake = Brake(
        When(ego_at_m=_between(random, 15.0, 110.0)), _between(random, 3.0, 7.0), for_s=_between(random, 1.0, 5.0)
    )
    drive = Drive(_between(random, 4.0, 8.0), brake)
    return (_vehicle(random, "lead", OnRoute(_between(random, 13.0, 28.0)), drive),)


def _slow_lead(random: np.random.Generator) -> tuple[ActorSpec, ...]:
    drive = Drive(_between(random, 2.0, 6.0))
    return (_vehicle(random, "slow", OnRoute(_between(random, 13.0, 60.0)), drive),)


def _stands_for_a_while(random: np.random.Generator) -> tuple[ActorSpec, ...]:
    place, leaves = OnRoute(_between(random, 35.0, 110.0)), When(after_s=_between(random, 10.0, 24.0))
    return (_vehicle(random, "standing", place, Drive(_between(random, 5.0, 8.0)), leaves),)


def _cut_in(random: np.random.Generator) -> tuple[ActorSpec, ...]:
    change = When(ego_at_m=_between(random, 12.0, 60.0))
    behaviour = CutIn(
        _between(random, 8.5, 10.0), change, _between(random, 3.0, 6.0), over_m=_between(random, 10.0, 20.0)
    )
    return (_vehicle(random, "overtaker", OnRoute(_between(random, 5.0, 12.0), _LANE_M), behaviour),)


def _pedestrian(random: np.random.Generator) -> tuple[ActorSpec, ...]:
    side = float(random.choice([-1.0, 1.0]))
    place = OnRoute(_between(random, 35.0, 110.0), round(side * random.uniform(3.5, 5.5), 2), -90.0 * side)
    cross = Cross(_between(random, 0.9, 2.2), _between(random, 9.0, 12.0))
    return (_walker(random, "crossing", place, cross, When(ego_within_m=_between(random, 15.0, 30.0))),)


def _oncoming(random: np.random.Generator) -> tuple[ActorSpec, ...]:
    """Two vehicles in the other lane: nothing to brake for."""
    first_m = _between(random, 40.0, 80.0)
    return tuple(
        _vehicle(random, name, OnRoute(ahead_m, _LANE_M, 180.0), Drive(_between(random, 4.0, 8.0)))
        for name, ahead_m in (("first", first_m), ("second", first_m + _between(random, 10.0, 30.0)))
    )


def _beside(random: np.random.Generator) -> tuple[ActorSpec, ...]:
    """Somebody who stands in the other lane and a pedestrian at the kerb: nothing to brake for either."""
    stopped = OnRoute(_between(random, 30.0, 90.0), _LANE_M, 180.0)
    waiting = OnRoute(_between(random, 30.0, 90.0), -_between(random, 3.5, 5.0), 90.0)
    return _vehicle(random, "parked", stopped, Stand()), _walker(random, "waiting", waiting, Stand())


_KINDS: dict[str, _Draw] = {
    "beside": _beside,
    "cut_in": _cut_in,
    "lead_brakes": _lead_brakes,
    "oncoming": _oncoming,
    "pedestrian": _pedestrian,
    "slow_lead": _slow_lead,
    "stands_for_a_while": _stands_for_a_while,
}


def _vehicle(
    random: np.random.Generator, name: str, place: OnRoute, behaviour: Drive | CutIn | Stand, when: When | None = None
) -> ActorSpec:
    return ActorSpec(name, str(random.choice(_VEHICLES)), place, behaviour, when or When())


def _walker(
    random: np.random.Generator, name: str, place: OnRoute, behaviour: Cross | Stand, when: When | None = None
) -> ActorSpec:
    return ActorSpec(name, str(random.choice(_WALKERS)), place, behaviour, when or When())


def _between(random: np.random.Generator, low: float, high: float) -> float:
    return round(float(random.uniform(low, high)), 2)

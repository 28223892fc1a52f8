"""What a seed changes about a scenario: bounded, drawn from scenario, seed and name alone, the same everywhere."""

from __future__ import annotations

import dataclasses
import random

from waypilot.geometry import SE2
from waypilot.scenarios.actors import ActorSpec, Behaviour, Brake, CutIn, Drive, OnRoute, Stand, When
from waypilot.scenarios.scenario import Scenario


def vary(scenario: Scenario, seed: int) -> Scenario:
    """Return the scenario as it is driven with this seed; seed 0 is the scenario as it is written."""
    if seed == 0:
        return scenario
    bounds = scenario.variation
    draw = _Draw(f"{scenario.name}/{seed}/start")
    shift = SE2(draw.within(bounds.start_m), draw.within(bounds.start_left_m), 0.0)
    return dataclasses.replace(
        scenario,
        start_pose=scenario.start_pose.compose(shift),
        actors=tuple(_vary_actor(actor, scenario, seed) for actor in scenario.actors),
    )


class _Draw:
    """Even draws; a text as seed gives the same numbers on every machine and Python."""

    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed)

    def within(self, bound: float) -> float:
        return self._random.uniform(-bound, bound)

    def scaled(self, value: float, share: float) -> float:
        return value * (1.0 + self.within(share))


def _vary_actor(actor: ActorSpec, scenario: Scenario, seed: int) -> ActorSpec:
    draw, bounds = _Draw(f"{scenario.name}/{seed}/{actor.name}"), scenario.variation
    ahead_m = draw.within(bounds.place_m)
    place = actor.place
    if isinstance(place, OnRoute):
        place = dataclasses.replace(place, ahead_m=place.ahead_m + ahead_m)
    when = _vary_when(actor.when, draw, bounds.share)
    return dataclasses.replace(
        actor, place=place, when=when, behaviour=_vary_behaviour(actor.behaviour, draw, bounds.share)
    )


def _vary_behaviour(behaviour: Behaviour, draw: _Draw, share: float) -> Behaviour:
    if isinstance(behaviour, Stand):
        return behaviour
    speed_mps = draw.scaled(behaviour.speed_mps, share)
    if isinstance(behaviour, CutIn):
        return dataclasses.replace(behaviour, speed_mps=speed_mps, change=_vary_when(behaviour.change, draw, share))
    if isinstance(behaviour, Drive) and behaviour.brake is not None:
        brake: Brake = dataclasses.replace(behaviour.brake, when=_vary_when(behaviour.brake.when, draw, share))
        return dataclasses.replace(behaviour, speed_mps=speed_mps, brake=brake)
    return dataclasses.replace(behaviour, speed_mps=speed_mps)


def _vary_when(when: When, draw: _Draw, share: float) -> When:
    factor = 1.0 + draw.within(share)
    return When(
        ego_within_m=None if when.ego_within_m is None else when.ego_within_m * factor,
        ego_at_m=None if when.ego_at_m is None else when.ego_at_m * factor,
        after_s=None if when.after_s is None else when.after_s * factor,
    )

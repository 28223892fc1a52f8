"""What all sensors have in common: how they are asked, and how their attributes are read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np

from carla_lite.engine import Actor, World
from carla_lite.render import Helper
from carla_lite.wire.actor_records import ActorRecords
from carla_lite.wire.errors import CallError
from carla_lite.wire.towns import TownViews

Payload = list[bytes | memoryview]


class Drawing(Protocol):
    """The rest of a measurement that takes long: it needs the world no more and may be called in another thread."""

    def __call__(self, helper: Helper | None = None) -> Payload:
        """Return the payload; a helper may do part of the work."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What a sensor measures in: the world, how it looks (made when needed), and how actors are written."""

    world: World
    views: Callable[[], TownViews]
    records: ActorRecords


class Sensor(Protocol):
    """One kind of measurement of one sensor actor; raises CallError on construction for impossible attributes."""

    type_number: int
    needs_rendering: bool

    def measure(self, elapsed_s: float) -> Payload | Drawing | None:
        """Return the payload of the present frame (without the 48-byte header), or None when there is no event.

        What takes long is returned as a ``Drawing`` of the payload.
        ``elapsed_s`` is the time that the measurement covers: the last step, or the sensor's own period.
        """


def number(actor: Actor, name: str, low: float, high: float) -> float:
    """Return the value of a numeric attribute; raises CallError when it is not in [low, high]."""
    value = float(actor.attributes[name])
    if not low <= value <= high:
        raise CallError(f"attribute '{name}' is {value:g}, expected a number in [{low:g}, {high:g}]")
    return value


def whole(actor: Actor, name: str, low: int, high: int) -> int:
    """Return the value of an integer attribute; raises CallError when it is not in [low, high]."""
    value = int(actor.attributes[name])
    if not low <= value <= high:
        raise CallError(f"attribute '{name}' is {value}, expected a whole number in [{low}, {high}]")
    return value


def noise_source(actor: Actor, world: World) -> np.random.Generator:
    """Return a sensor's own random numbers: the same for the same world seed, ``noise_seed`` and order of spawning."""
    # An id itself depends on what was loaded before. Sensors of a recording may have ids below the spectator's.
    place = (actor.id - world.spectator.id) % 2**32
    return np.random.default_rng([world.seed, abs(int(actor.attributes.get("noise_seed", "0"))), place])

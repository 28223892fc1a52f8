"""Friction triggers: boxes in which the road has another friction, such as ice."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from carla_lite.engine import body as b
from carla_lite.engine.actors import Actor, Vehicle
from carla_lite.engine.catalog import ActorClass
from carla_lite.engine.contacts import penetration

DEFAULT_TIRE_FRICTION = 3.5
"""CARLA's figure for the tyres of a vehicle that nobody changed; here they hold 1 g."""
_CM_PER_M = 100.0


class FrictionTriggers:
    """The ``static.trigger.friction`` actors of a world; the latest one that a vehicle touches counts."""

    def __init__(self) -> None:
        self._triggers: dict[int, Actor] = {}
        self._affected: set[int] = set()

    def add(self, actor: Actor) -> None:
        """Take up a new actor if it is a trigger; raises ValueError for sizes or a friction that are negative."""
        if actor.actor_class is not ActorClass.TRIGGER:
            return
        for name in ("friction", "extent_x", "extent_y", "extent_z"):
            if float(actor.attributes[name]) < 0.0:
                raise ValueError(f"attribute '{name}' is {actor.attributes[name]}, expected no negative number")
        self._triggers[actor.id] = actor

    def remove(self, actor_id: int) -> None:
        """Forget a destroyed actor."""
        self._triggers.pop(actor_id, None)

    def apply(self, vehicles: Iterable[Vehicle]) -> None:
        """Give vehicles the friction of where they are, and their own again once they have left."""
        if not self._triggers and not self._affected:
            return
        affected = set()
        for vehicle in vehicles:
            touched = [trigger for trigger in self._triggers.values() if _touches(vehicle, trigger)]
            grip = vehicle.own_grip
            if touched and vehicle.has_gravity:
                affected.add(vehicle.id)
                grip = float(touched[-1].attributes["friction"]) / DEFAULT_TIRE_FRICTION
            vehicle.body[b.GRIP] = grip
        self._affected = affected


def _touches(vehicle: Vehicle, trigger: Actor) -> bool:
    """Tell whether a vehicle's bounding box reaches into a trigger, whose extents are half sizes in centimetres."""
    x_m, y_m, z_m = (float(trigger.attributes[f"extent_{axis}"]) / _CM_PER_M for axis in "xyz")
    place = trigger.pose
    _, _, half_height_m = vehicle.half_extent_m
    if abs(vehicle.pose.z_m + half_height_m - place.z_m) > z_m + half_height_m:
        return False
    row = vehicle.body
    own = np.array([row[b.YAW], row[b.HALF_X], row[b.HALF_Y]])
    zone = np.array([place.planar.yaw_rad, x_m, y_m])
    return bool(penetration(place.x_m - row[b.X], place.y_m - row[b.Y], own, zone)[0] > 0.0)

"""Pays for compiling before clients are welcome, so that no first step or first image is late."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from carla_lite import render
from carla_lite.engine import Catalog, Vehicle, VehicleControl, World
from carla_lite.engine.body import SIZE
from carla_lite.engine.tyres import tyres_of
from carla_lite.engine.zones import first_zones, zone_rows
from carla_lite.maps import TownMap
from carla_lite.wire.towns import TownLibrary
from waypilot.geometry import Pose

_TYPES = ("vehicle.tesla.model3", "walker.pedestrian.0001", "static.prop.barrel")
_SPACING_M = 1.0


def warm_up(town: TownMap, towns: TownLibrary) -> None:
    """Compile, or load from numba's cache, physics and renderer; make the renderer of ``town``."""
    for step in warm_up_steps(town, towns).values():
        step()


def warm_up_steps(town: TownMap, towns: TownLibrary) -> dict[str, Callable[[], object]]:
    """Return the parts of ``warm_up`` in order, by what they are for."""
    return {
        **render.warm_up_steps(),
        f"ground of {town.name}": lambda: towns.views(town).renderer,
        "physics": lambda: _warm_up_engine(town),
    }


def _warm_up_engine(town: TownMap) -> None:
    """Let one actor of each kind live through a few steps, close enough to meet."""
    world = World(town, Catalog.default())
    x0, y0, _, _ = town.scene.bounds_m
    for number, type_id in enumerate(_TYPES):
        half_length = world.catalog.find("vehicle.tesla.model3").half_extent_m[0] if number else 0.0
        actor = world.spawn(type_id, {}, Pose.from_xyz_rpy(x0 + half_length + number * _SPACING_M, y0, 0.0))
        if isinstance(actor, Vehicle):
            actor.apply_control(VehicleControl(throttle=1.0))
            tyres_of(actor)
    for _ in range(3):
        world.step(0.05)
    town.surface_at(x0, y0)
    first_zones(np.empty((0, SIZE)), zone_rows([]), 0.05)  # the first town may have no signals, a later one will

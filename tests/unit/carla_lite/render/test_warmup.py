"""After the warm-up nothing is left to compile, whatever is drawn."""

from __future__ import annotations

import importlib
import pkgutil

import numpy as np
from numba.core.registry import CPUDispatcher
from tiny_town import WEATHERS, driver_camera, make_scene, make_town

from carla_lite import render
from carla_lite.render import Perception, Renderer, Sight, warm_up
from carla_lite.scene import DynamicScene, StaticScene, Weather


def compiled_versions() -> dict[str, int]:
    """Return how many versions there are of every kernel; helpers that are compiled into others have none."""
    modules = [
        importlib.import_module(f"{render.__name__}.{module.name}") for module in pkgutil.iter_modules(render.__path__)
    ]
    return {
        f"{module.__name__}.{name}": len(value.signatures)
        for module in modules
        for name, value in vars(module).items()
        if isinstance(value, CPUDispatcher) and value.targetoptions.get("inline") != "always"
    }


def test_warm_up_is_enough():
    warm_up()
    before = compiled_versions()
    # One version at most; none of a kernel that came with its callers from the disk cache.
    assert set(before.values()) <= {0, 1}
    assert sum(before.values()) >= 8
    town = Renderer(make_town())
    for name in WEATHERS:
        town.rgb(driver_camera(), make_scene(name))
        town.rgb(driver_camera(roll_rad=0.1, pitch_rad=0.2), make_scene(name))
    whole_numbers = Weather(cloudiness=50, precipitation=20, fog_density=30, fog_distance=4, sun_altitude_angle=-5)
    town.rgb(driver_camera(), DynamicScene(np.int64(3), 0.0, whole_numbers))
    Renderer(StaticScene((0, 0, 10, 10), (), ())).rgb(driver_camera(), DynamicScene(0, 0.0, Weather()))
    for scene, actors in ((make_town(), make_scene()), (StaticScene((0, 0, 10, 10), (), ()), make_scene(cars=0))):
        perception = Perception(scene)
        perception.depth(driver_camera(roll_rad=0.1), actors)
        perception.labels(driver_camera(), actors, with_ids=True)
        perception.normals(driver_camera(pitch_rad=0.2), actors)
        perception.flow(Sight(driver_camera(yaw_rad=0.2), actors), Sight(driver_camera(), make_scene(cars=2)))
        perception.cast((0, 0, 1), np.array([[1, 0, 0], [0, 0, -1]]), 50, actors)
    assert compiled_versions() == before

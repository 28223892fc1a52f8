"""Pays for compiling the kernels before the first frame is due."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from carla_lite.render.motion import Sight
from carla_lite.render.perception import Perception
from carla_lite.render.renderer import Renderer
from carla_lite.scene import (
    Box,
    Camera,
    DynamicScene,
    GroundPolygon,
    Lamp,
    SceneActor,
    Shape,
    StaticScene,
    Surface,
    Weather,
)
from waypilot.geometry import Pose


def warm_up() -> None:
    """Compile every kernel, or load it from numba's cache, by drawing a tiny scene.

    The cache lies beside the sources or in ``NUMBA_CACHE_DIR``; the first start on a machine takes many seconds,
    later ones about a second.
    """
    for step in warm_up_steps().values():
        step()


def warm_up_steps() -> dict[str, Callable[[], object]]:
    """Return the parts of ``warm_up`` in order, by what their kernels make."""
    square = np.array([[-4.0, -4.0], [4.0, -4.0], [4.0, 4.0], [-4.0, 4.0]])
    scene = StaticScene(
        bounds_m=(-8.0, -8.0, 8.0, 8.0),
        ground=(GroundPolygon(Surface.ROAD, square),),
        boxes=(
            Box(Shape.BUILDING, (6.0, 0.0, 2.0), (1.0, 1.0, 2.0), 0.0, (150, 120, 100)),
            Box(Shape.TRAFFIC_LIGHT, (5.0, -2.0, 3.0), (0.2, 0.2, 0.6), math.pi, (20, 20, 20)),
        ),
    )
    actor = SceneActor(1, Shape.CAR, Pose.from_xyz_rpy(4.0, 0.0, 0.0), (2.0, 1.0, 0.8), (200, 30, 30), True)
    camera = Camera(16, 12, math.radians(90.0), Pose.from_xyz_rpy(-4.0, 0.0, 1.5))
    weather = Weather(precipitation=50.0, sun_altitude_angle=-20.0)
    dynamic = DynamicScene(0, 0.0, weather, (actor,), (Lamp.GREEN,))
    perception = Perception(scene)
    return {
        "colour pictures": lambda: Renderer(scene).rgb(camera, dynamic),
        "depth": lambda: perception.depth(camera, dynamic),
        "labels": lambda: perception.labels(camera, dynamic),
        "normals": lambda: perception.normals(camera, dynamic),
        "optical flow": lambda: perception.flow(Sight(camera, dynamic), Sight(camera, dynamic)),
        "rays": lambda: perception.cast((-4.0, 0.0, 1.5), np.array([[1.0, 0.0, 0.0]]), 10.0, dynamic),
    }

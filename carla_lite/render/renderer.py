"""The camera: draws what a pinhole sees of a town, its actors and its weather, on the CPU, without a graphics stack.

One frame: objects front to back into a 1/z buffer, the sky where nothing stands, the ground where nothing stands
(wet ground mirrors what was drawn before), then shadows and lamp light on the ground, glow and rain.
"""

from __future__ import annotations

import threading
from functools import lru_cache
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from carla_lite.render._background import draw_background
from carla_lite.render._effects import draw_lamp_glow, draw_rain, draw_signal_glow
from carla_lite.render._objects import draw_decals, draw_instances, find_visible
from carla_lite.render._polygon import SCRATCH_SHAPE
from carla_lite.render.atmosphere import Light, make_light
from carla_lite.render.ground import build_ground
from carla_lite.render.instances import Instances, instances_from_actors, instances_from_boxes
from carla_lite.render.meshes import build_meshes
from carla_lite.render.sky import paint_sky
from carla_lite.render.view import make_view
from carla_lite.scene import Camera, DynamicScene, Shape, StaticScene, Weather

BgraImage = NDArray[np.uint8]
# Training draws many drives in turn, each in its own weather. A sky takes 0.8 MB, painting it some 10 ms.
_KEPT_SKIES = 64


class _Buffers(NamedTuple):
    inverse_depth: NDArray[np.float32]
    scratch: NDArray[np.float64]


class Renderer:
    """Draws one town. Frames may be drawn from several threads at once: the kernels release the GIL.

    Equal inputs give equal bytes, whatever was drawn before. The ground texture is built once and takes up to
    256 MB (``ground.MAX_TEXELS``).
    """

    def __init__(self, scene: StaticScene) -> None:
        """Build the ground texture and place the boxes.

        Raises:
            ValueError: The scene has empty bounds, a degenerate polygon or a degenerate box.
        """
        self._ground = build_ground(scene)
        self._boxes = instances_from_boxes(scene.boxes)
        self._light_boxes = np.flatnonzero(self._boxes.shape == Shape.TRAFFIC_LIGHT)
        self._meshes = build_meshes()
        self._local = threading.local()

    def rgb(self, camera: Camera, dynamic: DynamicScene, out: BgraImage | None = None) -> BgraImage:
        """Draw a colour image: (H, W, 4) uint8, channels blue, green, red, alpha 255, as CARLA sends it.

        Args:
            camera: Image size, field of view and pose in map.
            dynamic: Weather and actors; an actor that carries the camera should be left out.
            out: Where to draw; a C-contiguous array of the camera's size. A new one by default.

        Raises:
            ValueError: The camera, an actor, the weather or ``out`` cannot be used.
        """
        view = make_view(camera)
        image = _checked_output(camera, out)
        light, panorama = _sky_and_light(dynamic.weather)
        actors = instances_from_actors(dynamic.actors)
        boxes = self._lit_boxes(dynamic.lamps)
        buffers = self._buffers(camera.height_px, camera.width_px)
        canvas = image.view(np.uint32).reshape(camera.height_px, camera.width_px)
        inverse_depth, scratch = buffers
        inverse_depth[:] = 0.0
        boxes_seen = _visible(view, light, canvas, boxes)
        actors_seen = _visible(view, light, canvas, actors)
        for instances, seen in ((actors, actors_seen), (boxes, boxes_seen)):
            draw_instances(canvas, inverse_depth, view, light, scratch, self._meshes, instances, *seen)
        for sky_pass in (True, False):
            draw_background(canvas, inverse_depth, view, light, panorama, self._ground, sky_pass)
        for instances, seen in ((actors, actors_seen), (boxes, boxes_seen)):
            draw_decals(canvas, inverse_depth, view, light, scratch, instances, *seen)
        draw_lamp_glow(canvas, inverse_depth, view, light, actors, *actors_seen[1:])
        if len(self._light_boxes):
            draw_signal_glow(canvas, inverse_depth, view, light, boxes, *boxes_seen[1:])
        if light.rain > 0.0:
            draw_rain(canvas, light, dynamic.frame)
        return image

    def _lit_boxes(self, lamps: tuple[int, ...]) -> Instances:
        """Return the town's boxes with the traffic lights switched; without ``lamps`` all are off."""
        if not lamps:
            return self._boxes
        if len(lamps) != len(self._light_boxes):
            raise ValueError(f"{len(lamps)} lamps are given, the town has {len(self._light_boxes)} traffic lights")
        shown = self._boxes.braking.copy()
        shown[self._light_boxes] = lamps
        return self._boxes._replace(braking=shown)

    def _buffers(self, height_px: int, width_px: int) -> _Buffers:
        """Return this thread's buffers for an image size."""
        by_size: dict[tuple[int, int], _Buffers] = self._local.__dict__.setdefault("by_size", {})
        key = (height_px, width_px)
        if key not in by_size:
            by_size[key] = _Buffers(np.empty(key, np.float32), np.empty(SCRATCH_SHAPE))
        return by_size[key]


def _visible(
    view: object, light: Light, canvas: NDArray[np.uint32], instances: Instances
) -> tuple[NDArray[np.float64], NDArray[np.int64], int]:
    total = len(instances.shape)
    depth_m, order = np.empty(total), np.empty(total, np.int64)
    height, width = canvas.shape
    return depth_m, order, find_visible(view, light, width, height, instances.frames, depth_m, order)


@lru_cache(maxsize=_KEPT_SKIES)
def _sky_and_light(weather: Weather) -> tuple[Light, NDArray[np.uint32]]:
    light, look = make_light(weather)
    return light, paint_sky(look, light)


def _checked_output(camera: Camera, out: BgraImage | None) -> BgraImage:
    shape = (camera.height_px, camera.width_px, 4)
    if out is None:
        return np.empty(shape, np.uint8)
    if out.shape != shape or out.dtype != np.uint8 or not out.flags.c_contiguous or not out.flags.writeable:
        raise ValueError(
            f"output has shape {out.shape}, type {out.dtype}; expected a writeable C-contiguous uint8 array {shape}"
        )
    return out

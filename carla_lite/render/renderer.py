"""The camera: draws what a pinhole sees of a town, its actors and its weather, on the CPU, without a graphics stack.

One frame: objects front to back into a 1/z buffer, the sky where nothing stands, the ground where nothing stands
(wet ground mirrors what was drawn before), then shadows and lamp light on the ground, glow and rain.
"""

from __future__ import annotations

import threading
from functools import lru_cache, partial

import numpy as np
from numpy.typing import NDArray

from carla_lite.render._picture import draw_effects, draw_rows, find_seen
from carla_lite.render.atmosphere import Light, make_light
from carla_lite.render.ground import build_ground
from carla_lite.render.helper import Helper
from carla_lite.render.instances import Instances, instances_from_actors, instances_from_boxes
from carla_lite.render.meshes import build_meshes
from carla_lite.render.sky import paint_sky
from carla_lite.render.view import make_view
from carla_lite.scene import Camera, DynamicScene, Shape, StaticScene, Weather

BgraImage = NDArray[np.uint8]
# Training draws many drives in turn, each in its own weather. A sky takes 0.8 MB, painting it some 10 ms.
_KEPT_SKIES = 64
# Of a picture of 57,600 pixels the helper saves about a tenth: a smaller one is not worth waking it.
_SHARED_FROM_PX = 50_000
# The caller begins at once, the helper a moment later: measured with 0.5, 0.6 and 0.7.
_OWN_ROWS = 0.6


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

    def rgb(
        self, camera: Camera, dynamic: DynamicScene, out: BgraImage | None = None, helper: Helper | None = None
    ) -> BgraImage:
        """Draw a colour image: (H, W, 4) uint8, channels blue, green, red, alpha 255, as CARLA sends it.

        Args:
            camera: Image size, field of view and pose in map.
            dynamic: Weather and actors; an actor that carries the camera should be left out.
            out: Where to draw; a C-contiguous array of the camera's size. A new one by default.
            helper: Draws some of the rows beside the caller; the picture is the same without.

        Raises:
            ValueError: The camera, an actor, the weather or ``out`` cannot be used.
        """
        view = make_view(camera)
        image = _checked_output(camera, out)
        light, panorama = _sky_and_light(dynamic.weather)
        actors = instances_from_actors(dynamic.actors)
        boxes = self._lit_boxes(dynamic.lamps)
        canvas = image.view(np.uint32).reshape(camera.height_px, camera.width_px)
        inverse_depth = self._inverse_depth(camera.height_px, camera.width_px)
        seen = (
            find_seen(view, light, camera.width_px, camera.height_px, actors),
            find_seen(view, light, camera.width_px, camera.height_px, boxes),
        )

        def draw(first_row: int, end_row: int) -> None:
            rows, ground, meshes = (first_row, end_row), self._ground, self._meshes
            draw_rows(canvas, inverse_depth, rows, view, light, meshes, panorama, ground, actors, boxes, seen)

        height = camera.height_px
        # Wet ground mirrors rows that must be finished.
        if helper is None or light.wet > 0.0 or height * camera.width_px < _SHARED_FROM_PX:
            draw(0, height)
        else:
            middle = int(_OWN_ROWS * height)
            helper.share(partial(draw, 0, middle), partial(draw, middle, height))
        draw_effects(canvas, inverse_depth, view, light, actors, boxes, seen, dynamic.frame)
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

    def _inverse_depth(self, height_px: int, width_px: int) -> NDArray[np.float32]:
        """Return this thread's buffer for an image size."""
        by_size: dict[tuple[int, int], NDArray[np.float32]] = self._local.__dict__.setdefault("by_size", {})
        key = (height_px, width_px)
        if key not in by_size:
            by_size[key] = np.empty(key, np.float32)
        return by_size[key]


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

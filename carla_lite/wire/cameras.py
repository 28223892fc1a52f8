"""Cameras: what a pinhole sees, as colour, depth, normals or labels, in CARLA's BGRA images."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from functools import partial
from typing import Any

from carla_lite.engine import Actor, World
from carla_lite.render import Helper
from carla_lite.scene import Camera, DynamicScene
from carla_lite.wire.errors import CallError
from carla_lite.wire.palette import in_city_colors
from carla_lite.wire.sensors import Drawing, Surroundings
from carla_lite.wire.towns import TownViews

MAX_IMAGE_PX = 4096
OWN_BODY_MARGIN_M = 1.0
"""A camera nearer than this to the body that carries it does not see it; a chase camera, farther away, does."""
_IMAGE_HEADER = struct.Struct("<IIf")

Draw = Callable[[TownViews, Camera, DynamicScene, Helper | None], Any]


def _color(views: TownViews, camera: Camera, scene: DynamicScene, helper: Helper | None) -> Any:
    return views.renderer.rgb(camera, scene, helper=helper)


def _depth(views: TownViews, camera: Camera, scene: DynamicScene, _: Helper | None) -> Any:
    return views.perception.depth(camera, scene)


def _normals(views: TownViews, camera: Camera, scene: DynamicScene, _: Helper | None) -> Any:
    return views.perception.normals(camera, scene)


def _labels(views: TownViews, camera: Camera, scene: DynamicScene, _: Helper | None) -> Any:
    return views.perception.labels(camera, scene)


def _instances(views: TownViews, camera: Camera, scene: DynamicScene, _: Helper | None) -> Any:
    return views.perception.labels(camera, scene, with_ids=True)


def _cosmos(views: TownViews, camera: Camera, scene: DynamicScene, _: Helper | None) -> Any:
    return in_city_colors(views.perception.labels(camera, scene))


CAMERAS: dict[str, tuple[int, Draw]] = {
    "sensor.camera.rgb": (13, _color),
    "sensor.camera.depth": (1, _depth),
    "sensor.camera.normals": (2, _normals),
    "sensor.camera.semantic_segmentation": (14, _labels),
    "sensor.camera.instance_segmentation": (15, _instances),
    "sensor.camera.cosmos_visualization": (16, _cosmos),
}
"""CARLA's number of each kind of camera, and what draws for it."""


class PinholeCamera:
    """What all cameras have in common. The actor that carries one is left out unless seen from afar."""

    needs_rendering = True

    def __init__(self, actor: Actor, surroundings: Surroundings) -> None:
        self._actor = actor
        self._surroundings = surroundings
        self._width_px = _image_side(actor, "image_size_x")
        self._height_px = _image_side(actor, "image_size_y")
        self._fov_deg = float(actor.attributes["fov"])
        if not 1.0 <= self._fov_deg <= 170.0:
            raise CallError(f"attribute 'fov' is {self._fov_deg:g}, expected degrees in [1, 170]")
        self._header = _IMAGE_HEADER.pack(self._width_px, self._height_px, self._fov_deg)

    @property
    def pixels(self) -> int:
        """Number of pixels of an image."""
        return self._width_px * self._height_px

    def _look(self) -> tuple[Camera, DynamicScene]:
        """Return where the camera is now, and what there is to see."""
        camera = Camera(self._width_px, self._height_px, math.radians(self._fov_deg), self._actor.pose)
        return camera, self._surroundings.world.scene(_hidden_from(self._actor, self._surroundings.world))


class ImageCamera(PinholeCamera):
    """A camera of any kind in ``CAMERAS``."""

    def __init__(self, actor: Actor, surroundings: Surroundings) -> None:
        super().__init__(actor, surroundings)
        self.type_number, self._draw = CAMERAS[actor.type_id]

    def measure(self, elapsed_s: float) -> Drawing:
        """Take in the present frame; returns what draws it."""
        draw = partial(self._draw, self._surroundings.views(), *self._look())
        return lambda helper=None: [self._header, draw(helper).data.cast("B")]


def _hidden_from(actor: Actor, world: World) -> frozenset[int]:
    """Return the id of the body that carries a camera if it would fill the picture."""
    parent = world.actors.get(actor.parent_id or 0)
    if parent is None:
        return frozenset()
    x, y, z = parent.pose.orientation.conjugate().rotate(
        (
            actor.pose.x_m - parent.pose.x_m,
            actor.pose.y_m - parent.pose.y_m,
            actor.pose.z_m - parent.pose.z_m,
        )
    )
    sides = zip((x, y, z), parent.box_center_m, parent.half_extent_m, strict=True)
    near = all(abs(at - center) <= half + OWN_BODY_MARGIN_M for at, center, half in sides)
    return frozenset({parent.id}) if near else frozenset()


def _image_side(actor: Actor, name: str) -> int:
    side = int(actor.attributes[name])
    if not 1 <= side <= MAX_IMAGE_PX:
        raise CallError(f"attribute '{name}' is {side}, expected pixels in [1, {MAX_IMAGE_PX}]")
    return side

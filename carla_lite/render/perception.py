"""What sensors other than the colour camera see of a town: depth, labels, normals, and what rays and spheres meet.

They see the same meshes on the same ground as the colour camera, in any weather.
"""

from __future__ import annotations

import threading
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from carla_lite.labels import LABEL_OF_SHAPE, Label, surface_label_table
from carla_lite.render._flow import encode_flow
from carla_lite.render._marks import GROUND, SKY, encode_depth, encode_labels, mark_ground, mark_instances
from carla_lite.render._normals import encode_normals
from carla_lite.render._objects import find_visible
from carla_lite.render._polygon import SCRATCH_SHAPE
from carla_lite.render._rays import cast_rays
from carla_lite.render.atmosphere import make_light
from carla_lite.render.ground import SurfaceRaster, build_surfaces
from carla_lite.render.instances import Instances, instances_from_actors, instances_from_boxes
from carla_lite.render.meshes import TRUNK_SHARE, build_meshes
from carla_lite.render.motion import Sight, motions_between
from carla_lite.render.sweeping import first_touch
from carla_lite.render.view import View, make_view
from carla_lite.scene import Camera, DynamicScene, Shape, StaticScene, Weather
from waypilot.geometry import FloatArray, Vector3

BgraImage = NDArray[np.uint8]
DEPTH_FAR_M = 1000.0
"""CARLA's depth code ends here; whatever is farther, the sky too, has this depth."""
STATIC_ID_TOP = 0xFFFF
"""The id of the town's first object in instance segmentation; ids go down from here, those of actors up from 1."""
_SURFACE_LABELS = surface_label_table()


class Hits(NamedTuple):
    """What N rays met: ``distance_m`` (inf: nothing), ``label``, ``actor_id`` (0: no actor), cosine of incidence."""

    distance_m: FloatArray
    label: NDArray[np.uint32]
    actor_id: NDArray[np.uint32]
    cosine: FloatArray


class Meeting(NamedTuple):
    """What a sphere met first: an actor's id (0: none), else the number of a box; how far the sphere came."""

    actor_id: int
    box: int
    distance_m: float


class _Seen(NamedTuple):
    numbers: NDArray[np.int64]
    inverse_depth: NDArray[np.float32]
    view: View
    boxes: int


class Perception:
    """Measures in one town. Equal inputs give equal results; several threads may measure at once."""

    def __init__(self, scene: StaticScene) -> None:
        """Place the boxes of a town.

        Raises:
            ValueError: A box is degenerate.
        """
        self._scene = scene
        self._boxes = instances_from_boxes(scene.boxes)
        self._box_labels = np.array([LABEL_OF_SHAPE[box.shape] for box in scene.boxes], np.uint32)
        self._hard_frames = _trunks_only(self._boxes)
        self._meshes = build_meshes()
        self._clear = make_light(Weather())[0]._replace(fog_per_m=0.0)
        self._lock = threading.Lock()

    @cached_property
    def _surfaces(self) -> SurfaceRaster:
        """The raster of ground classes, up to 48 MB: made when a sensor first needs it."""
        return build_surfaces(self._scene)

    def depth(self, camera: Camera, dynamic: DynamicScene) -> BgraImage:
        """Return CARLA's depth image (H, W, 4): distance along the optical axis in 24 bits, R + 256 G + 65536 B.

        The full code, 2^24 - 1, is ``DEPTH_FAR_M``. Raises ValueError for an impossible camera or actor.
        """
        seen = self._look(camera, dynamic)
        image, canvas = _new_image(camera)
        encode_depth(canvas, seen.inverse_depth, DEPTH_FAR_M)
        return image

    def labels(self, camera: Camera, dynamic: DynamicScene, with_ids: bool = False) -> BgraImage:
        """Return CARLA's segmentation image (H, W, 4): label in red and, ``with_ids``, the object in green and blue.

        The object's id is G + 256 B: an actor's own (its low 16 bits), ``STATIC_ID_TOP`` - n for the town's n-th
        object, 0 for ground and sky. Raises ValueError for an impossible camera or actor.
        """
        seen = self._look(camera, dynamic)
        labels, ids = self._identities(dynamic)
        ids = ids.astype(np.int64)
        ids[: seen.boxes] = STATIC_ID_TOP - np.arange(seen.boxes)
        if not with_ids:
            ids[:] = 0
        image, canvas = _new_image(camera)
        surfaces, sky = self._raster(), int(Label.SKY)
        encode_labels(
            canvas,
            seen.numbers,
            seen.inverse_depth,
            seen.view,
            surfaces,
            _SURFACE_LABELS,
            sky,
            labels.astype(np.int64),
            ids,
        )
        return image

    def normals(self, camera: Camera, dynamic: DynamicScene) -> BgraImage:
        """Return CARLA's image of surface normals (H, W, 4): red, green, blue are (n + 1) / 2 * 255 of a unit vector.

        The vector's x, y, z are in CARLA's world axes (forward, right, up of the map, not of the camera); the sky's is
        zero. Raises ValueError for an impossible camera or actor.
        """
        parts = len(self._meshes.material) + len(self._meshes.balls)
        seen = self._look(camera, dynamic, parts)
        frames = np.concatenate([self._boxes.frames, instances_from_actors(dynamic.actors).frames])
        image, canvas = _new_image(camera)
        encode_normals(canvas, seen.numbers, seen.view, np.empty(SCRATCH_SHAPE), self._meshes, frames)
        return image

    def flow(self, now: Sight, then: Sight | None) -> NDArray[np.float32]:
        """Return CARLA's optical flow (H, W, 2): how far what each pixel shows has moved since ``then``.

        x is to the right in half widths, y up in half heights, each in [-2, 2]; without ``then``, and where nothing
        moved, exactly zero. What the picture of ``then`` had outside of its edges or behind other things counts too.
        Raises ValueError for an impossible camera or actor.
        """
        flow = np.zeros((now.camera.height_px, now.camera.width_px, 2), np.float32)
        if then is not None:
            seen = self._look(now.camera, now.dynamic)
            motions = motions_between(now, then)
            encode_flow(flow, seen.numbers, seen.inverse_depth, seen.view, seen.boxes, motions)
        return flow

    def cast(self, origin: Vector3, directions: FloatArray, reach_m: float, dynamic: DynamicScene) -> Hits:
        """Follow unit rays (N, 3), map axes, from one place to the first surface that faces them.

        A ray that starts inside an object leaves it unhindered. Raises ValueError for an impossible actor.
        """
        count = len(directions)
        numbers, distance, cosine = np.empty(count, np.int64), np.empty(count), np.empty(count)
        instances = _joined(self._boxes, instances_from_actors(dynamic.actors))
        rays = np.ascontiguousarray(directions, np.float64)
        cast_rays(
            np.array(origin, np.float64), rays, float(reach_m), self._meshes, instances, (numbers, distance, cosine)
        )
        labels, ids = self._identities(dynamic)
        # Two more entries, so that SKY and GROUND find theirs at the end.
        label = np.append(labels, [0, 0]).astype(np.uint32)[numbers]
        on_ground = np.flatnonzero(numbers == GROUND)
        at = np.array(origin[:2]) + distance[on_ground, None] * rays[on_ground, :2]
        label[on_ground] = _SURFACE_LABELS[self._classes_at(at)]
        return Hits(distance, label, np.append(ids, [0, 0]).astype(np.uint32)[numbers], cosine)

    def sweep(
        self,
        start: Vector3,
        direction: Vector3,
        length_m: float,
        radius_m: float,
        dynamic: DynamicScene,
        with_town: bool,
    ) -> Meeting | None:
        """Send a sphere along a unit direction and return what it touches first, if anything; the ground is no object.

        Objects are their bounding boxes, of a tree only the trunk. ``with_town`` says whether the town's own count.
        """
        actors = instances_from_actors(dynamic.actors)
        town = self._hard_frames if with_town else self._hard_frames[:0]
        met = first_touch(np.concatenate([town, actors.frames]), start, direction, length_m, radius_m)
        if met is None:
            return None
        number, distance_m = met
        if number < len(town):
            return Meeting(0, number, distance_m)
        return Meeting(dynamic.actors[number - len(town)].actor_id, -1, distance_m)

    def _classes_at(self, places: FloatArray) -> NDArray[np.uint8]:
        """Return the ``Surface`` at places (N, 2)."""
        raster = self._raster()
        cells = np.floor((places - (raster.x0_m, raster.y0_m)) / raster.texel_m).astype(np.int64)
        rows, columns = raster.classes.shape
        inside = (cells >= 0).all(axis=1) & (cells < (columns, rows)).all(axis=1)
        result = np.zeros(len(places), np.uint8)
        result[inside] = raster.classes[cells[inside, 1], cells[inside, 0]]
        return result

    def _raster(self) -> SurfaceRaster:
        with self._lock:
            return self._surfaces

    def _identities(self, dynamic: DynamicScene) -> tuple[NDArray[np.uint32], NDArray[np.uint32]]:
        """Return label and actor id by number: the town's boxes first, then the actors."""
        labels = np.array([actor.label for actor in dynamic.actors], np.uint32)
        ids = np.array([actor.actor_id for actor in dynamic.actors], np.uint32)
        return np.append(self._box_labels, labels), np.append(np.zeros(len(self._box_labels), np.uint32), ids)

    def _look(self, camera: Camera, dynamic: DynamicScene, stride: int = 1) -> _Seen:
        view = make_view(camera)
        size = (camera.height_px, camera.width_px)
        numbers, inverse_depth = np.full(size, SKY, np.int64), np.zeros(size, np.float32)
        scratch = np.empty(SCRATCH_SHAPE)
        actors = instances_from_actors(dynamic.actors)
        first_actor = len(self._boxes.shape)
        for instances, first in ((actors, first_actor), (self._boxes, 0)):
            depth_m, order = np.empty(len(instances.shape)), np.empty(len(instances.shape), np.int64)
            count = find_visible(view, self._clear, size[1], size[0], instances.frames, depth_m, order)
            mark_instances(
                numbers, inverse_depth, view, scratch, self._meshes, instances, first, stride, depth_m, order, count
            )
        mark_ground(numbers, inverse_depth, view)
        return _Seen(numbers, inverse_depth, view, first_actor)


def _trunks_only(boxes: Instances) -> FloatArray:
    frames = boxes.frames.copy()
    is_tree = boxes.shape == Shape.TREE
    frames[is_tree, :2] *= TRUNK_SHARE
    return frames


def _joined(first: Instances, second: Instances) -> Instances:
    return Instances(*(np.concatenate(pair) for pair in zip(first, second, strict=True)))


def _new_image(camera: Camera) -> tuple[BgraImage, NDArray[np.uint32]]:
    image = np.empty((camera.height_px, camera.width_px, 4), np.uint8)
    return image, image.view(np.uint32).reshape(camera.height_px, camera.width_px)

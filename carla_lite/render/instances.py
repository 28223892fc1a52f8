"""Boxes of a town and actors of a frame, as the flat arrays the kernels walk through."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from carla_lite.render._placing import COLOR, HALF_EXTENT, place_rows
from carla_lite.scene import Box, Lamp, SceneActor, Shape


class Instances(NamedTuple):
    """N placed meshes.

    ``frames`` (N, 4, 3): the three half axes and the centre in map metres; ``colors`` (N, 3) 0..255;
    ``shape``, ``seed`` (window pattern, or the number on a sign) and ``braking`` (of a traffic light: its ``Lamp``)
    are (N,) int64.
    """

    frames: NDArray[np.float64]
    colors: NDArray[np.float64]
    shape: NDArray[np.int64]
    seed: NDArray[np.int64]
    braking: NDArray[np.int64]


def instances_from_boxes(boxes: Sequence[Box]) -> Instances:
    """Place the static boxes of a town; each gets its own window pattern.

    Raises:
        ValueError: A box has a half extent that is not positive, or a value that is not finite.
    """
    result = _empty(len(boxes))
    for i, box in enumerate(boxes):
        c, s = math.cos(box.yaw_rad), math.sin(box.yaw_rad)
        axes = ((c, s, 0.0), (-s, c, 0.0), (0.0, 0.0, 1.0))
        _place(result, i, axes, box.center_m, box.half_extent_m, f"box {i}")
        result.colors[i] = box.color
        result.shape[i] = box.shape
        result.seed[i] = box.text if box.shape == Shape.SPEED_SIGN else i
        if box.shape == Shape.TRAFFIC_LIGHT:
            result.braking[i] = Lamp.OFF
    return result


def instances_from_actors(actors: Sequence[SceneActor]) -> Instances:
    """Place the actors of one frame.

    A walker's origin is its middle, as in CARLA; everything else stands on its origin.

    Raises:
        ValueError: An actor has a half extent that is not positive, or a value that is not finite.
    """
    result = _empty(len(actors))
    if not actors:
        return result
    # One row of numbers each and a kernel: Python would take longer to place twenty cars than to draw them.
    rows = np.array([_row(actor) for actor in actors], np.float64)
    if not (np.isfinite(rows).all() and (rows[:, HALF_EXTENT] > 0.0).all()):
        _refuse(actors, rows)
    place_rows(rows, result.frames)
    result.colors[:] = rows[:, COLOR]
    result.shape[:] = [actor.shape for actor in actors]
    result.seed[:] = [actor.actor_id for actor in actors]
    result.braking[:] = [actor.brake_lights for actor in actors]
    return result


def _row(actor: SceneActor) -> tuple[float, ...]:
    """Return place, quaternion, half extent, colour and the lift of the middle over the origin, in half heights."""
    pose = actor.pose
    turn = pose.orientation
    lift = 0.0 if actor.shape == Shape.PEDESTRIAN else 1.0
    place = (pose.x_m, pose.y_m, pose.z_m, turn.x, turn.y, turn.z, turn.w)
    return (*place, *actor.half_extent_m, *actor.color, lift)


def _refuse(actors: Sequence[SceneActor], rows: NDArray[np.float64]) -> None:
    for actor, row in zip(actors, rows, strict=True):
        if min(actor.half_extent_m) <= 0.0:
            raise ValueError(
                f"actor {actor.actor_id} has half extent {actor.half_extent_m} m, expected three positive lengths"
            )
        if not np.isfinite(row).all():
            raise ValueError(f"actor {actor.actor_id} has a pose, size or colour that is not finite: {actor}")


def _empty(count: int) -> Instances:
    return Instances(np.empty((count, 4, 3)), np.empty((count, 3)), *(np.zeros(count, np.int64) for _ in range(3)))


def _place(
    result: Instances,
    index: int,
    axes: tuple[tuple[float, float, float], ...],
    center: tuple[float, float, float],
    half_extent: tuple[float, float, float],
    name: str,
) -> None:
    if min(half_extent) <= 0.0:
        raise ValueError(f"{name} has half extent {half_extent} m, expected three positive lengths")
    frame = result.frames[index]
    for axis in range(3):
        half = half_extent[axis]
        frame[axis] = (axes[axis][0] * half, axes[axis][1] * half, axes[axis][2] * half)
    frame[3] = center
    if not np.isfinite(frame).all():
        raise ValueError(f"{name} has a pose or size that is not finite: center {center}, half extent {half_extent}")

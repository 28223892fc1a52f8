"""How things have moved between two pictures of one camera."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from carla_lite.render.instances import instances_from_actors
from carla_lite.render.view import View, make_view
from carla_lite.scene import Camera, DynamicScene, SceneActor
from waypilot.geometry import FloatArray


class Sight(NamedTuple):
    """What a camera looked at: where it was, and what there was."""

    camera: Camera
    dynamic: DynamicScene


def motions_between(now: Sight, then: Sight) -> FloatArray:
    """Return the affine maps (1 + actors, 3, 4) from present camera axes to those of then, for points that move along.

    Row 0 is for what stands still in the map, row 1 + k for the k-th actor of ``now``. An actor that was not there then
    has not moved. What has not moved at all gets exactly the identity.

    Raises:
        ValueError: A camera or an actor is impossible.
    """
    view, view_then = make_view(now.camera), make_view(then.camera)
    moved = _moved_actors(now.dynamic.actors, then.dynamic.actors)
    result = np.empty((1 + len(now.dynamic.actors), 3, 4))
    result[:] = np.eye(3, 4)
    if _place(view) != _place(view_then):
        result[:] = _between(view, view_then, np.eye(3), np.zeros(3))
    frames = instances_from_actors([now.dynamic.actors[k] for k in moved]).frames
    frames_then = instances_from_actors(list(moved.values())).frames
    for k, frame, frame_then in zip(moved, frames, frames_then, strict=True):
        turn = _axes(frame_then).T @ _axes(frame)
        result[1 + k] = _between(view, view_then, turn, frame_then[3] - turn @ frame[3])
    return result


def _moved_actors(now: tuple[SceneActor, ...], then: tuple[SceneActor, ...]) -> dict[int, SceneActor]:
    """Return {place in ``now``: the actor as it was} of all that have moved."""
    before = {actor.actor_id: actor for actor in then}
    pairs = {k: before.get(actor.actor_id, actor) for k, actor in enumerate(now)}
    return {k: old for k, old in pairs.items() if old.pose != now[k].pose}


def _between(view: View, view_then: View, turn: FloatArray, shift: FloatArray) -> FloatArray:
    """Return the map (3, 4) from camera axes to camera axes of points that the map's ``turn p + shift`` takes back."""
    linear = view_then.rotation @ turn @ view.rotation.T
    offset = view_then.rotation @ (turn @ _eye(view) + shift - _eye(view_then))
    return np.column_stack([linear, offset])


def _axes(frame: FloatArray) -> FloatArray:
    """Return the unit axes (rows) of a frame of half axes."""
    half = frame[:3]
    return half / np.linalg.norm(half, axis=1, keepdims=True)


def _eye(view: View) -> FloatArray:
    return np.array([view.eye_x_m, view.eye_y_m, view.eye_z_m])


def _place(view: View) -> tuple[float, ...]:
    return (view.eye_x_m, view.eye_y_m, view.eye_z_m, *view.rotation.ravel())

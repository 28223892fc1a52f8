"""How far a sphere comes before it touches one of many boxes."""

from __future__ import annotations

import numpy as np

from waypilot.geometry import FloatArray, Vector3

_CLOSE_M = 1e-4
_MAX_STEPS = 256


def first_touch(
    frames: FloatArray, start: Vector3, direction: Vector3, length_m: float, radius_m: float
) -> tuple[int, float] | None:
    """Return which box is touched first and how far (m) the sphere's centre came, or None within ``length_m``.

    ``frames`` (N, 4, 3) are half axes and centres of boxes, as in ``Instances``. The sphere advances by its distance
    from the nearest box, which no box can be missed by.
    """
    origin, ray = np.array(start), np.array(direction)
    half = np.linalg.norm(frames[:, :3], axis=2)
    axes = frames[:, :3] / half[..., None]
    near = _within_reach(frames[:, 3], half, origin, ray, length_m, radius_m)
    if not len(near):
        return None
    half, axes, centers = half[near], axes[near], frames[near, 3]
    travelled = 0.0
    for _ in range(_MAX_STEPS):
        offset = np.abs(np.einsum("nij,nj->ni", axes, origin + travelled * ray - centers)) - half
        gaps = np.linalg.norm(np.maximum(offset, 0.0), axis=1) - radius_m
        nearest = int(np.argmin(gaps))
        if gaps[nearest] < _CLOSE_M:
            return int(near[nearest]), travelled
        travelled += float(gaps[nearest])
        if travelled > length_m:
            return None
    return None


def _within_reach(
    centers: FloatArray, half: FloatArray, origin: FloatArray, ray: FloatArray, length_m: float, radius_m: float
) -> np.ndarray:
    """Return the boxes whose surrounding sphere the swept one may touch."""
    along = np.clip((centers - origin) @ ray, 0.0, length_m)
    gap = np.linalg.norm(origin + along[:, None] * ray - centers, axis=1)
    return np.flatnonzero(gap <= np.linalg.norm(half, axis=1) + radius_m)

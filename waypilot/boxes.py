"""Rectangles in the plane: how far apart they are, and when they meet if they go on without turning. Exact, vectorised.

Two convex shapes touch exactly when no axis separates them (separating axis theorem); for rectangles the four edge
directions suffice. With constant velocities each axis gives an interval of time, so no sampling is needed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from waypilot.geometry import FloatArray

_STANDING_MPS = 1e-12  # slower than this nothing is met in any time of interest, and divisions stay finite


@dataclass(frozen=True, slots=True, eq=False)
class Boxes:
    """M rectangles in one frame: centres (M, 2), headings and half extents (M,)."""

    centre_m: FloatArray
    yaw_rad: FloatArray
    half_length_m: FloatArray
    half_width_m: FloatArray

    def take(self, rows: NDArray[np.integer] | NDArray[np.bool_]) -> Boxes:
        """Choose rectangles by index or flag."""
        return Boxes(self.centre_m[rows], self.yaw_rad[rows], self.half_length_m[rows], self.half_width_m[rows])

    @property
    def forward(self) -> FloatArray:
        """Unit vectors (M, 2) along the headings."""
        return np.stack([np.cos(self.yaw_rad), np.sin(self.yaw_rad)], axis=-1)

    @property
    def left(self) -> FloatArray:
        """Unit vectors (M, 2) to the left of the headings."""
        return np.stack([-np.sin(self.yaw_rad), np.cos(self.yaw_rad)], axis=-1)

    @property
    def corners_m(self) -> FloatArray:
        """Corners (M, 4, 2): front left, front right, rear right, rear left."""
        ahead = self.forward * self.half_length_m[:, None]
        aside = self.left * self.half_width_m[:, None]
        offsets = np.stack([ahead + aside, ahead - aside, -ahead - aside, aside - ahead], axis=1)
        return self.centre_m[:, None, :] + offsets

    def distance_to_points(self, points_m: FloatArray) -> FloatArray:
        """Distances (M, K) from each rectangle to its own points (M, K, 2); 0 inside."""
        offset = points_m - self.centre_m[:, None, :]
        along = np.abs(dot(offset, self.forward[:, None, :])) - self.half_length_m[:, None]
        across = np.abs(dot(offset, self.left[:, None, :])) - self.half_width_m[:, None]
        distance: FloatArray = np.hypot(np.maximum(along, 0.0), np.maximum(across, 0.0))
        return distance


def dot(a: FloatArray, b: FloatArray) -> FloatArray:
    """Products of vectors (..., 2), written out so that no library may choose another order of adding."""
    product: FloatArray = a[..., 0] * b[..., 0] + a[..., 1] * b[..., 1]
    return product


def distance_m(a: Boxes, b: Boxes) -> FloatArray:
    """Distances (M,) between rectangles pair by pair; 0 where they touch or overlap."""
    nearest = np.minimum(
        b.distance_to_points(a.corners_m).min(axis=1, initial=np.inf),
        a.distance_to_points(b.corners_m).min(axis=1, initial=np.inf),
    )
    touching = meeting_time_s(a, b, np.zeros_like(a.centre_m)) == 0.0
    return np.where(touching, 0.0, nearest)


def meeting_time_s(a: Boxes, b: Boxes, velocity_mps: FloatArray) -> FloatArray:
    """Return the times (M,) until the rectangles touch, pair by pair; ``b`` moves at a velocity (M, 2) seen from ``a``.

    0 where they touch already, infinity where they never will.
    """
    return meeting_interval_s(a, b, velocity_mps)[0]


def meeting_interval_s(a: Boxes, b: Boxes, velocity_mps: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return from when to when (M,) the rectangles touch from now on; (inf, -inf) where they never will."""
    enter, leave = np.zeros(len(a.yaw_rad)), np.full(len(a.yaw_rad), np.inf)
    offset = b.centre_m - a.centre_m
    for axis in (a.forward, a.left, b.forward, b.left):
        reach = _reach(a, axis) + _reach(b, axis)
        first, last = _interval(dot(offset, axis), dot(velocity_mps, axis), reach)
        enter, leave = np.maximum(enter, first), np.minimum(leave, last)
    meet = enter <= leave
    return np.where(meet, enter, np.inf), np.where(meet, leave, -np.inf)


def _reach(box: Boxes, axis: FloatArray) -> FloatArray:
    return box.half_length_m * np.abs(dot(box.forward, axis)) + box.half_width_m * np.abs(dot(box.left, axis))


def _interval(distance: FloatArray, rate: FloatArray, reach: FloatArray) -> tuple[FloatArray, FloatArray]:
    """When ``|distance + rate * t| <= reach``, as first and last time; (inf, -inf) for never."""
    moving = np.abs(rate) > _STANDING_MPS
    safe_rate = np.where(moving, rate, 1.0)
    a, b = (-reach - distance) / safe_rate, (reach - distance) / safe_rate
    always = np.where(np.abs(distance) <= reach, np.inf, -np.inf)
    return np.where(moving, np.minimum(a, b), -always), np.where(moving, np.maximum(a, b), always)

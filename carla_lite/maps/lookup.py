"""Finds the lane at a place quickly: lane centre segments hashed into square cells."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from carla_lite.maps.lanes import Lane
from waypilot.geometry import FloatArray, wrap_angle

_MIN_CELL_M = 6.0


@dataclass(frozen=True, slots=True)
class LanePosition:
    """A place on a lane: OpenDRIVE's s, metres left of the lane centre (as driven), and the driving direction."""

    lane: Lane
    s_m: float
    lateral_m: float
    heading_rad: float


class LaneIndex:
    """Answers which lane holds a point. Building it is linear in the number of lane samples."""

    def __init__(self, lanes: tuple[Lane, ...]) -> None:
        """Index ``lanes``; lookups are limited to lanes narrower than twice the cell size, which adapts."""
        self._lanes = lanes
        counts = [len(lane.center_m) - 1 for lane in lanes]
        self._owner = np.repeat(np.arange(len(lanes)), counts)
        self._sample = np.concatenate([np.arange(count) for count in counts])
        self._start = np.concatenate([lane.center_m[:-1] for lane in lanes])
        self._step = np.concatenate([np.diff(lane.center_m, axis=0) for lane in lanes])
        self._half_width = np.concatenate([0.5 * np.maximum(lane.width_m[:-1], lane.width_m[1:]) for lane in lanes])
        self._is_driving = np.array([lane.is_driving for lane in lanes])
        self._cell_m = max(_MIN_CELL_M, float(self._half_width.max()) + 1.0)
        self._cells = self._hash()

    def _hash(self) -> dict[tuple[int, int], np.ndarray]:
        keys = np.floor((self._start + 0.5 * self._step) / self._cell_m).astype(np.int64)
        order = np.lexsort((keys[:, 1], keys[:, 0]))
        ranked = keys[order]
        edges = np.flatnonzero(np.any(np.diff(ranked, axis=0) != 0, axis=1)) + 1
        return {
            (int(k[0][0]), int(k[0][1])): i
            for k, i in zip(np.split(ranked, edges), np.split(order, edges), strict=True)
        }

    def lane_at(self, x_m: float, y_m: float, driving_only: bool = True) -> LanePosition | None:
        """Return the lane whose centre is nearest among those that hold the point, or None off the lanes."""
        near = self._nearby(x_m, y_m)
        if driving_only:
            near = near[self._is_driving[self._owner[near]]]
        if not len(near):
            return None
        step = self._step[near]
        offset = np.array([x_m, y_m]) - self._start[near]
        length_squared = np.maximum(np.einsum("ij,ij->i", step, step), 1e-12)
        along = np.clip(np.einsum("ij,ij->i", step, offset) / length_squared, 0.0, 1.0)
        distance = np.hypot(*(offset - along[:, None] * step).T)
        distance[distance > self._half_width[near] + 1e-6] = math.inf
        best = int(np.argmin(distance))
        if not math.isfinite(distance[best]):
            return None
        return self._position(int(near[best]), float(along[best]), offset[best], step[best])

    def _nearby(self, x_m: float, y_m: float) -> np.ndarray:
        i, j = math.floor(x_m / self._cell_m), math.floor(y_m / self._cell_m)
        found = [self._cells.get((i + di, j + dj)) for di in (-1, 0, 1) for dj in (-1, 0, 1)]
        present = [cell for cell in found if cell is not None]
        return np.concatenate(present) if present else np.empty(0, dtype=np.int64)

    def _position(self, segment: int, along: float, offset: FloatArray, step: FloatArray) -> LanePosition:
        lane = self._lanes[self._owner[segment]]
        k = self._sample[segment]
        s = lane.s_m[k] + along * (lane.s_m[k + 1] - lane.s_m[k])
        turn = wrap_angle(float(lane.heading_rad[k + 1] - lane.heading_rad[k]))
        lateral = float(step[0] * offset[1] - step[1] * offset[0]) / max(float(np.hypot(*step)), 1e-6)
        return LanePosition(lane, float(s), lateral, wrap_angle(float(lane.heading_rad[k]) + along * turn))

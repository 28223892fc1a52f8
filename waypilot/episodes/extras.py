"""What only some data sets know: lens models of real cameras, rated trajectories, what a simulator knows is ahead."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import Any

import numpy as np

from waypilot.geometry import FloatArray


@dataclass(frozen=True, slots=True)
class CameraIntrinsics:
    """A pinhole with lens distortion, in pixels of the stored image; pixel centres have whole coordinates.

    ``distortion`` is k1, k2, p1, p2, k3 in OpenCV's meaning. OpenCV's camera axes are x right, y down, z ahead: turn
    points of our camera frame (x ahead, y left, z up) by (-y, -z, x) first.
    """

    focal_px: tuple[float, float]
    principal_point_px: tuple[float, float]
    distortion: tuple[float, float, float, float, float]

    def __post_init__(self) -> None:
        if not (self.focal_px[0] > 0.0 and self.focal_px[1] > 0.0):
            raise ValueError(f"focal lengths are {self.focal_px} px, expected positive numbers")


@dataclass(frozen=True, slots=True, eq=False)
class RatedTrajectory:
    """A future that people rated: (N, 2) in base_link like a label, and a score (Waymo: 0 to 10, 10 is best)."""

    waypoints_m: FloatArray
    score: float

    def __post_init__(self) -> None:
        shape = self.waypoints_m.shape
        if len(shape) != 2 or shape[1] != 2 or shape[0] == 0 or not bool(np.isfinite(self.waypoints_m).all()):
            raise ValueError(f"rated trajectory has shape {shape}, expected finite (N, 2) with N >= 1")


@dataclass(frozen=True, slots=True)
class RouteAhead:
    """What is ahead on the route: the way (m) from the front bumper to the nearest of each, None without one in 40 m.

    ``road_user_m``: a vehicle or pedestrian in the way; the lights' and the stop sign's: their stop lines.
    """

    road_user_m: float | None = None
    red_light_m: float | None = None
    green_light_m: float | None = None
    stop_sign_m: float | None = None

    def __post_init__(self) -> None:
        for field in fields(self):
            way_m = getattr(self, field.name)
            if way_m is not None and not (math.isfinite(way_m) and way_m >= 0.0):
                raise ValueError(f"{field.name} is {way_m}, expected a finite number of metres, 0 or more, or null")


def rating_to_json(rating: RatedTrajectory) -> dict[str, Any]:
    """Turn a rated trajectory into the data of ``episode.json``."""
    return {"waypoints_m": rating.waypoints_m.tolist(), "score": rating.score}

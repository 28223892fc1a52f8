"""The way ahead as a row of places where the vehicle's rectangle will be, and others relative to it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from waypilot.boxes import Boxes, dot
from waypilot.geometry import FloatArray
from waypilot.route import Route
from waypilot.surroundings import ActorState, Footprint

LOOK_AHEAD_M = 100.0  # further than adapters see, so that everybody on a bending road is beside it
SPACING_M = 1.0


@dataclass(frozen=True, slots=True, eq=False)
class PathAhead:
    """J places along the route from the vehicle on: arc lengths, points (J, 2), headings; ``footprint`` is its own."""

    s_m: FloatArray
    points_m: FloatArray
    headings_rad: FloatArray
    footprint: Footprint

    @staticmethod
    def along(route: Route, s_m: float, footprint: Footprint) -> PathAhead:
        """Sample the route every metre, 100 m far; beyond its end it goes straight on."""
        places_m = s_m + np.arange(0.0, LOOK_AHEAD_M + SPACING_M, SPACING_M)
        points_m, headings_rad = route.sample(places_m)
        return PathAhead(places_m, points_m, headings_rad, footprint)

    @property
    def front_m(self) -> float:
        """Distance from base_link's origin to the front bumper."""
        return self.footprint.centre_x_m + self.footprint.half_length_m

    @property
    def boxes(self) -> Boxes:
        """The vehicle's own rectangle at every place."""
        ahead = np.stack([np.cos(self.headings_rad), np.sin(self.headings_rad)], axis=-1) * self.footprint.centre_x_m
        size = np.ones(len(self.s_m))
        half_length_m, half_width_m = size * self.footprint.half_length_m, size * self.footprint.half_width_m
        return Boxes(self.points_m + ahead, self.headings_rad, half_length_m, half_width_m)


@dataclass(frozen=True, slots=True, eq=False)
class Beside:
    """A others in the coordinates of the path, all (A,): place and speed along and to the left, turn against it.

    ``reach_along_m`` and ``reach_across_m`` are half the extents of their rectangles in these directions.
    """

    s_m: FloatArray
    lateral_m: FloatArray
    along_mps: FloatArray
    across_mps: FloatArray
    turn_rad: FloatArray
    reach_along_m: FloatArray
    reach_across_m: FloatArray

    @staticmethod
    def of(path: PathAhead, actors: tuple[ActorState, ...]) -> Beside:
        """Locate each at the place of the path nearest to it."""
        boxes, velocity = actor_boxes(actors), velocities(actors)
        offset = boxes.centre_m[:, None, :] - path.points_m[None, :, :]
        nearest: NDArray[np.intp] = np.argmin(dot(offset, offset), axis=1)
        heading = path.headings_rad[nearest]
        forward = np.stack([np.cos(heading), np.sin(heading)], axis=-1)
        left = np.stack([-np.sin(heading), np.cos(heading)], axis=-1)
        here = offset[np.arange(len(actors)), nearest]
        turn = boxes.yaw_rad - heading
        cos, sin = np.abs(np.cos(turn)), np.abs(np.sin(turn))
        return Beside(
            s_m=path.s_m[nearest] + dot(here, forward),
            lateral_m=dot(here, left),
            along_mps=dot(velocity, forward),
            across_mps=dot(velocity, left),
            turn_rad=(turn + np.pi) % (2.0 * np.pi) - np.pi,
            reach_along_m=boxes.half_length_m * cos + boxes.half_width_m * sin,
            reach_across_m=boxes.half_length_m * sin + boxes.half_width_m * cos,
        )


def actor_boxes(actors: tuple[ActorState, ...]) -> Boxes:
    """Return the rectangles of others in the map."""
    poses = [actor.pose_map_from_box for actor in actors]
    return Boxes(
        np.array([(pose.x_m, pose.y_m) for pose in poses], dtype=np.float64).reshape(-1, 2),
        np.array([pose.yaw_rad for pose in poses], dtype=np.float64),
        np.array([actor.half_length_m for actor in actors], dtype=np.float64),
        np.array([actor.half_width_m for actor in actors], dtype=np.float64),
    )


def velocities(actors: tuple[ActorState, ...]) -> FloatArray:
    """Return the velocities of others in map axes, (A, 2)."""
    return np.array([actor.velocity_mps for actor in actors], dtype=np.float64).reshape(-1, 2)

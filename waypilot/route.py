"""A route as a curve with arc length, and the tracker that says where along it a vehicle is.

Everything is in the map frame. Positions along the route are arc lengths ``s_m`` from its first point. Beyond either
end the route goes on straight, so ``s_m`` may be negative or exceed ``length_m``; whoever reports progress clips it.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from waypilot.geometry import SE2, FloatArray, wrap_angle
from waypilot.maneuvers import Maneuver, junction_maneuvers, turn_maneuvers
from waypilot.types import RouteCommand

MIN_POINT_DISTANCE_M = 1e-3
HEADING_BLEND_M = 1.0
APPROACH_M = 20.0
TARGET_SPACING_M = 30.0
TARGET_MIN_AHEAD_M = 5.0


@dataclass(frozen=True, slots=True)
class RouteProjection:
    """The place on the route nearest to a position.

    ``lateral_m`` is signed, positive when the position lies left of the route; ``heading_rad`` is the route's heading
    there; ``distance_m`` the distance between the position and the route. ``s_m`` < 0 or > length beyond the ends.
    """

    s_m: float
    lateral_m: float
    heading_rad: float
    distance_m: float


class Route:
    """An immutable driving route. ``points_m``, ``headings_rad`` and ``arc_m`` are read-only arrays over its N points.

    ``points_m`` (N, 2), about 1 m apart; points nearer than 1 mm to their predecessor are dropped. ``junctions`` are
    (start, end) arc lengths of the junctions passed, if known: only then can the command be STRAIGHT, and bends of
    the road outside junctions are not announced as turns.

    Raises ValueError for non-finite points, for fewer than two distinct ones, and for junctions out of order.
    """

    def __init__(self, points_m: FloatArray, junctions: Sequence[tuple[float, float]] | None = None) -> None:
        self.points_m = _distinct_points(points_m)
        self.junctions = None if junctions is None else tuple((float(start), float(end)) for start, end in junctions)
        steps = np.diff(self.points_m, axis=0)
        lengths = np.hypot(steps[:, 0], steps[:, 1])
        self.arc_m: FloatArray = np.concatenate([[0.0], np.cumsum(lengths)])
        self.length_m = float(self.arc_m[-1])
        self._arc_list: list[float] = self.arc_m.tolist()
        self._segment_dirs: FloatArray = steps / lengths[:, None]
        # Columns of their own: projections are asked for several times a frame, and faster on them.
        self._start_x_m: FloatArray = self.points_m[:-1, 0].copy()
        self._start_y_m: FloatArray = self.points_m[:-1, 1].copy()
        self._dir_x: FloatArray = self._segment_dirs[:, 0].copy()
        self._dir_y: FloatArray = self._segment_dirs[:, 1].copy()
        self._segment_lengths: FloatArray = lengths
        # How far along itself each segment may be left: the first and the last go on straight beyond the ends.
        self._segment_low: FloatArray = np.concatenate([[-np.inf], np.zeros(len(lengths) - 1)])
        self._segment_high: FloatArray = np.concatenate([lengths[:-1], [np.inf]])
        self._heading_s, self._heading_rad = _heading_knots(self.arc_m, steps)
        self._heading_s_list, self._heading_list = self._heading_s.tolist(), self._heading_rad.tolist()
        self.headings_rad: FloatArray = (self._headings_at(self.arc_m) + math.pi) % (2.0 * math.pi) - math.pi
        for array in (self.points_m, self.arc_m, self.headings_rad):
            array.setflags(write=False)
        maneuvers = (
            turn_maneuvers(self.sample, self.length_m)
            if self.junctions is None
            else junction_maneuvers(self.sample, self.junctions)
        )
        self._change_s, self._commands = _command_schedule(maneuvers)

    def pose_at(self, s_m: float) -> SE2:
        """Pose at arc length ``s_m``: on the polyline, heading interpolated; straight on beyond the ends."""
        index = self._segment_of(s_m)
        along_m = s_m - self._arc_list[index]
        x_m = float(self._start_x_m[index] + along_m * self._dir_x[index])
        y_m = float(self._start_y_m[index] + along_m * self._dir_y[index])
        return SE2(x_m, y_m, self._heading_at(s_m))

    def sample(self, s_m: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Points (M, 2) and continuous (unwrapped) headings (M,) at the arc lengths ``s_m`` (M,)."""
        index = self._segment_index(s_m)
        along = s_m - self.arc_m[index]
        points = self.points_m[index] + along[:, None] * self._segment_dirs[index]
        return points, self._headings_at(s_m)

    def command_at(self, s_m: float) -> RouteCommand:
        """Say which manoeuvre is under way at ``s_m`` or begins within the next 20 m; LANE_FOLLOW when none does."""
        return self._commands[bisect_right(self._change_s, s_m)]

    def target_point(self, s_m: float) -> tuple[float, float]:
        """Return the next sparse via point (every 30 m and the goal), at least 5 m ahead of ``s_m``, map frame."""
        earliest = s_m + TARGET_MIN_AHEAD_M
        via = max(math.ceil(earliest / TARGET_SPACING_M), 1) * TARGET_SPACING_M
        pose = self.pose_at(via if via < self.length_m else max(self.length_m, earliest))
        return pose.x_m, pose.y_m

    def project(
        self, x_m: float, y_m: float, low_s_m: float = -math.inf, high_s_m: float = math.inf
    ) -> RouteProjection:
        """Find the nearest place on the segments that overlap [low_s_m, high_s_m] (at least one is searched).

        Of equally near places the first wins. On self-crossing routes use a RouteTracker.
        """
        first, last = self._segment_of(low_s_m), self._segment_of(high_s_m)
        rows = slice(first, last + 1)
        dir_x, dir_y = self._dir_x[rows], self._dir_y[rows]
        rel_x, rel_y = x_m - self._start_x_m[rows], y_m - self._start_y_m[rows]
        along = rel_x * dir_x + rel_y * dir_y
        along = np.minimum(np.maximum(along, self._segment_low[rows]), self._segment_high[rows])
        off_x, off_y = rel_x - along * dir_x, rel_y - along * dir_y
        distance = np.hypot(off_x, off_y)
        best = int(distance.argmin())
        s_m = self._arc_list[first + best] + float(along[best])
        left = float(dir_x[best] * off_y[best] - dir_y[best] * off_x[best])
        distance_m = float(distance[best])
        return RouteProjection(s_m, math.copysign(distance_m, left), self._heading_at(s_m), distance_m)

    def _heading_at(self, s_m: float) -> float:
        """Do for one place what ``_headings_at`` does for many, to the same bits, and wrap it."""
        knots, headings = self._heading_s_list, self._heading_list
        right = bisect_right(knots, s_m)
        if right in (0, len(knots)):
            return wrap_angle(headings[max(right - 1, 0)])
        start, end = headings[right - 1], headings[right]
        slope = (end - start) / (knots[right] - knots[right - 1])
        return wrap_angle(slope * (s_m - knots[right - 1]) + start)

    def _headings_at(self, s_m: FloatArray) -> FloatArray:
        return np.interp(s_m, self._heading_s, self._heading_rad)

    def _segment_of(self, s_m: float) -> int:
        """Do for one place what ``_segment_index`` does for many; asked several times a frame."""
        return min(max(bisect_right(self._arc_list, s_m) - 1, 0), len(self._segment_lengths) - 1)

    def _segment_index(self, s_m: FloatArray) -> NDArray[np.intp]:
        return np.clip(np.searchsorted(self.arc_m, s_m, side="right") - 1, 0, len(self._segment_lengths) - 1)


def is_same_line(one: Route | None, other: Route | None) -> bool:
    """Whether two routes are the same line, or both are none; messages may tell one route several times."""
    return one is other or (one is not None and other is not None and np.array_equal(one.points_m, other.points_m))


class RouteTracker:
    """Follows a vehicle along a route, looking only near where it was last.

    So places where the route crosses or touches itself are no problem, as long as the vehicle moves less than
    ``ahead_m`` forwards or ``back_m`` backwards between updates; after a longer jump make a new one. The first update
    looks at the first ``start_search_m`` of the route, then everywhere if the vehicle is not within ``near_m`` of it.
    """

    def __init__(
        self,
        route: Route,
        back_m: float = 5.0,
        ahead_m: float = 15.0,
        start_search_m: float = 30.0,
        near_m: float = 5.0,
    ) -> None:
        self.route = route
        self._back_m, self._ahead_m = back_m, ahead_m
        self._start_search_m, self._near_m = start_search_m, near_m
        self._last: RouteProjection | None = None

    def update(self, x_m: float, y_m: float) -> RouteProjection:
        """Locate the vehicle (map frame). Raises ValueError for a position that is not finite."""
        if not (math.isfinite(x_m) and math.isfinite(y_m)):
            raise ValueError(f"vehicle position ({x_m}, {y_m}) is not finite")
        if self._last is None:
            found = self.route.project(x_m, y_m, 0.0, self._start_search_m)
            if found.distance_m > self._near_m:
                found = self.route.project(x_m, y_m)
        else:
            found = self.route.project(x_m, y_m, self._last.s_m - self._back_m, self._last.s_m + self._ahead_m)
        self._last = found
        return found


def _distinct_points(points_m: FloatArray) -> FloatArray:
    points = np.array(points_m, dtype=np.float64)
    if points.ndim != 2 or points.shape[1] != 2:
        raise ValueError(f"route points have shape {points.shape}, expected (N, 2)")
    if not np.isfinite(points).all():
        raise ValueError("route points must be finite numbers in metres")
    kept: list[int] = []
    for i, (x, y) in enumerate(points.tolist()):
        if not kept or math.dist((x, y), points[kept[-1]].tolist()) >= MIN_POINT_DISTANCE_M:
            kept.append(i)
    if len(kept) < 2:
        raise ValueError(f"a route needs at least 2 distinct points, got {len(kept)}")
    return points[kept]


def _heading_knots(arc_m: FloatArray, steps: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Arc lengths and continuous headings between which the heading is linear.

    A segment has its own direction in the middle; the change happens within 1 m of each point, so that closely spaced
    points give a smooth heading and a corner between long segments stays where it is.
    """
    segment = np.unwrap(np.arctan2(steps[:, 1], steps[:, 0]))
    middle = (arc_m[:-1] + arc_m[1:]) / 2.0
    leave = np.minimum(arc_m[:-1] + HEADING_BLEND_M, middle)
    arrive = np.maximum(arc_m[1:] - HEADING_BLEND_M, middle)
    return np.stack([leave, arrive], axis=1).ravel(), np.repeat(segment, 2)


def _command_schedule(maneuvers: Sequence[Maneuver]) -> tuple[list[float], list[RouteCommand]]:
    """Arc lengths where the command changes, and the commands between: one more than changes."""
    changes: list[float] = []
    commands = [RouteCommand.LANE_FOLLOW]
    for m in maneuvers:
        start = m.start_m - APPROACH_M
        if changes and start <= changes[-1]:
            commands[-1] = m.command  # the next manoeuvre is announced as soon as the one before ends
        else:
            changes.append(start)
            commands.append(m.command)
        changes.append(m.end_m)
        commands.append(RouteCommand.LANE_FOLLOW)
    return changes, commands

"""What others leave of the way ahead. Everybody is taken to go on as they move now.

Who drives along the route (either direction, within 6 m of it and 30 degrees of its direction) is predicted along it,
at a constant lateral speed: in a bend others follow the road. Everybody else is predicted straight on, and blocks the
places that their rectangle will touch, from the moment it touches the first of them until it leaves the last.
"""

from __future__ import annotations

import math

import numpy as np

from waypilot.boxes import Boxes, meeting_interval_s
from waypilot.expert.config import ExpertConfig
from waypilot.expert.hindrances import Obstacle, Progress, SlowZone
from waypilot.expert.path import Beside, PathAhead, actor_boxes, velocities
from waypilot.geometry import SE2, FloatArray
from waypilot.surroundings import ActorState
from waypilot.types import ActorKind

ALONG_WITHIN_M = 6.0
ALONG_WITHIN_RAD = math.radians(30.0)
SIDE_MARGIN_M = 0.3
PEDESTRIAN_MARGIN_M = 0.5
PREDICTION_S = 4.0
CUT_IN_S = 3.0
MIN_CUT_IN_MPS = 0.2
SLOW_BEFORE_M = 2.0
PASS_BEFORE_S = 1.0  # we go first only if we are through this long before they come
PASS_BEHIND_S = 0.5  # and need not brake if they are gone this long before we come


def obstacles_on(
    path: PathAhead, actors: tuple[ActorState, ...], base_link: SE2, free: Progress
) -> tuple[Obstacle, ...]:
    """Find what is or will be on the path. ``free`` is how we would drive without others."""
    ahead = tuple(actor for actor in actors if not _is_behind(actor, base_link, path))
    if not ahead:
        return ()
    beside = Beside.of(path, ahead)
    along = (
        (np.abs(beside.lateral_m) <= ALONG_WITHIN_M)
        & (np.abs(np.sin(beside.turn_rad)) <= math.sin(ALONG_WITHIN_RAD))
        & np.array([actor.kind is ActorKind.VEHICLE for actor in ahead])
    )
    found = [_along(path, beside, i, free) for i in np.flatnonzero(along).tolist()]
    crossing = tuple(actor for actor, is_along in zip(ahead, along.tolist(), strict=True) if not is_along)
    return tuple(obstacle for obstacle in (*found, *_crossing(path, crossing, free)) if obstacle is not None)


def slow_zones(path: PathAhead, actors: tuple[ActorState, ...], config: ExpertConfig) -> tuple[SlowZone, ...]:
    """Find the stretches on which pedestrians are near the way."""
    walkers = tuple(actor for actor in actors if actor.kind is ActorKind.PEDESTRIAN)
    if not walkers:
        return ()
    beside = Beside.of(path, walkers)
    gap_m = np.abs(beside.lateral_m) - beside.reach_across_m - path.footprint.half_width_m
    near = (gap_m < config.pedestrian_side_m) & (beside.s_m > path.s_m[0]) & (beside.s_m < path.s_m[-1])
    return tuple(
        SlowZone(s_m - path.front_m - SLOW_BEFORE_M, s_m, config.pedestrian_speed_mps)
        for s_m in beside.s_m[near].tolist()
    )


def _is_behind(actor: ActorState, base_link: SE2, path: PathAhead) -> bool:
    return base_link.inverse().compose(actor.pose_map_from_box).x_m < path.footprint.centre_x_m - (
        path.footprint.half_length_m
    )


def _along(path: PathAhead, beside: Beside, i: int, free: Progress) -> Obstacle | None:
    """Take one who drives along the route: on our way now, or soon by its lateral speed."""
    clear_m = path.footprint.half_width_m + float(beside.reach_across_m[i]) + SIDE_MARGIN_M
    touch_m = float(beside.s_m[i] - beside.reach_along_m[i]) - path.front_m
    lateral_m, across_mps, along_mps = (
        float(beside.lateral_m[i]),
        float(beside.across_mps[i]),
        float(beside.along_mps[i]),
    )
    if abs(lateral_m) < clear_m:
        # Side by side there is nothing to brake for while the two do not touch.
        is_alongside = touch_m < path.s_m[0] and abs(lateral_m) > clear_m - SIDE_MARGIN_M
        return None if is_alongside else Obstacle(touch_m, along_mps)
    approach_mps = -across_mps * math.copysign(1.0, lateral_m)
    if approach_mps < MIN_CUT_IN_MPS:
        return None
    enters_s = (abs(lateral_m) - clear_m) / approach_mps
    if enters_s > CUT_IN_S or touch_m + along_mps * enters_s < free.at(enters_s):
        return None
    return Obstacle(touch_m, along_mps)


def _crossing(path: PathAhead, actors: tuple[ActorState, ...], free: Progress) -> list[Obstacle]:
    """Take those who go straight on across our way."""
    if not actors:
        return []
    margin = np.array([PEDESTRIAN_MARGIN_M if a.kind is ActorKind.PEDESTRIAN else SIDE_MARGIN_M for a in actors])
    boxes = actor_boxes(actors)
    others = Boxes(boxes.centre_m, boxes.yaw_rad, boxes.half_length_m + margin, boxes.half_width_m + margin)
    own = path.boxes
    places, count = len(path.s_m), len(actors)
    enter, leave = meeting_interval_s(
        own.take(np.tile(np.arange(places), count)),
        others.take(np.repeat(np.arange(count), places)),
        np.repeat(velocities(actors), places, axis=0),
    )
    rows = zip(enter.reshape(count, places), leave.reshape(count, places), strict=True)
    found = (_blocked(path, first, last, free) for first, last in rows)
    return [obstacle for obstacle in found if obstacle is not None]


def _blocked(path: PathAhead, enter: FloatArray, leave: FloatArray, free: Progress) -> Obstacle | None:
    """Decide on one of them, from when to when (J,) it touches us at each place."""
    touched = enter <= PREDICTION_S
    if not touched.any():
        return None
    comes_s, gone_s = float(enter[touched].min()), float(leave[touched].max())
    first_m, last_m = float(path.s_m[touched][0]), float(path.s_m[touched][-1])
    if comes_s > 0.0:
        already_there = bool(touched[0])
        through_before = free.at(comes_s - PASS_BEFORE_S) > last_m
        if already_there or through_before:
            return None
    if free.at(gone_s + PASS_BEHIND_S) < first_m:
        return None
    return Obstacle(first_m, 0.0, gone_s)

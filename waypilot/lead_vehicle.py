"""Who is ahead on the route, and how fast one may follow."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from waypilot.geometry import wrap_angle
from waypilot.route import Route
from waypilot.surroundings import ActorState, Footprint

_LOOK_AHEAD_M = 60.0
_SIDE_MARGIN_M = 0.3


@dataclass(frozen=True, slots=True)
class Lead:
    """The nearest road user in the way: ``gap_m`` from its rear to our front, its ``speed_mps`` along the route."""

    gap_m: float
    speed_mps: float


def find_lead(route: Route, s_m: float, actors: Iterable[ActorState], ego: Footprint) -> Lead | None:
    """Find who stands or drives within our width on the next 60 m of the route; ``s_m`` is our place on it.

    Road users count by the box that they fill along and across the route; who only crosses counts while in the way.
    """
    front_m = s_m + ego.centre_x_m + ego.half_length_m
    leads = []
    for actor in actors:
        pose, (vx, vy) = actor.pose_map_from_box, actor.velocity_mps
        place = route.project(pose.x_m, pose.y_m, s_m, s_m + _LOOK_AHEAD_M)
        turn_rad = wrap_angle(pose.yaw_rad - place.heading_rad)
        along, across = abs(math.cos(turn_rad)), abs(math.sin(turn_rad))
        half_width_m = across * actor.half_length_m + along * actor.half_width_m
        ahead = s_m < place.s_m <= s_m + _LOOK_AHEAD_M
        if not ahead or abs(place.lateral_m) >= half_width_m + ego.half_width_m + _SIDE_MARGIN_M:
            continue
        rear_m = place.s_m - along * actor.half_length_m - across * actor.half_width_m
        speed_mps = vx * math.cos(place.heading_rad) + vy * math.sin(place.heading_rad)
        leads.append(Lead(rear_m - front_m, max(speed_mps, 0.0)))
    return min(leads, key=lambda lead: lead.gap_m, default=None)


def following_speed(gap_m: float, lead_mps: float, min_gap_m: float, time_gap_s: float, braking_mps2: float) -> float:
    """Speed (m/s) from which braking evenly ends behind the lead, at its speed and the gap that belongs to it.

    That gap is ``min_gap_m`` + ``time_gap_s`` * speed, so v solves v^2 + 2 b T v = v_lead^2 + 2 b (gap - min_gap):
    Gipps (1981) with a gap that grows with speed in place of his reaction time. 0 when even standing is too near.
    """
    grip_mps = braking_mps2 * time_gap_s
    room = lead_mps**2 + 2.0 * braking_mps2 * (gap_m - min_gap_m)
    return max(math.sqrt(max(grip_mps**2 + room, 0.0)) - grip_mps, 0.0)

"""What ends an episode, and what makes a step uncomfortable or dangerous."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from carla_lite.engine import Collision, TrafficLight, Vehicle, Walker
from carla_lite.scene import Lamp
from training.rl.drive_env.stop_lines import nearest_ahead_m
from waypilot.boxes import Boxes, meeting_time_s
from waypilot.geometry import SE2
from waypilot.stop_lines import passes
from waypilot.surroundings import Footprint, SignalKind, StopLine
from waypilot.types import EgoState

# nuPlan's bounds of comfort (metrics: comfort).
ACCELERATION_MPS2 = (-4.05, 2.40)
LATERAL_MPS2 = 4.89
YAW_RATE_RADPS = 0.95

NONE, GOAL = "", "goal"
VEHICLE, PEDESTRIAN, STATIC, RED_LIGHT = "vehicle", "pedestrian", "static", "red_light"
OFF_ROAD, OFF_ROUTE, WRONG_WAY = "off_road", "off_route", "wrong_way"
BLOCKED, IDLE = "blocked", "idle"
COEFFICIENTS = {
    PEDESTRIAN: 1.0,
    VEHICLE: 0.7,
    STATIC: 0.6,
    RED_LIGHT: 0.4,
    OFF_ROAD: 0.6,
    OFF_ROUTE: 0.6,
    WRONG_WAY: 0.6,
    BLOCKED: 0.4,
    IDLE: 0.4,
}
"""Of the CARLA leaderboard 2.1; those that it lacks as ``RewardConfig`` tells."""

_NEAR_M = 40.0
_BEHIND_RAD = math.radians(150.0)
_STANDING_MPS = 5e-3


def collided_with(collisions: Sequence[Collision], ego_id: int, others: Sequence[Vehicle | Walker]) -> str:
    """Tell what the vehicle touched in a step, NONE if nothing."""
    partners = [c.other_id if c.actor_id == ego_id else c.actor_id for c in collisions if ego_id in _ids(c)]
    if not partners:
        return NONE
    kinds = {actor.id: PEDESTRIAN if isinstance(actor, Walker) else VEHICLE for actor in others}
    found = {kinds.get(partner, STATIC) if partner is not None else STATIC for partner in partners}
    return max(found, key=lambda kind: COEFFICIENTS[kind])


class RedLights:
    """Watches the vehicle's rear pass the lines of the traffic lights near the route."""

    def __init__(self, lines: Sequence[StopLine], lights: dict[int, TrafficLight], ego: Footprint) -> None:
        self._lines = [line for line in lines if line.kind is SignalKind.TRAFFIC_LIGHT]
        self._lights = lights
        self._rear_m = ego.centre_x_m - ego.half_length_m
        self._last: tuple[float, float] | None = None

    def run(self, pose: SE2) -> bool:
        """Take the next pose; tell whether a line was passed on red on the way to it."""
        rear = pose.compose(SE2(self._rear_m, 0.0, 0.0))
        here, last = (rear.x_m, rear.y_m), self._last
        self._last = here
        if last is None:
            return False
        return any(self._lights[line.signal_id].lamp == Lamp.RED and passes(line, last, here) for line in self._lines)

    def ahead_m(self, pose: SE2, *, green_only: bool = False) -> float:
        """Distance from the vehicle to the nearest red line that it is heading for; infinity without one.

        With ``green_only`` every line counts whose light is not green.
        """

        def counts(line: StopLine) -> bool:
            lamp = self._lights[line.signal_id].lamp
            return lamp != Lamp.GREEN if green_only else lamp == Lamp.RED

        return nearest_ahead_m(filter(counts, self._lines), pose)


def uncomfortable(before: EgoState, now: EgoState, dt_s: float) -> bool:
    """Tell whether a bound of nuPlan's comfort is broken between two states."""
    along = (now.speed_mps - before.speed_mps) / dt_s
    rate = now.angular_velocity_radps[2]
    low, high = ACCELERATION_MPS2
    return not low <= along <= high or abs(rate) > YAW_RATE_RADPS or abs(rate * now.speed_mps) > LATERAL_MPS2


def time_to_collision_s(ego: EgoState, footprint: Footprint, others: Sequence[Vehicle | Walker]) -> float:
    """Shortest time until the vehicle touches somebody if all go on as they move; as the metric of that name."""
    pose = ego.pose_map_from_base_link.planar
    near = [actor for actor in others if math.hypot(actor.pose.x_m - pose.x_m, actor.pose.y_m - pose.y_m) < _NEAR_M]
    forward, left, _ = ego.linear_velocity_mps
    if not near or math.hypot(forward, left) <= _STANDING_MPS:
        return math.inf
    cos, sin = math.cos(pose.yaw_rad), math.sin(pose.yaw_rad)
    own_mps = np.array([cos * forward - sin * left, sin * forward + cos * left])
    centre = pose.compose(SE2(footprint.centre_x_m, 0.0, 0.0))
    rows = [_row(actor) for actor in near]
    table = np.array(rows)
    theirs = Boxes(table[:, :2], table[:, 2], table[:, 3], table[:, 4])
    ones = np.ones(len(rows))
    own = Boxes(
        np.outer(ones, (centre.x_m, centre.y_m)),
        ones * centre.yaw_rad,
        ones * footprint.half_length_m,
        ones * footprint.half_width_m,
    )
    offset = theirs.centre_m - own.centre_m
    bearing = np.abs(np.arctan2(cos * offset[:, 1] - sin * offset[:, 0], cos * offset[:, 0] + sin * offset[:, 1]))
    times = meeting_time_s(own, theirs, table[:, 5:7] - own_mps)
    return float(np.where(bearing <= _BEHIND_RAD, times, np.inf).min())


def _row(actor: Vehicle | Walker) -> tuple[float, ...]:
    at = actor.pose.planar.compose(SE2(actor.box_center_m[0], actor.box_center_m[1], 0.0))
    half_x, half_y, _ = actor.half_extent_m
    return (at.x_m, at.y_m, at.yaw_rad, half_x, half_y, actor.velocity_mps[0], actor.velocity_mps[1])


def _ids(collision: Collision) -> tuple[int, int | None]:
    return collision.actor_id, collision.other_id

"""The expert itself: a plan is a simulated drive from the present pose and speed.

A point of bounded curvature steers back to the route's centre line, critically damped over a length that grows with
speed, and keeps to a speed profile that slows for bends, to what others leave it (``obstacles``) and to what signals
ask for (``stops``). So a plan can be driven from wherever the vehicle is, and plans from disturbed poses show how to
recover.
It stays in its lane: behind a vehicle that stands on its way it waits.
"""

from __future__ import annotations

import math

from waypilot.expert.config import ExpertConfig
from waypilot.expert.hindrances import Hindrances
from waypilot.expert.obstacles import obstacles_on, slow_zones
from waypilot.expert.path import PathAhead
from waypilot.expert.reference import Reference
from waypilot.expert.rollout import roll_out
from waypilot.expert.stops import StopLines
from waypilot.geometry import SE2
from waypilot.route import Route, RouteTracker
from waypilot.types import NANOSECONDS_PER_SECOND, EgoState, Observation, Plan, Trajectory

_MIN_SLIP_SPEED_MPS = 1.0  # below, the measured direction of motion is faded out: it is noise at standstill


class ExpertPolicy:
    """Policy that follows the route it was given, and obeys traffic where the observation has surroundings.

    Raises RuntimeError before ``reset``.
    """

    name = "expert"

    def __init__(self, config: ExpertConfig | None = None) -> None:
        self.config = config or ExpertConfig()
        self._drive: tuple[RouteTracker, Reference, StopLines] | None = None

    def reset(self, route: Route, seed: int) -> None:
        """Start a new drive; the expert makes no random choice, so the seed changes nothing."""
        self._drive = RouteTracker(route), Reference(route, self.config), StopLines(route, self.config)

    def plan(self, observation: Observation) -> Plan:
        """Plan from the ego state and the surroundings; images, command and target point are not looked at."""
        if self._drive is None:
            raise RuntimeError("the expert knows no route yet: call reset(route, seed) first")
        tracker, reference, stop_lines = self._drive
        ego = observation.ego
        pose = ego.pose_map_from_base_link.planar
        s_m = tracker.update(pose.x_m, pose.y_m).s_m
        hindrances = self._hindrances(observation, tracker.route, reference, stop_lines, s_m)
        points_map, _ = roll_out(reference, self.config, _motion(ego), ego.speed_mps, s_m, hindrances)
        interval_ns = round(self.config.waypoint_interval_s * NANOSECONDS_PER_SECOND)
        return Plan(Trajectory(observation.stamp_ns, interval_ns, pose.inverse().transform_points(points_map)))

    def _hindrances(
        self, observation: Observation, route: Route, reference: Reference, stop_lines: StopLines, s_m: float
    ) -> Hindrances:
        around, scene = observation.surroundings, observation.scene
        if around is None or scene is None:
            return Hindrances()
        ego = observation.ego
        speed_mps = math.hypot(*ego.linear_velocity_mps[:2])
        stops = stop_lines.update(scene, around, s_m, speed_mps)
        if not around.actors:
            return Hindrances(stops=stops)
        path = PathAhead.along(route, s_m, scene.ego)
        base_link = ego.pose_map_from_base_link.planar
        zones = slow_zones(path, around.actors, self.config)
        undisturbed = Hindrances(stops=stops, zones=zones)
        _, free = roll_out(reference, self.config, _motion(ego), ego.speed_mps, s_m, undisturbed)
        return Hindrances(obstacles_on(path, around.actors, base_link, free), stops, zones)


def _motion(ego: EgoState) -> SE2:
    """Where the base_link origin is and which way it moves: in a bend it moves up to ~10 degrees off the heading."""
    pose = ego.pose_map_from_base_link.planar
    forward, left, _ = ego.linear_velocity_mps
    slip = math.atan2(left, max(forward, _MIN_SLIP_SPEED_MPS))
    return SE2(pose.x_m, pose.y_m, pose.yaw_rad + slip)

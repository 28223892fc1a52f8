"""The privileged driver: it knows the route and drives it. Teacher of the learned policies, and their upper bound.

A plan is a simulated drive from the present pose and speed: a point of bounded curvature steers back to the route's
centre line, critically damped over a length that grows with speed, and keeps to a speed profile that slows for bends.
So a plan can be driven from wherever the vehicle is, and plans from disturbed poses show how to recover.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from waypilot.geometry import SE2, FloatArray, wrap_angle
from waypilot.lead_vehicle import Lead, following_speed
from waypilot.maneuvers import SAMPLE_SPACING_M, curvature
from waypilot.route import Route, RouteTracker
from waypilot.types import NANOSECONDS_PER_SECOND, EgoState, Observation, Plan, Trajectory

_END_MARGIN_M = 4.0  # the reference is straight beyond this distance outside the route's ends
_MAX_ROLLOUT_STEP_S = 0.05
_MIN_SLIP_SPEED_MPS = 1.0  # below, the measured direction of motion is faded out: it is noise at standstill


@dataclass(frozen=True, slots=True)
class ExpertConfig:
    """How the expert drives. Defaults: 20 waypoints at 4 Hz, as in the Waymo end-to-end challenge; calm city driving.

    ``recovery_time_s`` and ``min_recovery_length_m`` set the length over which a lateral offset decays by about 3/4.
    Bends are driven at ``lateral_acceleration_mps2``; recovering may go up to ``max_lateral_acceleration_mps2``.
    ``min_turn_radius_m`` is the tightest circle of the base_link origin (5.5 m: a mid-size car between kerbs).
    Behind others it keeps ``min_gap_m`` and ``time_gap_s`` more.
    """

    target_speed_mps: float = 8.0
    num_waypoints: int = 20
    waypoint_interval_s: float = 0.25
    lateral_acceleration_mps2: float = 2.0
    max_lateral_acceleration_mps2: float = 4.0
    acceleration_mps2: float = 2.0
    comfort_deceleration_mps2: float = 1.5
    max_deceleration_mps2: float = 3.0
    recovery_time_s: float = 0.6
    min_recovery_length_m: float = 3.0
    max_approach_angle_rad: float = 0.7
    min_turn_radius_m: float = 5.5
    min_gap_m: float = 4.0
    time_gap_s: float = 1.2

    def __post_init__(self) -> None:
        if self.num_waypoints < 1:
            raise ValueError(f"num_waypoints is {self.num_waypoints}, expected at least 1")
        for name in self.__dataclass_fields__:
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} is {getattr(self, name)}, expected a positive value")
        if self.max_lateral_acceleration_mps2 < self.lateral_acceleration_mps2:
            raise ValueError("max_lateral_acceleration_mps2 must not be below lateral_acceleration_mps2")
        if self.max_deceleration_mps2 < self.comfort_deceleration_mps2:
            raise ValueError("max_deceleration_mps2 must not be below comfort_deceleration_mps2")
        if self.max_approach_angle_rad >= math.pi / 2:
            raise ValueError(f"max_approach_angle_rad is {self.max_approach_angle_rad}, expected less than pi/2")


class ExpertPolicy:
    """Policy that follows the route it was given, from the ego state alone. Raises RuntimeError before ``reset``."""

    name = "expert"

    def __init__(self, config: ExpertConfig | None = None) -> None:
        self.config = config or ExpertConfig()
        self._drive: tuple[RouteTracker, _Reference] | None = None

    def reset(self, route: Route, seed: int) -> None:
        """Start a new drive; the expert makes no random choice, so the seed changes nothing."""
        self._drive = RouteTracker(route), _Reference(route, self.config)

    def plan(self, observation: Observation, lead: Lead | None = None) -> Plan:
        """Plan from the observation's ego state; images, command and target point are not looked at.

        Who knows of a road user in the way (``find_lead``) gives it as ``lead``; it is expected to keep its speed.
        """
        if self._drive is None:
            raise RuntimeError("the expert knows no route yet: call reset(route, seed) first")
        tracker, reference = self._drive
        pose = observation.ego.pose_map_from_base_link.planar
        place = tracker.update(pose.x_m, pose.y_m)
        motion, speed_mps = _motion(observation.ego), observation.ego.speed_mps
        points_map = _roll_out(reference, self.config, motion, speed_mps, place.s_m, lead)
        interval_ns = round(self.config.waypoint_interval_s * NANOSECONDS_PER_SECOND)
        return Plan(Trajectory(observation.stamp_ns, interval_ns, pose.inverse().transform_points(points_map)))


class _Reference:
    """The route, finely and evenly sampled, with curvature and permitted speed, as lists for a fast scalar loop."""

    def __init__(self, route: Route, config: ExpertConfig) -> None:
        count = math.ceil((route.length_m + 2.0 * _END_MARGIN_M) / SAMPLE_SPACING_M) + 1
        s = np.linspace(-_END_MARGIN_M, route.length_m + _END_MARGIN_M, count)
        points, headings = route.sample(s)
        kappa = curvature(route.sample, s)
        self._first_m, self._step_m = float(s[0]), float(s[1] - s[0])
        self.speeds = speed_profile(kappa, self._step_m, config).tolist()
        self._rows: list[tuple[float, float, float, float]] = list(
            zip(points[:, 0].tolist(), points[:, 1].tolist(), headings.tolist(), kappa.tolist(), strict=True)
        )

    def at(self, s_m: float) -> tuple[float, float, float, float, float]:
        """Return x, y (m), heading (rad), curvature (1/m) and permitted speed (m/s), straight beyond the ends."""
        position = (s_m - self._first_m) / self._step_m
        index = min(max(int(position), 0), len(self._rows) - 2)
        f = position - index
        x0, y0, heading0, kappa0 = self._rows[index]
        x1, y1, heading1, kappa1 = self._rows[index + 1]
        inside = min(max(f, 0.0), 1.0)
        speed = self.speeds[index] + inside * (self.speeds[index + 1] - self.speeds[index])
        heading, kappa = heading0 + inside * (heading1 - heading0), kappa0 + inside * (kappa1 - kappa0)
        return x0 + f * (x1 - x0), y0 + f * (y1 - y0), heading, kappa, speed


def speed_profile(curvature_per_m: FloatArray, step_m: float, config: ExpertConfig) -> FloatArray:
    """Permitted speed (m/s) at evenly spaced places: slow enough for each bend, and braking for it in time."""
    bend_limit = np.sqrt(config.lateral_acceleration_mps2 / np.maximum(np.abs(curvature_per_m), 1e-6))
    squared = (np.minimum(bend_limit, config.target_speed_mps) ** 2).tolist()
    for i in range(len(squared) - 2, -1, -1):
        squared[i] = min(squared[i], squared[i + 1] + 2.0 * config.comfort_deceleration_mps2 * step_m)
    return np.sqrt(np.array(squared, dtype=np.float64))


def _motion(ego: EgoState) -> SE2:
    """Where the base_link origin is and which way it moves: in a bend it moves up to ~10 degrees off the heading."""
    pose = ego.pose_map_from_base_link.planar
    forward, left, _ = ego.linear_velocity_mps
    slip = math.atan2(left, max(forward, _MIN_SLIP_SPEED_MPS))
    return SE2(pose.x_m, pose.y_m, pose.yaw_rad + slip)


def _roll_out(
    reference: _Reference, config: ExpertConfig, start: SE2, speed_mps: float, s_m: float, lead: Lead | None
) -> FloatArray:
    """Drive a point from ``start`` along the reference; returns its positions (num_waypoints, 2), map frame."""
    substeps = math.ceil(config.waypoint_interval_s / _MAX_ROLLOUT_STEP_S)
    dt_s = config.waypoint_interval_s / substeps
    x, y, course, speed, s = start.x_m, start.y_m, start.yaw_rad, max(speed_mps, 0.0), s_m
    positions = np.empty((config.num_waypoints, 2))
    gap = math.inf if lead is None else lead.gap_m
    for waypoint in range(config.num_waypoints):
        for _ in range(substeps):
            rx, ry, heading, kappa, limit = reference.at(s)
            if lead is not None:
                limit = min(limit, _behind(config, gap, lead.speed_mps))
            c, sn = math.cos(heading), math.sin(heading)
            ahead, offset = c * (x - rx) + sn * (y - ry), c * (y - ry) - sn * (x - rx)
            error = wrap_angle(course - heading)
            wanted = _wanted_curvature(config, kappa, offset, error, speed)
            new_speed = _next_speed(config, limit, wanted, speed, dt_s)
            step = 0.5 * (speed + new_speed) * dt_s
            speed = new_speed
            gap += 0.0 if lead is None else lead.speed_mps * dt_s - step
            turn = _within_grip(config, wanted, speed) * step
            x += step * math.cos(course + 0.5 * turn)
            y += step * math.sin(course + 0.5 * turn)
            course += turn
            # The tangent step, corrected by what the last one missed; never more than twice the way driven.
            s += min(max(ahead + step * math.cos(error), 0.0), 2.0 * step)
        positions[waypoint] = x, y
    return positions


def _behind(config: ExpertConfig, gap_m: float, lead_mps: float) -> float:
    return following_speed(gap_m, lead_mps, config.min_gap_m, config.time_gap_s, config.comfort_deceleration_mps2)


def _wanted_curvature(config: ExpertConfig, kappa: float, offset_m: float, error_rad: float, speed_mps: float) -> float:
    """Curvature (1/m) that leads back to the reference: both poles at 1 / length while the errors are small."""
    length = max(config.min_recovery_length_m, config.recovery_time_s * speed_mps)
    limit = config.max_approach_angle_rad
    approach = min(max(math.atan(offset_m / (2.0 * length)), -limit), limit)
    # Parallel to a bend, the radius differs by the offset; the bound keeps this finite towards the bend's centre.
    follow = kappa * math.cos(error_rad) / max(1.0 - kappa * offset_m, 0.5)
    wanted = follow - 2.0 / length * wrap_angle(error_rad + approach)
    tightest = 1.0 / config.min_turn_radius_m
    return min(max(wanted, -tightest), tightest)


def _next_speed(config: ExpertConfig, limit_mps: float, wanted: float, speed_mps: float, dt_s: float) -> float:
    """Approach the permitted speed, which is lower still while a tight recovery is wanted."""
    steerable = math.sqrt(config.max_lateral_acceleration_mps2 / max(abs(wanted), 1e-6))
    slowest = max(speed_mps - config.max_deceleration_mps2 * dt_s, 0.0)
    return min(max(min(limit_mps, steerable), slowest), speed_mps + config.acceleration_mps2 * dt_s)


def _within_grip(config: ExpertConfig, curvature_per_m: float, speed_mps: float) -> float:
    bound = config.max_lateral_acceleration_mps2 / max(speed_mps, 0.1) ** 2
    return min(max(curvature_per_m, -bound), bound)

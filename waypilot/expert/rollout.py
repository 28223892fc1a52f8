"""The simulated drive along the reference that makes a plan."""

from __future__ import annotations

import math

import numpy as np

from waypilot.expert.config import ExpertConfig
from waypilot.expert.hindrances import Hindrances, Obstacle, Progress
from waypilot.expert.reference import Reference
from waypilot.geometry import SE2, FloatArray, wrap_angle

MAX_STEP_S = 0.05
_MIN_GAP_M = 0.05


def roll_out(
    reference: Reference, config: ExpertConfig, start: SE2, speed_mps: float, s_m: float, hindrances: Hindrances
) -> tuple[FloatArray, Progress]:
    """Drive a point from ``start`` along the reference; returns its positions (num_waypoints, 2), map frame."""
    substeps = math.ceil(config.waypoint_interval_s / MAX_STEP_S)
    dt_s = config.waypoint_interval_s / substeps
    x, y, course, speed, s = start.x_m, start.y_m, start.yaw_rad, max(speed_mps, 0.0), s_m
    positions, progress = np.empty((config.num_waypoints, 2)), np.empty(config.num_waypoints * substeps)
    for step_number in range(len(progress)):
        rx, ry, heading, kappa, limit = reference.at(s)
        c, sn = math.cos(heading), math.sin(heading)
        ahead, offset = c * (x - rx) + sn * (y - ry), c * (y - ry) - sn * (x - rx)
        error = wrap_angle(course - heading)
        wanted = _wanted_curvature(config, kappa, offset, error, speed)
        new_speed = _next_speed(config, _zone_limit(config, hindrances, limit, s), wanted, speed, dt_s)
        new_speed = _hindered(config, hindrances, new_speed, speed, s, step_number * dt_s, dt_s)
        step = 0.5 * (speed + new_speed) * dt_s
        speed = new_speed
        turn = _within_grip(config, wanted, speed) * step
        x += step * math.cos(course + 0.5 * turn)
        y += step * math.sin(course + 0.5 * turn)
        course += turn
        # The tangent step, corrected by what the last one missed; never more than twice the way driven.
        s += min(max(ahead + step * math.cos(error), 0.0), 2.0 * step)
        progress[step_number] = s
        positions[step_number // substeps] = x, y
    return positions, Progress(progress, dt_s)


def _zone_limit(config: ExpertConfig, hindrances: Hindrances, limit_mps: float, s_m: float) -> float:
    """Lower the permitted speed within slow zones, and before them so that it is reached in time."""
    for zone in hindrances.zones:
        if s_m <= zone.end_m:
            before_m = max(zone.start_m - s_m, 0.0)
            braking = math.sqrt(zone.speed_mps**2 + 2.0 * config.comfort_deceleration_mps2 * before_m)
            limit_mps = min(limit_mps, braking)
    return limit_mps


def _hindered(
    config: ExpertConfig,
    hindrances: Hindrances,
    free_mps: float,
    speed_mps: float,
    s_m: float,
    time_s: float,
    dt_s: float,
) -> float:
    """Lower the next speed for places to stop at and for others, braking no harder than in an emergency."""
    next_mps = free_mps
    for stop in hindrances.stops:
        next_mps = min(next_mps, math.sqrt(2.0 * stop.deceleration_mps2 * max(stop.s_m - s_m, 0.0)))
    for obstacle in hindrances.obstacles:
        if time_s <= obstacle.until_s:
            gap_m = obstacle.s_m + obstacle.speed_mps * time_s - s_m
            next_mps = min(next_mps, speed_mps + _interaction(config, obstacle, gap_m, speed_mps) * dt_s)
    return max(next_mps, speed_mps - config.emergency_deceleration_mps2 * dt_s, 0.0)


def _interaction(config: ExpertConfig, obstacle: Obstacle, gap_m: float, speed_mps: float) -> float:
    """Acceleration behind another one by the intelligent driver model (M. Treiber, A. Hennecke, D. Helbing 2000).

    Only its interaction part: the free part is the speed profile of the route.
    """
    braking = 2.0 * math.sqrt(config.acceleration_mps2 * config.comfort_deceleration_mps2)
    dynamic_m = speed_mps * config.headway_s + speed_mps * (speed_mps - obstacle.speed_mps) / braking
    wanted_gap_m = config.standstill_gap_m + max(dynamic_m, 0.0)
    return config.acceleration_mps2 * (1.0 - (wanted_gap_m / max(gap_m, _MIN_GAP_M)) ** 2)


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

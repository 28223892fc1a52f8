"""Compiled kernels of the toy environment: routes, the car, the reward, what is seen. One car's ``advance`` serves all.

Arrays per car, all in SI units and the toy's fixed ``map`` frame (REP 103):

- ``pose`` float64 (4,): x, y, yaw, speed;
- ``counters`` int64 (3,): index of the next waypoint (1..W), steps so far, waypoints hit;
- ``route`` float64 (W + 1, 2): the route's origin and its W waypoints;
- ``plan`` float32 (N, 2): waypoints in base_link, ``plan_dt_s`` apart, the first after one ``plan_dt_s``.

All kernels stand in this one file because numba renews its cache when a kernel's own file changes, and only then.
"""

from __future__ import annotations

import math

import numpy as np
from numba import njit
from numpy.typing import NDArray

from training.rl.toy_config import ToyParameters
from waypilot.geometry import FloatArray

X, Y, YAW, SPEED = range(4)
NEXT, STEPS, HITS = range(3)

OBSERVATION_NAMES = (
    "speed_mps",
    "previous_x_m",
    "previous_y_m",
    "next_x_m",
    "next_y_m",
    "second_x_m",
    "second_y_m",
    "third_x_m",
    "third_y_m",
    "waypoints_left",
)
"""What the agent sees: points in base_link. Beyond the last waypoint the route is continued straight."""
OBSERVATION_SIZE = len(OBSERVATION_NAMES)
SEEN_WAYPOINTS = 3

# How one step ended.
RUNNING, GOAL_REACHED, GOAL_MISSED, OFF_ROUTE = range(4)

_FRACTION = 1.0 / 9007199254740992.0  # 2**-53


@njit(cache=True)
def _uniform(seed: np.uint64, draw: int, low: float, high: float) -> float:
    """Draw number ``draw`` of a seed (SplitMix64, Steele et al. 2014): no state, so any episode can be made anew."""
    z = np.uint64(seed) + np.uint64(draw + 1) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    z = z ^ (z >> np.uint64(31))
    return low + (high - low) * (np.float64(z >> np.uint64(11)) * _FRACTION)


@njit(cache=True)
def start(p: ToyParameters, seed: np.uint64, pose: FloatArray, counters: NDArray[np.int64], route: FloatArray) -> None:
    """Make the episode that belongs to ``seed``."""
    heading = 0.0
    route[0, 0] = 0.0
    route[0, 1] = 0.0
    for k in range(1, p.waypoints + 1):
        if k > 1:
            heading += _uniform(seed, 2 * k, -p.max_turn_rad, p.max_turn_rad)
        length = _uniform(seed, 2 * k + 1, p.spacing_min_m, p.spacing_max_m)
        route[k, 0] = route[k - 1, 0] + length * math.cos(heading)
        route[k, 1] = route[k - 1, 1] + length * math.sin(heading)
    first = 2 * p.waypoints + 2
    pose[X] = 0.0
    pose[Y] = _uniform(seed, first, -p.start_lateral_m, p.start_lateral_m)
    pose[YAW] = _uniform(seed, first + 1, -p.start_heading_rad, p.start_heading_rad)
    pose[SPEED] = _uniform(seed, first + 2, p.start_speed_min_mps, p.start_speed_max_mps)
    counters[NEXT] = 1
    counters[STEPS] = 0
    counters[HITS] = 0


@njit(cache=True)
def _plan_point(plan: NDArray[np.float32], dt_s: float, time_s: float) -> tuple[float, float]:
    """Where the plan is at a time: linear between waypoints, from the origin at 0, clamped at the last one."""
    place = time_s / dt_s
    index = int(place)
    if index >= plan.shape[0]:
        return np.float64(plan[-1, 0]), np.float64(plan[-1, 1])
    share = place - index
    x1, y1 = np.float64(plan[index, 0]), np.float64(plan[index, 1])
    if index == 0:
        return share * x1, share * y1
    x0, y0 = np.float64(plan[index - 1, 0]), np.float64(plan[index - 1, 1])
    return x0 + share * (x1 - x0), y0 + share * (y1 - y0)


@njit(cache=True)
def _way_to_go(route: FloatArray, index: int, x: float, y: float) -> float:
    length = math.hypot(route[index, 0] - x, route[index, 1] - y)
    for k in range(index + 1, route.shape[0]):
        length += math.hypot(route[k, 0] - route[k - 1, 0], route[k, 1] - route[k - 1, 1])
    return length


@njit(cache=True)
def _move(p: ToyParameters, pose: FloatArray, curvature: float, speed_target: float) -> None:
    """Kinematic bicycle for one sub-step: constant curvature and acceleration, chord at the middle heading."""
    acceleration = (speed_target - pose[SPEED]) / p.speed_time_constant_s
    acceleration = min(p.max_acceleration_mps2, max(-p.max_deceleration_mps2, acceleration))
    speed = min(p.speed_limit_mps, max(0.0, pose[SPEED] + acceleration * p.substep_s))
    distance = 0.5 * (pose[SPEED] + speed) * p.substep_s
    turn = curvature * distance
    pose[X] += distance * math.cos(pose[YAW] + 0.5 * turn)
    pose[Y] += distance * math.sin(pose[YAW] + 0.5 * turn)
    pose[YAW] += turn
    pose[SPEED] = speed


@njit(cache=True)
def _pass_waypoint(
    p: ToyParameters, pose: FloatArray, counters: NDArray[np.int64], route: FloatArray
) -> tuple[bool, int]:
    """Go on to the next waypoint when this one is hit or passed: (was it hit, how the step ended)."""
    k = counters[NEXT]
    dx, dy = pose[X] - route[k, 0], pose[Y] - route[k, 1]
    leg_x, leg_y = route[k, 0] - route[k - 1, 0], route[k, 1] - route[k - 1, 1]
    hit = dx * dx + dy * dy <= p.hit_radius_m * p.hit_radius_m
    if hit or dx * leg_x + dy * leg_y > 0.0:
        counters[HITS] += hit
        if k == p.waypoints:
            return hit, GOAL_REACHED if hit else GOAL_MISSED
        counters[NEXT] = k + 1
        return hit, RUNNING
    beside = abs(leg_x * dy - leg_y * dx) / math.hypot(leg_x, leg_y)
    return False, OFF_ROUTE if beside > p.off_route_m else RUNNING


@njit(cache=True)
def advance(
    p: ToyParameters, plan: NDArray[np.float32], pose: FloatArray, counters: NDArray[np.int64], route: FloatArray
) -> tuple[float, int]:
    """Follow the plan for one step: (reward, how it ended)."""
    x0, y0, cos0, sin0 = pose[X], pose[Y], math.cos(pose[YAW]), math.sin(pose[YAW])
    to_go = _way_to_go(route, counters[NEXT], x0, y0)
    bonus, ended, substeps = 0.0, RUNNING, 0
    while ended == RUNNING and substeps < p.substeps:
        look_s = substeps * p.substep_s + p.lookahead_s
        aim_x, aim_y = _plan_point(plan, p.plan_dt_s, look_s)
        from_x, from_y = _plan_point(plan, p.plan_dt_s, look_s - p.plan_dt_s)
        speed_target = math.hypot(aim_x - from_x, aim_y - from_y) / p.plan_dt_s
        dx = x0 + cos0 * aim_x - sin0 * aim_y - pose[X]
        dy = y0 + sin0 * aim_x + cos0 * aim_y - pose[Y]
        left = math.cos(pose[YAW]) * dy - math.sin(pose[YAW]) * dx
        curvature = 2.0 * left / max(dx * dx + dy * dy, p.min_lookahead_m * p.min_lookahead_m)
        curvature = min(p.max_curvature_per_m, max(-p.max_curvature_per_m, curvature))
        _move(p, pose, curvature, speed_target)
        substeps += 1
        hit, ended = _pass_waypoint(p, pose, counters, route)
        if hit:
            bonus += p.goal_bonus if ended == GOAL_REACHED else p.waypoint_bonus
    counters[STEPS] += 1
    progress_m = to_go - _way_to_go(route, counters[NEXT], pose[X], pose[Y])
    time_s = substeps * p.substep_s
    return p.progress_reward_per_m * progress_m - p.time_penalty_per_s * time_s + bonus, ended


@njit(cache=True)
def _route_point(route: FloatArray, index: int) -> tuple[float, float]:
    """Return waypoint ``index``; beyond the last one the last leg repeats."""
    last = route.shape[0] - 1
    beyond = max(0, index - last)
    k = min(index, last)
    x = route[k, 0] + beyond * (route[last, 0] - route[last - 1, 0])
    y = route[k, 1] + beyond * (route[last, 1] - route[last - 1, 1])
    return x, y


@njit(cache=True)
def observe(
    p: ToyParameters, pose: FloatArray, counters: NDArray[np.int64], route: FloatArray, out: NDArray[np.float32]
) -> None:
    """Write what the agent sees, float32 (OBSERVATION_SIZE,), in the order of OBSERVATION_NAMES."""
    cos, sin = math.cos(pose[YAW]), math.sin(pose[YAW])
    out[0] = pose[SPEED]
    for j in range(SEEN_WAYPOINTS + 1):
        x, y = _route_point(route, counters[NEXT] - 1 + j)
        dx, dy = x - pose[X], y - pose[Y]
        out[1 + 2 * j] = cos * dx + sin * dy
        out[2 + 2 * j] = cos * dy - sin * dx
    out[OBSERVATION_SIZE - 1] = p.waypoints + 1 - counters[NEXT]


@njit(cache=True)
def reference(
    p: ToyParameters, pose: FloatArray, counters: NDArray[np.int64], route: FloatArray, out: FloatArray
) -> None:
    """Write the reference plan (N, 2) in base_link: along the route at the speed limit from the car's projection."""
    k = counters[NEXT]
    cos, sin = math.cos(pose[YAW]), math.sin(pose[YAW])
    leg_x, leg_y = route[k, 0] - route[k - 1, 0], route[k, 1] - route[k - 1, 1]
    length = math.hypot(leg_x, leg_y)
    along = ((pose[X] - route[k - 1, 0]) * leg_x + (pose[Y] - route[k - 1, 1]) * leg_y) / length
    along = min(length, max(0.0, along))
    for i in range(out.shape[0]):
        along += p.speed_limit_mps * p.plan_dt_s
        while along > length:
            along -= length
            k += 1
            ax, ay = _route_point(route, k - 1)
            bx, by = _route_point(route, k)
            leg_x, leg_y = bx - ax, by - ay
            length = math.hypot(leg_x, leg_y)
        ax, ay = _route_point(route, k - 1)
        dx, dy = ax + along / length * leg_x - pose[X], ay + along / length * leg_y - pose[Y]
        out[i, 0] = cos * dx + sin * dy
        out[i, 1] = cos * dy - sin * dx


@njit(cache=True)
def start_batch(
    p: ToyParameters,
    rows: NDArray[np.int64],
    seeds: NDArray[np.uint64],
    poses: FloatArray,
    counters: NDArray[np.int64],
    routes: FloatArray,
) -> None:
    """Start the episodes of ``seeds`` (uint64) in the given rows."""
    for n in range(rows.shape[0]):
        i = rows[n]
        start(p, seeds[n], poses[i], counters[i], routes[i])


@njit(cache=True)
def advance_batch(
    p: ToyParameters,
    plans: NDArray[np.float32],
    poses: FloatArray,
    counters: NDArray[np.int64],
    routes: FloatArray,
    rewards: FloatArray,
    ended: NDArray[np.int64],
) -> None:
    """Do ``advance`` for every car that still runs (``ended`` RUNNING); the others stand still and earn nothing."""
    for i in range(poses.shape[0]):
        rewards[i] = 0.0
        if ended[i] == RUNNING:
            rewards[i], ended[i] = advance(p, plans[i], poses[i], counters[i], routes[i])


@njit(cache=True)
def observe_batch(
    p: ToyParameters, poses: FloatArray, counters: NDArray[np.int64], routes: FloatArray, out: NDArray[np.float32]
) -> None:
    """Do ``observe`` for every car: out (B, OBSERVATION_SIZE)."""
    for i in range(poses.shape[0]):
        observe(p, poses[i], counters[i], routes[i], out[i])


@njit(cache=True)
def reference_batch(
    p: ToyParameters, poses: FloatArray, counters: NDArray[np.int64], routes: FloatArray, out: FloatArray
) -> None:
    """Do ``reference`` for every car: out (B, N, 2)."""
    for i in range(poses.shape[0]):
        reference(p, poses[i], counters[i], routes[i], out[i])


@njit(cache=True)
def episode_seed(base: np.uint64, number: int) -> np.uint64:
    """Return the seed of episode ``number`` of a run with seed ``base``."""
    z = np.uint64(base) * np.uint64(0xD1342543DE82EF95) + np.uint64(number + 1) * np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(32))) * np.uint64(0xDABA0B6EB09322E3)
    return z ^ (z >> np.uint64(32))

"""Decides, while driving, when a drive is over: from the vehicle's states alone, in simulated time."""

from __future__ import annotations

import math

from waypilot.metrics.progress import RouteProgress
from waypilot.metrics.values import Termination
from waypilot.route import Route
from waypilot.scenarios import Scenario
from waypilot.types import NANOSECONDS_PER_SECOND, EgoState

# CARLA leaderboard: 30 % of the route driven off it ends the run.
OFF_ROUTE_LIMIT_SHARE = 0.3


class ScenarioMonitor:
    """Watches one drive; feed it every state in the order of stamps, the first one starts the clock.

    A drive ends completed (goal reached) or failed: route deviation, blocked, or time-out, in this order of
    precedence. Once ended, every further update returns the same termination.
    """

    def __init__(self, scenario: Scenario, route: Route) -> None:
        self._rules = scenario.rules
        self._progress = RouteProgress(scenario, route)
        self._time_limit_s = scenario.time_limit_for(route.length_m)
        self._start_ns: int | None = None
        self._last_ns = 0
        self._moving_ns = 0
        self._termination: Termination | None = None

    @property
    def termination(self) -> Termination | None:
        """How the drive ended, or None while it lasts."""
        return self._termination

    @property
    def route_completion(self) -> float:
        """Share of the route driven so far, 0 to 1."""
        return self._progress.completion

    def update(self, ego: EgoState) -> Termination | None:
        """Take the next state; say how the drive ended, or None when it goes on.

        A state seen twice changes nothing. Raises ValueError for a state older than the last one or not finite.
        """
        pose = ego.pose_map_from_base_link.planar
        if not all(map(math.isfinite, (pose.x_m, pose.y_m, pose.yaw_rad, *ego.linear_velocity_mps))):
            raise ValueError(f"ego state is not finite: {pose}, velocity {ego.linear_velocity_mps} m/s")
        if self._start_ns is None:
            self._start_ns = self._moving_ns = ego.stamp_ns
        elif ego.stamp_ns < self._last_ns:
            raise ValueError(
                f"ego state of stamp {ego.stamp_ns} ns came after {self._last_ns} ns: feed states in order of stamps"
            )
        elif ego.stamp_ns == self._last_ns or self._termination is not None:
            return self._termination
        self._last_ns = ego.stamp_ns
        self._termination = self._judge(ego, self._start_ns)
        return self._termination

    def _judge(self, ego: EgoState, start_ns: int) -> Termination | None:
        pose = ego.pose_map_from_base_link
        position = self._progress.update(pose.x_m, pose.y_m)
        if math.hypot(*ego.linear_velocity_mps[:2]) >= self._rules.blocked_speed_mps:
            self._moving_ns = ego.stamp_ns
        if self._progress.complete:
            return Termination("completed", "goal reached", ego.stamp_ns)
        reason = (
            self._deviation(position.distance_m)
            or self._blocked(ego.stamp_ns - self._moving_ns)
            or self._time_out(ego.stamp_ns - start_ns)
        )
        return Termination("failed", reason, ego.stamp_ns) if reason else None

    def _deviation(self, distance_m: float) -> str | None:
        limit_m = self._rules.deviation_limit_m
        if distance_m > limit_m:
            return f"route deviation: {distance_m:.2f} m from the route, the limit is {limit_m:g} m"
        share = self._progress.off_route_m / self._progress.route.length_m
        if share > OFF_ROUTE_LIMIT_SHARE:
            return f"route deviation: {100 * share:.1f} % of the route's length driven off it, the limit is 30 %"
        return None

    def _blocked(self, standing_ns: int) -> str | None:
        limit_s = self._rules.blocked_after_s
        if standing_ns < round(limit_s * NANOSECONDS_PER_SECOND):
            return None
        return f"blocked: slower than {self._rules.blocked_speed_mps:g} m/s for {limit_s:g} s"

    def _time_out(self, elapsed_ns: int) -> str | None:
        if elapsed_ns < round(self._time_limit_s * NANOSECONDS_PER_SECOND):
            return None
        return f"time-out: goal not reached within {self._time_limit_s:g} s"

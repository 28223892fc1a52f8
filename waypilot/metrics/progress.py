"""How far a vehicle has come on its route: the one rule that monitor and evaluation share."""

from __future__ import annotations

import math
from dataclasses import dataclass

from waypilot.route import Route, RouteTracker
from waypilot.scenarios import Scenario

# CARLA leaderboard: complete when more than 99 % is passed and the goal is within 10 m (the scenario's tolerance).
COMPLETE_SHARE = 0.99
# scenario_runner's InRouteTest: off the route beyond half of the limit that ends a run at once.
OFF_ROUTE_SHARE_OF_LIMIT = 0.5


@dataclass(frozen=True, slots=True)
class RoutePosition:
    """A place relative to the route. ``distance_m`` is to the route itself, also beyond its ends.

    ``lateral_m`` is positive left of the route, ``heading_rad`` the route's heading there (map frame).
    """

    s_m: float
    lateral_m: float
    heading_rad: float
    distance_m: float
    off_route: bool


class RouteProgress:
    """Follows a vehicle along the route, frame by frame.

    ``progress_m`` is the furthest arc length reached on the route; places off the route do not count.
    ``off_route_m`` is the distance driven off the route.
    """

    def __init__(self, scenario: Scenario, route: Route) -> None:
        self.route = route
        self.progress_m = 0.0
        self.off_route_m = 0.0
        self.complete = False
        self._scenario = scenario
        self._tracker = RouteTracker(route)
        self._last_xy: tuple[float, float] | None = None

    @property
    def completion(self) -> float:
        """Share of the route that counts as driven, 0 to 1."""
        return 1.0 if self.complete else min(self.progress_m / self.route.length_m, 1.0)

    def update(self, x_m: float, y_m: float) -> RoutePosition:
        """Take the vehicle's next position (map frame). Raises ValueError when it is not finite."""
        position = self._locate(x_m, y_m)
        if position.off_route:
            self.off_route_m += math.dist(self._last_xy or (x_m, y_m), (x_m, y_m))
        else:
            self.progress_m = min(max(self.progress_m, position.s_m), self.route.length_m)
        near_goal = math.dist((x_m, y_m), self._scenario.goal_m) <= self._scenario.rules.goal_tolerance_m
        self.complete |= near_goal and self.progress_m > COMPLETE_SHARE * self.route.length_m
        self._last_xy = (x_m, y_m)
        return position

    def _locate(self, x_m: float, y_m: float) -> RoutePosition:
        found = self._tracker.update(x_m, y_m)
        beyond_m = max(-found.s_m, found.s_m - self.route.length_m, 0.0)
        distance_m = math.hypot(found.lateral_m, beyond_m)
        limit_m = OFF_ROUTE_SHARE_OF_LIMIT * self._scenario.rules.deviation_limit_m
        return RoutePosition(found.s_m, found.lateral_m, found.heading_rad, distance_m, distance_m > limit_m)

"""A scenario for drives that nobody defined: along a route that somebody gives."""

from __future__ import annotations

from waypilot.geometry import SE2
from waypilot.route import Route
from waypilot.scenarios.scenario import Scenario
from waypilot.scenarios.weather import WEATHER_PRESETS


def scenario_along(route: Route, target_speed_mps: float) -> Scenario:
    """Name start, goal and the speed (m/s) the vehicle may drive; map and weather are unknown."""
    (x_m, y_m), (goal_x_m, goal_y_m) = route.points_m[0].tolist(), route.points_m[-1].tolist()
    return Scenario(
        name="route",
        map="unknown",
        weather=WEATHER_PRESETS["clear"],
        start_pose=SE2(x_m, y_m, float(route.headings_rad[0])),
        goal_m=(goal_x_m, goal_y_m),
        target_speed_mps=target_speed_mps,
    )

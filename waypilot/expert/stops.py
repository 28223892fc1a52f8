"""Where lights and signs make the expert stop.

Lights: it stops at red whenever it still can, at yellow when that takes no more than its usual hardest braking. Signs:
it stops once with its front near the line, as the CARLA leaderboard asks, and goes on.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from waypilot.expert.config import ExpertConfig
from waypilot.expert.hindrances import Stop
from waypilot.route import Route
from waypilot.stop_lines import crossings, distance_past_m
from waypilot.surroundings import LightState, SceneInfo, SignalKind, StopLine, Surroundings

LOOK_AHEAD_M = 60.0
STOPPED_MPS = 0.1  # leaderboard
NEAR_LINE_M = 3.5  # the leaderboard's 4 m, and some spare
OVER_LINE_M = 2.0  # a red line this little behind the front is still waited at
_SPACING_M = 0.5
_MIN_WAY_M = 0.1


@dataclass(frozen=True, slots=True)
class RouteLine:
    """A stop line that the route crosses at ``s_m``."""

    s_m: float
    line: StopLine


class StopLines:
    """The stop lines of one drive; remembers at which signs it has stopped."""

    def __init__(self, route: Route, config: ExpertConfig) -> None:
        self._route, self._config = route, config
        self._scene: SceneInfo | None = None
        self._lines: tuple[RouteLine, ...] = ()
        self._obeyed: set[RouteLine] = set()

    def update(self, scene: SceneInfo, around: Surroundings, s_m: float, speed_mps: float) -> tuple[Stop, ...]:
        """Return the places to stop at, with base_link's origin at ``s_m`` now."""
        if scene is not self._scene:
            self._scene, self._lines = scene, lines_on(self._route, scene)
            self._obeyed.clear()
        front_m = s_m + scene.ego.centre_x_m + scene.ego.half_length_m
        lights = dict(around.lights)
        stops = []
        for found in self._lines:
            way_m = found.s_m - front_m
            if way_m < LOOK_AHEAD_M and self._must_stop(found, way_m, speed_mps, lights):
                spare_m = way_m - self._config.line_gap_m
                stops.append(Stop(s_m + max(spare_m, 0.0), self._deceleration(speed_mps, spare_m)))
        return tuple(stops)

    def _must_stop(self, found: RouteLine, way_m: float, speed_mps: float, lights: dict[int, LightState]) -> bool:
        if found.line.kind is SignalKind.STOP_SIGN:
            if 0.0 <= way_m <= NEAR_LINE_M and speed_mps < STOPPED_MPS:
                self._obeyed.add(found)
            return way_m >= 0.0 and found not in self._obeyed
        state = lights.get(found.line.signal_id)
        if state is LightState.YELLOW:
            return way_m >= 0.0 and _needed(speed_mps, way_m) <= self._config.max_deceleration_mps2
        spare_m = way_m + OVER_LINE_M
        can_stop = spare_m >= 0.0 and _needed(speed_mps, spare_m) <= self._config.emergency_deceleration_mps2
        return state is LightState.RED and can_stop

    def _deceleration(self, speed_mps: float, way_m: float) -> float:
        hardest = self._config.emergency_deceleration_mps2
        return min(max(_needed(speed_mps, way_m), self._config.comfort_deceleration_mps2), hardest)


def _needed(speed_mps: float, way_m: float) -> float:
    """Deceleration (m/s2) that brings the vehicle to a halt within a way."""
    return speed_mps * speed_mps / (2.0 * max(way_m, _MIN_WAY_M))


def lines_on(route: Route, scene: SceneInfo) -> tuple[RouteLine, ...]:
    """Find where the route crosses the scene's stop lines, in the order in which it does."""
    places_m = np.arange(-_SPACING_M, route.length_m + LOOK_AHEAD_M, _SPACING_M)
    points_m, _ = route.sample(places_m)
    found = []
    for line in scene.stop_lines:
        past_m = distance_past_m(line, points_m)
        for index in crossings(line, points_m).tolist():
            share = past_m[index - 1] / (past_m[index - 1] - past_m[index])
            found.append(RouteLine(float(places_m[index - 1] + share * _SPACING_M), line))
    return tuple(sorted(found, key=lambda each: each.s_m))

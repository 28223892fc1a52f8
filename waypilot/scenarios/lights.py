"""Plays a scenario's traffic lights: red until the vehicle has waited at the line, then green. Knows no simulator."""

from __future__ import annotations

import math

from waypilot.geometry import wrap_angle
from waypilot.route import Route
from waypilot.scenarios.actors import Lights
from waypilot.surroundings import LightState, SceneInfo, SignalKind, StopLine

_ON_ROUTE_M = 2.0
_ALONG_ROUTE_RAD = math.radians(45.0)
_WAITING_MPS = 0.5
_WAITING_WITHIN_M = 15.0


class LightPlayer:
    """Says what each light on the route shall show."""

    def __init__(self, lights: Lights, route: Route, scene: SceneInfo) -> None:
        self._red_until_waited_s = lights.red_until_waited_s
        lines = [line for line in scene.stop_lines if line.kind is SignalKind.TRAFFIC_LIGHT]
        places = {line.signal_id: s_m for line in lines if (s_m := _place_on(route, line)) is not None}
        self._line_s_m = dict(sorted(places.items()))
        self._waited_s = dict.fromkeys(self._line_s_m, 0.0)
        self._last_s: float | None = None

    @property
    def signal_ids(self) -> tuple[int, ...]:
        """Ids of the lights on the route, ascending."""
        return tuple(self._line_s_m)

    def step(self, time_s: float, route_s_m: float, speed_mps: float) -> dict[int, LightState]:
        """Return the states by id, from where the vehicle is on its route (base_link) and how fast it is."""
        dt_s = 0.0 if self._last_s is None else time_s - self._last_s
        self._last_s = time_s
        for signal_id, line_s_m in self._line_s_m.items():
            if speed_mps < _WAITING_MPS and 0.0 <= line_s_m - route_s_m <= _WAITING_WITHIN_M:
                self._waited_s[signal_id] += dt_s
        return {
            signal_id: LightState.GREEN if waited_s >= self._red_until_waited_s else LightState.RED
            for signal_id, waited_s in self._waited_s.items()
        }


def _place_on(route: Route, line: StopLine) -> float | None:
    """Return the arc length at which a route crosses a line, None if it does not."""
    x_m, y_m = (line.left_m[0] + line.right_m[0]) / 2.0, (line.left_m[1] + line.right_m[1]) / 2.0
    found = route.project(x_m, y_m)
    along = abs(wrap_angle(found.heading_rad - line.heading_rad)) <= _ALONG_ROUTE_RAD
    return found.s_m if found.distance_m <= _ON_ROUTE_M and along else None

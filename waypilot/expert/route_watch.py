"""What lies ahead on the route, for labels that tell a network what there is to see."""

from __future__ import annotations

from waypilot.episodes.extras import RouteAhead
from waypilot.expert.obstacles import SIDE_MARGIN_M
from waypilot.expert.path import Beside, PathAhead
from waypilot.expert.stops import lines_on
from waypilot.route import Route
from waypilot.surroundings import ActorState, LightState, SceneInfo, SignalKind, Surroundings
from waypilot.types import ActorKind

REACH_M = 40.0
_PEDESTRIAN_MARGIN_M = 1.0


class RouteWatch:
    """Watches the route of one drive."""

    def __init__(self, route: Route, scene: SceneInfo) -> None:
        self._route, self._scene = route, scene
        self._lines = lines_on(route, scene)

    def look(self, around: Surroundings, s_m: float) -> RouteAhead:
        """Tell what is ahead within 40 m, with base_link's origin at ``s_m`` on the route."""
        path = PathAhead.along(self._route, s_m, self._scene.ego)
        front_m, lights = s_m + path.front_m, dict(around.lights)
        ways_m: dict[LightState | SignalKind | None, float] = {}
        for found in self._lines:
            way_m = found.s_m - front_m
            if 0.0 <= way_m <= REACH_M:
                sign = found.line.kind is SignalKind.STOP_SIGN
                ways_m.setdefault(found.line.kind if sign else lights.get(found.line.signal_id), way_m)
        return RouteAhead(
            road_user_m=_nearest_m(path, around.actors),
            red_light_m=ways_m.get(LightState.RED),
            green_light_m=ways_m.get(LightState.GREEN),
            stop_sign_m=ways_m.get(SignalKind.STOP_SIGN),
        )


def _nearest_m(path: PathAhead, actors: tuple[ActorState, ...]) -> float | None:
    """Way from the front bumper to the nearest actor whose rectangle reaches into the vehicle's way, or nearly."""
    if not actors:
        return None
    beside, own_m = Beside.of(path, actors), path.footprint.half_width_m
    ways_m = []
    for i, actor in enumerate(actors):
        margin_m = _PEDESTRIAN_MARGIN_M if actor.kind is ActorKind.PEDESTRIAN else SIDE_MARGIN_M
        way_m = float(beside.s_m[i] - beside.reach_along_m[i] - path.s_m[0]) - path.front_m
        on_way = abs(float(beside.lateral_m[i])) < own_m + float(beside.reach_across_m[i]) + margin_m
        if on_way and 0.0 <= way_m <= REACH_M:
            ways_m.append(way_m)
    return min(ways_m, default=None)

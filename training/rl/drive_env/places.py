"""The towns of training: engine, renderer and the client's map of each, made once; and the drives drawn in them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import Any

import numpy as np

from carla_lite.engine import Catalog, World
from carla_lite.maps import TownMap, load_town
from carla_lite.render import Renderer
from training.data.drive_plan import DrivePlanConfig, plan_drive
from training.rl.drive_env.client_view import seen_pose
from waypilot.geometry import SE2
from waypilot.route import Route
from waypilot.scenarios import Scenario
from waypilot.surroundings import SignalKind, StopLine
from waypilot_carla.offline import OfflineSignal, open_map, stop_lines_of
from waypilot_carla.route_planner import RouteNotFoundError, Stretches, plan_route
from waypilot_carla.signals import lines_near

CATALOG = Catalog.default()
_KEPT_ORDERS = 1024
MAX_ATTEMPTS = 20
_WEATHERS = 1 << 16
_LINE_KINDS = {"traffic.traffic_light": SignalKind.TRAFFIC_LIGHT, "traffic.stop": SignalKind.STOP_SIGN}


@dataclass(frozen=True, slots=True, eq=False)
class Order:
    """One drive to be driven: the scenario, its route, and the stop lines near that."""

    place: Place
    scenario: Scenario
    route: Route
    stop_lines: tuple[StopLine, ...]


class Place:
    """One town."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.town: TownMap = load_town(name)
        self._stretches: Stretches = {}
        self.spawn_poses: tuple[SE2, ...] = tuple(seen_pose(pose).planar for pose in self.town.spawn_points)

    @cached_property
    def renderer(self) -> Renderer:
        """What draws the town."""
        return Renderer(self.town.scene)

    @cached_property
    def client_map(self) -> Any:
        """The client's map, on which routes are planned."""
        return open_map(self.name, self.town.xodr)

    @cached_property
    def stop_lines(self) -> tuple[StopLine, ...]:
        """All stop lines; signals have the ids of a world whose first actor is number 1."""
        signals = World(self.town, CATALOG).signals.actors
        return stop_lines_of(
            self.client_map,
            (
                OfflineSignal(s.id, s.type_id, seen_pose(s.pose), s.box_center_m, s.half_extent_m)
                for s in signals
                if s.type_id in _LINE_KINDS
            ),
        )

    def order(self, scenario: Scenario) -> Order:
        """Plan the route of a scenario. Raises RouteNotFoundError."""
        route = plan_route(self.client_map, scenario.start_pose, scenario.goal_m, scenario.via_m, self._stretches)
        return Order(self, scenario, route, lines_near(self.stop_lines, route.points_m))


@lru_cache(maxsize=16)
def place(name: str) -> Place:
    """Return a town, made when first asked for."""
    return Place(name)


@lru_cache(maxsize=_KEPT_ORDERS)
def drawn_order(town: str, seed: int, attempt: int, config: DrivePlanConfig) -> Order | None:
    """Draw the drive of a seed, None where no route leads. Planning a route takes some 50 ms, hence they are kept."""
    where = place(town)
    plan = plan_drive(where.name, where.spawn_poses, seed, seed % _WEATHERS, attempt, config)
    try:
        return where.order(plan.scenario)
    except RouteNotFoundError:
        return None


def town_of(seed: int, towns: tuple[str, ...]) -> str:
    """Choose the town of a seed."""
    return towns[int(np.random.default_rng((seed, 3)).integers(len(towns)))]

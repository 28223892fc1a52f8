"""Everything that a scenario lets happen around the vehicle: actors, Traffic Manager flow, traffic lights."""

from __future__ import annotations

from contextlib import nullcontext

import carla

from waypilot.route import Route
from waypilot.scenarios import Scenario
from waypilot.scenarios.lights import LightPlayer
from waypilot.surroundings import LightState, SceneInfo
from waypilot.types import NANOSECONDS_PER_SECOND, EgoState
from waypilot_carla.actors import ActorPlayer
from waypilot_carla.connection import Connection
from waypilot_carla.traffic import TrafficFlow

_SHOWN = {LightState.RED: carla.TrafficLightState.Red, LightState.GREEN: carla.TrafficLightState.Green}


class Stage:
    """Plays one drive of a scenario, which its seed has varied already.

    Order of calls: ``set``, ``begin`` once the vehicle has settled, ``play`` before every ``tick``, ``close``.
    """

    def __init__(self, connection: Connection, world: carla.World, town: carla.Map, scenario: Scenario) -> None:
        self._connection, self._world, self._town, self._scenario = connection, world, town, scenario
        self._actors: ActorPlayer | None = None
        self._traffic: TrafficFlow | None = None
        self._lights: LightPlayer | None = None
        self._signals: dict[int, carla.TrafficLight] = {}
        self._first_ns: int | None = None

    @property
    def ids(self) -> list[int]:
        """Ids of everything that was spawned."""
        return [
            *(self._actors.ids if self._actors is not None else ()),
            *(self._traffic.ids if self._traffic is not None else ()),
        ]

    def set(self, route: Route, scene: SceneInfo, seed: int) -> None:
        """Put everybody in place, standing. Raises SetupError when a place is taken or a blueprint missing."""
        scenario = self._scenario
        self._actors = ActorPlayer(self._world, self._town, scenario, route)
        self._actors.spawn()
        if scenario.traffic is not None and scenario.traffic.vehicles:
            self._traffic = TrafficFlow(self._connection, self._world, scenario.traffic, seed)
            self._traffic.spawn(self._town, scenario.start_pose)
        if scenario.lights is not None:
            self._lights = LightPlayer(scenario.lights, route, scene)
            lights = self._world.get_actors(list(self._lights.signal_ids))
            self._signals = {light.id: light for light in lights}

    def begin(self) -> None:
        """Let the traffic flow and all traffic lights begin their cycle anew, so that it does not matter since when."""
        self._world.reset_all_traffic_lights()
        if self._traffic is not None:
            self._traffic.start()
        if self._lights is not None:
            self._show(self._lights.step(0.0, -1.0, 0.0))

    def play(self, ego: EgoState, snapshot: carla.WorldSnapshot) -> None:
        """Tell everybody what to do until the next tick, from the states of the last frame."""
        if self._first_ns is None:
            self._first_ns = ego.stamp_ns
        time_s = (ego.stamp_ns - self._first_ns) / NANOSECONDS_PER_SECOND
        if self._actors is None:
            raise RuntimeError("nobody is in place yet: call set() first")
        commands = self._actors.commands(time_s, ego.pose_map_from_base_link.planar, snapshot)
        if commands:
            self._connection.client.apply_batch_sync(commands)
        if self._lights is not None:
            self._show(self._lights.step(time_s, self._actors.ego_s_m, ego.speed_mps))

    def tick(self, timeout_s: float) -> int:
        """Advance the world by one step; return the frame's number."""
        with self._traffic.watching(timeout_s) if self._traffic is not None else nullcontext():
            return int(self._world.tick(timeout_s))

    def close(self) -> None:
        """End the Traffic Manager; actors are destroyed by their ``ids``."""
        if self._traffic is not None:
            self._traffic.close()

    def _show(self, states: dict[int, LightState]) -> None:
        for signal_id, state in states.items():
            if self._signals[signal_id].state != _SHOWN[state]:
                self._signals[signal_id].set_state(_SHOWN[state])

"""Other vehicles driven by CARLA's own Traffic Manager, which runs inside this client."""

from __future__ import annotations

import math
import random
import socket
from contextlib import AbstractContextManager

import carla

from waypilot.geometry import SE2
from waypilot.scenarios.actors import Traffic
from waypilot_carla import convert
from waypilot_carla.connection import Connection
from waypilot_carla.errors import SetupError
from waypilot_carla.tick_watch import TickWatch

# Nearer to the judged vehicle's start than this nobody is put.
_FREE_M = 12.0
_CAR = "car"
# Added to the client's own patience with the server: only then is it the Traffic Manager that a tick waits for.
_WATCH_MARGIN_S = 1.0


class TrafficFlow:
    """The Traffic Manager of one drive and its vehicles. ``ids`` are those of what was spawned so far."""

    def __init__(self, connection: Connection, world: carla.World, traffic: Traffic, seed: int) -> None:
        """Start a Traffic Manager on a free port, in step with the world, with everything it draws from ``seed``."""
        self._connection, self._world, self._traffic = connection, world, traffic
        self._random = random.Random(seed)
        self.ids: list[int] = []
        self._vehicles: list[carla.Vehicle] = []
        port = _free_port()
        self._manager: carla.TrafficManager = connection.client.get_trafficmanager(port)
        self._manager.set_synchronous_mode(True)
        self._manager.set_hybrid_physics_mode(False)
        self._manager.set_random_device_seed(seed)
        self._watch = TickWatch(port)

    def spawn(self, town: carla.Map, start: SE2) -> None:
        """Put the vehicles, standing, at spawn points near the start. Raises SetupError for too few places."""
        places = self._places(town, start)
        blueprints = self._blueprints()
        for place in places:
            if len(self.ids) == self._traffic.vehicles:
                break
            vehicle = self._world.try_spawn_actor(self._random.choice(blueprints), place)
            if vehicle is not None:
                self.ids.append(vehicle.id)
                self._vehicles.append(vehicle)
        if len(self.ids) < self._traffic.vehicles:
            raise SetupError(
                f"only {len(self.ids)} of {self._traffic.vehicles} vehicles of the traffic found a place within "
                f"{self._traffic.within_m:g} m of the start: ask for fewer, or raise within_m"
            )

    def start(self) -> None:
        """Hand the vehicles to the Traffic Manager: only now do they move."""
        for vehicle in self._vehicles:
            vehicle.set_autopilot(True, self._manager.get_port())

    def watching(self, timeout_s: float) -> AbstractContextManager[None]:
        """See to it that the tick inside the block, which waits so long for the server, returns."""
        return self._watch.watching(timeout_s + _WATCH_MARGIN_S)

    def close(self) -> None:
        """End the Traffic Manager; its vehicles are left to whoever spawned them."""
        self._watch.close()
        self._manager.set_synchronous_mode(False)
        self._manager.shut_down()

    def _places(self, town: carla.Map, start: SE2) -> list[carla.Transform]:
        def distance_m(place: carla.Transform) -> float:
            at = convert.pose(place)
            return math.hypot(at.x_m - start.x_m, at.y_m - start.y_m)

        near = [place for place in town.get_spawn_points() if _FREE_M < distance_m(place) <= self._traffic.within_m]
        self._random.shuffle(near)
        return near

    def _blueprints(self) -> list[carla.ActorBlueprint]:
        """Return the cars, in the order of their names: no two-wheelers, which fall over, and no trucks."""
        library = self._world.get_blueprint_library().filter("vehicle.*")
        cars = [blueprint for blueprint in library if blueprint.get_attribute("base_type") == _CAR]
        return sorted(cars, key=lambda blueprint: blueprint.id)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])

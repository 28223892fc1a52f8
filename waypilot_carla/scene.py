"""Setting the scene of a simulator that somebody else runs: another bridge ticks it and owns vehicle and sensors."""

from __future__ import annotations

import carla

from waypilot.geometry import Pose
from waypilot.route import Route
from waypilot.scenarios import Scenario, vary
from waypilot.types import ActorKind
from waypilot_carla import convert
from waypilot_carla.connection import Connection, Endpoint
from waypilot_carla.errors import SetupError
from waypilot_carla.route_planner import plan_route
from waypilot_carla.spawn import SPAWN_HEIGHT_M
from waypilot_carla.world import last_part, set_weather


class SceneSetter:
    """Sets weather, puts the vehicle at its start and plans the route; never ticks, spawns, or changes map or settings.

    Raises SimulatorUnreachable on construction when no server answers; any call may raise SimulatorLost.
    """

    def __init__(self, endpoint: Endpoint, role_name: str) -> None:
        self._connection = Connection(endpoint)
        self._role_name = role_name

    @property
    def server_version(self) -> str:
        """Version that the server reports, and which simulator it is: a result must not pass for real CARLA."""
        return f"{self._connection.server_version} ({self._connection.simulator})"

    def prepare(self, scenario: Scenario, seed: int) -> Route:
        """Set the scene and return the route.

        Raises SetupError when another map is loaded, the vehicle is missing, no route leads to the goal, or the
        scenario needs somebody to move actors.
        """
        if scenario.actors or scenario.traffic is not None or scenario.lights is not None:
            raise SetupError(
                f"scenario {scenario.name} has actors, traffic or lights, which only the bridge of Waypilot can play: "
                "use bridge:=waypilot"
            )
        scenario = vary(scenario, seed)
        with self._connection.asking("setting the scene"):
            world = self._connection.client.get_world()
            town = world.get_map()
            self._require_map(town, scenario.map)
            route = plan_route(town, scenario.start_pose, scenario.goal_m, scenario.via_m)
            vehicle = self._find_vehicle(world)
            set_weather(world, scenario.weather)
            _put_at_start(vehicle, town, scenario)
            return route

    def actor_kind(self, actor_id: int) -> ActorKind:
        """Say what an actor is; one that does not exist (0: the world itself) is static."""
        with self._connection.asking("an actor's type"):
            actor = self._connection.client.get_world().get_actor(actor_id)
            return ActorKind.STATIC if actor is None else convert.actor_kind(actor.type_id)

    def _require_map(self, town: carla.Map, wanted: str) -> None:
        loaded = last_part(town.name)
        if loaded != last_part(wanted):
            raise SetupError(
                f"the simulator runs map {loaded}, the scenario needs {wanted}: load it before the bridge is started, "
                "since the map may not change while another bridge runs"
            )

    def _find_vehicle(self, world: carla.World) -> carla.Vehicle:
        for actor in world.get_actors().filter("vehicle.*"):
            if actor.attributes.get("role_name") == self._role_name:
                return actor
        raise SetupError(
            f"the simulator has no vehicle with role name {self._role_name!r}: spawn it and its sensors through the "
            "bridge, for example with carla_spawn_objects"
        )


def _put_at_start(vehicle: carla.Vehicle, town: carla.Map, scenario: Scenario) -> None:
    start = scenario.start_pose
    road = town.get_waypoint(convert.location(start.x_m, start.y_m))
    height_m = road.transform.location.z + SPAWN_HEIGHT_M
    vehicle.apply_control(carla.VehicleControl(brake=1.0))
    vehicle.set_transform(convert.transform(Pose.from_xyz_rpy(start.x_m, start.y_m, height_m, yaw_rad=start.yaw_rad)))
    vehicle.set_target_velocity(carla.Vector3D())
    vehicle.set_target_angular_velocity(carla.Vector3D())

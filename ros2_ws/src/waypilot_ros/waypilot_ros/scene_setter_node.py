"""Takes the bridge's place at the evaluator when carla_ros_bridge drives the simulator: sets scenes, plans routes.

It offers the same services as our bridge, but neither ticks nor publishes sensors: frames come all the time.
"""

from __future__ import annotations

import json
from dataclasses import dataclass

from carla_msgs.msg import CarlaCollisionEvent
from nav_msgs.msg import Path
from rclpy.node import Node
from std_srvs.srv import Trigger
from waypilot_msgs.msg import CollisionEvent as CollisionMessage
from waypilot_msgs.msg import DriveCounts
from waypilot_msgs.srv import PrepareScenario, StartScenario, StopScenario

from waypilot.config import config_from_mapping
from waypilot.geometry import vector_from_carla
from waypilot.scenarios import Scenario
from waypilot.types import CollisionEvent
from waypilot_carla.connection import Endpoint, exit_process
from waypilot_carla.errors import SetupError, SimulatorError, SimulatorUnreachable
from waypilot_carla.scene import SceneSetter
from waypilot_ros import qos
from waypilot_ros.connecting import CONNECT_ATTEMPT_S, connect_patiently
from waypilot_ros.conversions import collision_to_msg, route_to_msg, route_to_path, stamp_from_msg, stamp_to_msg
from waypilot_ros.diagnostics import Diagnostics
from waypilot_ros.parameters import declare_config, parameter, refuse_unknown_parameters
from waypilot_ros.readers import offer_readers
from waypilot_ros.spin import NotStartedError, request_stop, run_node, stop_requested

FAILURE_EXIT_CODE = 1


@dataclass(frozen=True, slots=True)
class SceneSetterConfig:
    """Which simulator, and which vehicle in it."""

    host: str = parameter("127.0.0.1", "where the simulator listens")
    port: int = parameter(2000, "the simulator's RPC port", 1, 65535)
    connect_timeout_s: float = parameter(60.0, "wall time to wait for the simulator", 0.1, 600.0)
    role_name: str = parameter("ego_vehicle", "CARLA role name of the vehicle that the other bridge spawned")


class SceneSetterNode(Node):
    """Sets scenes beside another bridge, and adds to its collision events what was hit."""

    def __init__(self) -> None:
        super().__init__("carla_bridge")
        config = declare_config(self, SceneSetterConfig)
        refuse_unknown_parameters(self)
        self.exit_code = 0
        self._scene = _connect(config)
        self._collisions_ns: list[int] = []
        self._diagnostics = Diagnostics(self)  # the evaluator takes a node that reports nothing for a dead one
        self._route = self.create_publisher(Path, "/carla/ego_vehicle/waypoints", qos.LATCHED_LAST)
        self._kind_collision = self.create_publisher(CollisionMessage, "/waypilot/ego_vehicle/collision", qos.EVENT)
        self.create_subscription(CarlaCollisionEvent, "/carla/ego_vehicle/collision", self._on_collision, qos.FRAME)
        offer_readers(self)
        self.create_service(Trigger, "~/server_version", self._on_server_version)
        self.create_service(PrepareScenario, "~/prepare", self._on_prepare)
        self.create_service(StartScenario, "~/start", self._on_start)
        self.create_service(StopScenario, "~/stop", self._on_stop)
        self.create_service(Trigger, "~/release", self._on_release)
        self.get_logger().info(f"scene setter is connected to {config.host}:{config.port}")

    def _on_server_version(self, _request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        response.success, response.message = True, self._scene.server_version
        return response

    def _on_prepare(
        self, request: PrepareScenario.Request, response: PrepareScenario.Response
    ) -> PrepareScenario.Response:
        """Set the scene and answer with the planned route."""
        self._collisions_ns.clear()
        try:
            scenario = config_from_mapping(Scenario, json.loads(request.scenario_json))
            if scenario.faults:
                raise ValueError(f"{scenario.name}: faults are injected by our own bridge, use bridge:=waypilot")
            route = self._scene.prepare(scenario, request.seed)
        except (SetupError, ValueError) as error:
            response.message = str(error)
            return response
        except SimulatorError as error:
            self._give_up(error)
            response.message = str(error)
            return response
        self._route.publish(route_to_path(route))
        response.route, response.free_running, response.success = route_to_msg(route), True, True
        return response

    def _on_start(self, _request: StartScenario.Request, response: StartScenario.Response) -> StartScenario.Response:
        """Agree: the other bridge is running already."""
        response.success = True
        return response

    def _on_stop(self, request: StopScenario.Request, response: StopScenario.Response) -> StopScenario.Response:
        """Promise what is known: at least the last frame, and the collisions passed on."""
        response.success = True
        response.counts = DriveCounts(
            end_stamp=stamp_to_msg(request.end_stamp_ns),
            frames=1,
            collisions=len({stamp_ns for stamp_ns in self._collisions_ns if stamp_ns <= request.end_stamp_ns}),
        )
        return response

    def _on_release(self, _request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        """Agree: nothing was taken."""
        response.success = True
        return response

    def _on_collision(self, message: CarlaCollisionEvent) -> None:
        """Pass a contact on with the kind of the other actor."""
        impulse = message.normal_impulse
        try:
            event = CollisionEvent(
                stamp_ns=stamp_from_msg(message.header.stamp),
                other_actor_id=message.other_actor_id,
                other_kind=self._scene.actor_kind(message.other_actor_id),
                impulse_ns=vector_from_carla((impulse.x, impulse.y, impulse.z)),
            )
        except SimulatorError as error:
            self._give_up(error)
            return
        self._collisions_ns.append(event.stamp_ns)
        self._kind_collision.publish(collision_to_msg(event))

    def _give_up(self, error: SimulatorError) -> None:
        self.get_logger().error(str(error))
        self.exit_code = FAILURE_EXIT_CODE
        request_stop()


def _connect(config: SceneSetterConfig) -> SceneSetter:
    """Wait for the simulator; NotStartedError when it does not come or a signal comes first."""
    endpoint = Endpoint(config.host, config.port, connect_timeout_s=CONNECT_ATTEMPT_S)
    try:
        scene = connect_patiently(
            lambda: SceneSetter(endpoint, config.role_name), config.connect_timeout_s, stop_requested
        )
    except SimulatorUnreachable as error:
        raise NotStartedError(str(error), FAILURE_EXIT_CODE) from error
    if scene is None:
        raise NotStartedError("stopped before the simulator was there", 0)
    return scene


def main() -> None:
    """Run the node until a signal comes."""
    exit_process(run_node(SceneSetterNode))

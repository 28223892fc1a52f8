"""Lets policy and controller drive without an evaluator: every route that is published begins a drive.

For one's own bridge or a real car: somebody publishes the route as a latched path in the map frame, as
carla_waypoint_publisher does, frames come all the time, and no one judges.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from nav_msgs.msg import Path
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.task import Future
from waypilot_msgs.msg import Route as RouteMessage
from waypilot_msgs.srv import PrepareScenario

from waypilot.messages import MalformedMessageError, route_from_msg
from waypilot.route import Route
from waypilot.scenarios.along_route import scenario_along
from waypilot.scenarios.scenario import scenario_to_json
from waypilot_ros import qos
from waypilot_ros.diagnostics import Diagnostics
from waypilot_ros.parameters import declare_config, parameter, refuse_unknown_parameters
from waypilot_ros.spin import run_node

#: In the order in which messages flow (see ``readiness.Drain``).
DRIVERS = ("policy", "controller")
RETRY_S = 0.2
#: A request is made again when it is not answered: a client sees a service before the service sees the client, and an
#: answer given in between is lost.
ANSWER_S = 3.0


@dataclass(frozen=True, slots=True)
class RouteStarterConfig:
    """What the drivers are told beside the route."""

    target_speed_mps: float = parameter(8.0, "speed the vehicle may drive", 0.1, 60.0)
    seed: int = parameter(0, "seed of whatever draws by chance in a policy", 0, 2**31 - 1)


class RouteStarterNode(Node):
    """Prepares the policy, then the controller, for the latest route, asking until they are ready."""

    def __init__(self) -> None:
        super().__init__("route_starter")
        self._config = declare_config(self, RouteStarterConfig)
        refuse_unknown_parameters(self)
        self._diagnostics = Diagnostics(self)
        self._request: PrepareScenario.Request | None = None
        self._waiting: list[str] = []
        self._pending: Future | None = None
        self._asked_s = 0.0
        self._prepare = {name: self.create_client(PrepareScenario, f"{name}/prepare") for name in DRIVERS}
        self.create_subscription(Path, "route", self._on_route, qos.LATCHED_LAST)
        self.create_timer(RETRY_S, self._on_retry, clock=Clock(clock_type=ClockType.STEADY_TIME))
        self.get_logger().info("route_starter waits for a route")

    def _on_route(self, message: Path) -> None:
        try:
            route_message = RouteMessage(path=message, junctions_known=False)
            self._request = self._make_request(route_message, route_from_msg(route_message))
        except (MalformedMessageError, ValueError) as error:
            self._diagnostics.problem("unusable route", str(error))
            return
        self._waiting, self._pending = list(DRIVERS), None
        self._ask()

    def _make_request(self, message: RouteMessage, route: Route) -> PrepareScenario.Request:
        scenario = scenario_along(route, self._config.target_speed_mps)
        return PrepareScenario.Request(
            scenario_json=scenario_to_json(scenario), seed=self._config.seed, route=message, free_running=True
        )

    def _on_retry(self) -> None:
        if not self._waiting:
            return
        if self._pending is None or self._pending.done():
            self._ask()
        elif time.monotonic() > self._asked_s + ANSWER_S:
            client = self._prepare[self._waiting[0]]
            self._diagnostics.problem(f"no answer from {client.srv_name}")
            client.remove_pending_request(self._pending)
            self._ask()

    def _ask(self) -> None:
        client = self._prepare[self._waiting[0]]
        if not client.service_is_ready():
            self._diagnostics.problem(f"nobody offers {client.srv_name}")
            return
        self._asked_s = time.monotonic()
        self._pending = client.call_async(self._request)
        self._pending.add_done_callback(self._on_answer)

    def _on_answer(self, future: Future) -> None:
        if future is not self._pending:
            return  # an answer that belongs to the route before
        answer = future.result()
        if not answer.success:
            self._diagnostics.problem(f"{self._waiting[0]} is not ready", answer.message)
            return
        self.get_logger().info(f"{self._waiting.pop(0)} follows the new route")
        if self._waiting:
            self._ask()


def main() -> int:
    """Run the node until a signal comes."""
    return run_node(RouteStarterNode)

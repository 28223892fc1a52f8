"""Replay as a node: cameras, odometry and route of a bag for the policy node, which plans as it would have live."""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from pathlib import Path

from nav_msgs.msg import Odometry
from nav_msgs.msg import Path as PathMessage
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.task import Future
from rosgraph_msgs.msg import Clock as ClockMessage
from sensor_msgs.msg import Image
from std_srvs.srv import SetBool
from waypilot_msgs.srv import PrepareScenario

from waypilot.bags import Bag, BagError
from waypilot.bags.events import Frame
from waypilot.bags.layout import LayoutOptions
from waypilot.bags.replay import Pace, Player, ReplaySource
from waypilot.config import ConfigError
from waypilot.messages import MalformedMessageError, trajectory_from_msg
from waypilot.route import Route
from waypilot.scenarios.along_route import scenario_along
from waypilot.scenarios.scenario import scenario_to_json
from waypilot_ros import qos
from waypilot_ros.conversions import ego_to_msg, route_to_msg, route_to_path, stamp_to_msg
from waypilot_ros.diagnostics import Diagnostics
from waypilot_ros.parameters import declare_config, parameter, refuse_unknown_parameters
from waypilot_ros.readers import still_connecting
from waypilot_ros.readiness import missing_connections
from waypilot_ros.simulator_messages import rgb_to_msg
from waypilot_ros.spin import request_stop, run_node

STEP_S = 0.005
RETRY_S = 0.1
#: A request is made again when it is not answered: a client sees a service before the service sees the client, and an
#: answer given in between is lost.
ANSWER_S = 3.0


@dataclass(frozen=True, slots=True)
class ReplayConfig:
    """What is played, how fast, and where the plans go."""

    bag: str = parameter("", "bag folder or storage file")
    predictions: str = parameter("", "file for the plans, one JSON object a line; empty: they are not kept")
    lock_step: bool = parameter(True, "true: as fast as the policy answers; false: in the pace of the stamps")
    rate: float = parameter(1.0, "how many times faster than recorded, without lock_step", 0.01, 100.0)
    loop: bool = parameter(False, "begin again at the end")
    paused: bool = parameter(False, "wait for replay/pause with data: false")
    answer_wait_s: float = parameter(10.0, "wall time to wait for a plan in lock step", 0.01, 600.0)
    prepare_wait_s: float = parameter(120.0, "wall time to wait until the policy is ready", 0.1, 600.0)
    odometry: str = parameter("", "topic of the odometry in the bag (empty: found)")
    route: str = parameter("", "topic of the route in the bag (empty: found)")
    cameras: str = parameter("", "NAME=TOPIC of cameras in the bag, separated by commas (empty: all, by topic)")
    camera_prefix: str = parameter("/carla/ego_vehicle", "images are published on <camera_prefix>/<camera>/image")
    target_speed_mps: float = parameter(8.0, "speed the policy is told it may drive", 0.1, 60.0)
    seed: int = parameter(0, "seed of whatever draws by chance in a policy", 0, 2**31 - 1)

    def __post_init__(self) -> None:
        if not self.bag:
            raise ValueError("bag is empty: give the path of a bag")

    @property
    def layout(self) -> LayoutOptions:
        """The topics that were named."""
        pairs = [text.partition("=") for text in self.cameras.split(",") if text]
        if wrong := [name for name, _, topic in pairs if not topic]:
            raise ConfigError(f"cameras: {wrong[0]!r} is no NAME=TOPIC")
        return LayoutOptions(self.odometry, self.route, cameras={name: topic for name, _, topic in pairs})


class ReplayNode(Node):
    """Plays a bag once the policy is prepared and says so with its end.

    ``exit_code`` is 1 when a frame got no plan or the policy was never ready.
    """

    def __init__(self) -> None:
        super().__init__("replay")
        self._config = config = declare_config(self, ReplayConfig)
        refuse_unknown_parameters(self)
        try:
            self._bag = Bag(Path(config.bag))
            self._source = ReplaySource(self._bag, config.layout)
        except BagError as error:
            raise ConfigError(f"bag: {error}") from error
        pace = Pace(config.lock_step, config.rate, config.loop, config.answer_wait_s)
        self._player = Player(self._source.frames, pace)
        self._player.pause(config.paused)
        self._file = self._open_predictions()
        self.exit_code = 0
        self._over = False
        self._asked: Future | None = None
        self._ask_again_s = 0.0
        self._ready_by_s: float | None = None
        self._objection = ""
        self._diagnostics = Diagnostics(self)
        self._clock = self.create_publisher(ClockMessage, "/clock", qos.FRAME)
        self._route = self.create_publisher(PathMessage, "route", qos.LATCHED_LAST)
        self._odometry = self.create_publisher(Odometry, "odometry", qos.RECORD)
        self._images = {
            name: self.create_publisher(Image, f"{config.camera_prefix}/{name}/image", qos.IMAGE)
            for name in self._source.cameras
        }
        self._plans = self.create_subscription(PathMessage, "waypoints", self._on_plan, qos.RECORD)
        self._prepare = self.create_client(PrepareScenario, "policy/prepare")
        self.create_service(SetBool, "~/pause", self._on_pause)
        self.create_timer(STEP_S, self._step, clock=Clock(clock_type=ClockType.STEADY_TIME))
        for note in self._source.notes:
            self.get_logger().warning(note)
        self.get_logger().info(f"replay of {config.bag} is ready, cameras: {', '.join(self._images)}")

    def close(self) -> None:
        """Say what was played and left out."""
        counts = ", ".join(f"{count} {what}" for what, count in self._player.counts.items())
        self.get_logger().info(f"frames: {counts}")
        for text in (*self._bag.problems, *(f"{count} x {what}" for what, count in self._source.counts.items())):
            self.get_logger().warning(text)
        if self._file is not None:
            self._file.close()
        self._bag.close()

    def _open_predictions(self):
        if not self._config.predictions:
            return None
        path = Path(self._config.predictions)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            return path.open("w", encoding="utf-8")
        except OSError as error:
            raise ConfigError(f"predictions: {error}") from error

    def _step(self) -> None:
        now_s = time.monotonic()
        if self._over:
            return
        if self._player.is_over(now_s):
            played, answered = self._player.counts["played"], self._player.counts["answered"]
            self._end(f"{answered} of {played} frames were answered", well=played == answered > 0)
            return
        route = self._player.new_route(now_s)
        if route is not None:
            self._make_ready(route, now_s)
            return
        frame = self._player.due(now_s)
        if frame is not None:
            self._publish(frame)

    def _make_ready(self, route: Route, now_s: float) -> None:
        """Ask the policy until it is ready for the route."""
        if self._ready_by_s is None:
            self._ready_by_s = now_s + self._config.prepare_wait_s
            self._objection = f"nobody offers {self._prepare.srv_name}"
            self._route.publish(route_to_path(route))
        if self._asked is not None and self._asked.done():
            answer, self._asked = self._asked.result(), None
            self._objection = answer.message if not answer.success else self._disconnected()
            if not self._objection:
                self._ready_by_s = None
                self._player.begin()
                return
        if self._asked is not None and now_s > self._ask_again_s + ANSWER_S:
            self._objection = f"no answer from {self._prepare.srv_name}"
            self._prepare.remove_pending_request(self._asked)
            self._asked = None
        if now_s > self._ready_by_s:
            self._end(f"policy was not ready within {self._config.prepare_wait_s:g} s: {self._objection}", well=False)
        elif self._asked is None and now_s >= self._ask_again_s and self._prepare.service_is_ready():
            self._ask_again_s = now_s + RETRY_S
            self._asked = self._prepare.call_async(self._request(route))

    def _disconnected(self) -> str:
        """Say who would not get what is played, or whose plans would not be heard; nothing when all is well."""
        return missing_connections([self._odometry], [self._plans]) or still_connecting(self)

    def _request(self, route: Route) -> PrepareScenario.Request:
        scenario = scenario_along(route, self._config.target_speed_mps)
        return PrepareScenario.Request(
            scenario_json=scenario_to_json(scenario), seed=self._config.seed, route=route_to_msg(route)
        )

    def _publish(self, frame: Frame) -> None:
        stamp_ns = self._diagnostics.stamp_ns = frame.ego.stamp_ns
        self._clock.publish(ClockMessage(clock=stamp_to_msg(stamp_ns)))
        self._odometry.publish(ego_to_msg(frame.ego))
        for name, image in frame.images.items():
            self._images[name].publish(rgb_to_msg(name, stamp_ns, image))

    def _on_plan(self, message: PathMessage) -> None:
        try:
            plan = trajectory_from_msg(message)
        except MalformedMessageError as error:
            self._diagnostics.problem("malformed plan", str(error))
            return
        if not self._player.answer(plan.stamp_ns):
            self._diagnostics.problem("plan for no frame that waits")
        elif self._file is not None:
            lap, drive = self._player.place
            line = {"lap": lap, "drive": drive, "stamp_ns": plan.stamp_ns, "dt_ns": plan.dt_ns}
            print(json.dumps(line | {"waypoints_m": plan.waypoints_m.tolist()}), file=self._file, flush=True)
        self._step()

    def _on_pause(self, request: SetBool.Request, response: SetBool.Response) -> SetBool.Response:
        self._player.pause(request.data)
        response.success, response.message = True, "paused" if request.data else "playing"
        return response

    def _end(self, words: str, well: bool) -> None:
        self._over = True
        self.exit_code = 0 if well else 1
        (self.get_logger().info if well else self.get_logger().error)(words)
        request_stop()


def main() -> int:
    """Run the node until the bag is played or a signal comes."""
    return run_node(ReplayNode)

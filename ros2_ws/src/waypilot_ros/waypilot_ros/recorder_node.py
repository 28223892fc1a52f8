"""The recorder as a node: everything that is published into a bag, as it comes over the wire."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from pathlib import Path

from ament_index_python.packages import PackageNotFoundError, get_package_share_path
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import CompressedImage, Image
from waypilot_msgs.srv import StartRecording, StopRecording

from waypilot.awake_time import AwakeTime
from waypilot.bags import BagError, BagTopic, BagWriter, SplitLimits, TypeLibrary
from waypilot.bags.recording import Recording
from waypilot.bags.storage import STORAGES
from waypilot.config import ConfigError
from waypilot.episodes.images import encode_jpeg
from waypilot_ros.conversions import MalformedMessageError, image_to_rgb
from waypilot_ros.diagnostics import Diagnostics
from waypilot_ros.parameters import declare_config, parameter, refuse_unknown_parameters
from waypilot_ros.readiness import Drain
from waypilot_ros.spin import run_node
from waypilot_ros.topic_taps import TopicTaps, is_latched

DISCOVERY_PERIOD_S = 0.25
#: What was lost on the wire is sent again after a heartbeat, which Fast DDS sends every 3 s.
LATE_S = 4.0
#: What may pass between two requests to stop that counts as waiting for what is late.
TURN_S = 0.5
IMAGE_TYPE, COMPRESSED_TYPE = "sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage"


@dataclass(frozen=True, slots=True)
class RecorderConfig:
    """What is recorded, and how it is stored."""

    path: str = parameter("", "folder to record to from the start; empty waits for recorder/start")
    storage: str = parameter("mcap", "mcap or sqlite3")
    topics: str = parameter(".*", "regular expression for the whole name of the topics to record")
    exclude: str = parameter("/rosout|/parameter_events", "regular expression for topics to leave out")
    images: str = parameter("raw", "raw, compressed (JPEG instead), or both; JPEG goes to <topic>/compressed")
    max_file_mb: int = parameter(0, "go on in a new file after so many megabytes; 0 for never", 0, 1_000_000)
    max_file_s: float = parameter(0.0, "go on in a new file after so many seconds; 0 for never", 0.0, 1e6)
    queue_depth: int = parameter(1000, "messages per topic that may wait for the recorder", 1, 100_000)

    def __post_init__(self) -> None:
        if self.storage not in STORAGES:
            raise ValueError(f"storage is {self.storage!r}, expected one of {', '.join(STORAGES)}")
        if self.images not in ("raw", "compressed", "both"):
            raise ValueError(f"images is {self.images!r}, expected raw, compressed or both")
        for name in ("topics", "exclude"):
            try:
                re.compile(getattr(self, name))
            except re.error as error:
                raise ValueError(f"{name} is {getattr(self, name)!r}, no regular expression: {error}") from error


class RecorderNode(Node):
    """Writes what it hears to a bag at once, nothing waits in this process; what the middleware drops is counted.

    What is latched and was said while nothing was recorded begins each bag.
    """

    def __init__(self) -> None:
        super().__init__("recorder")
        self._config = config = declare_config(self, RecorderConfig)
        refuse_unknown_parameters(self)
        self._recording: Recording | None = None
        self._latched: dict[str, tuple[BagTopic, bytes]] = {}
        self._said_meanwhile: set[str] = set()
        self._stopping: AwakeTime | None = None
        self._drain = Drain()
        self._diagnostics = Diagnostics(self)
        self._library = TypeLibrary(_message_folder)
        self._taps = TopicTaps(self, self._library, self._take, config.topics, config.exclude, config.queue_depth)
        self.create_service(StartRecording, "~/start", self._on_start)
        self.create_service(StopRecording, "~/stop", self._on_stop)
        clock = Clock(clock_type=ClockType.STEADY_TIME)
        self.create_timer(DISCOVERY_PERIOD_S, self._taps.discover, clock=clock)
        if config.path:
            try:
                self._begin(config.path)
            except BagError as error:
                raise ConfigError(f"path: {error}") from error
        self.get_logger().info("recorder is ready")

    def close(self) -> None:
        """Complete the bag."""
        if self._recording is not None:
            recording, self._recording = self._recording, None
            self.get_logger().info(f"{recording.messages} messages recorded, {self._taps.lost} lost")
            recording.close()
        for name in self._said_meanwhile:
            self._latched.pop(name, None)
        self._said_meanwhile.clear()
        self._stopping = None

    def _begin(self, path: str) -> None:
        self.close()
        limits = SplitLimits(self._config.max_file_mb * 1_000_000, self._config.max_file_s)
        self._recording = Recording(BagWriter(Path(path), self._config.storage, limits))
        self._taps.lost = 0
        for topic, data in self._latched.values():
            self._recording.take(topic, data)

    def _take(self, topic: BagTopic, data: bytes) -> None:
        self._drain.note_message()
        if is_latched(topic):
            self._latched[topic.name] = (topic, data)
            if self._recording is not None:
                self._said_meanwhile.add(topic.name)
        if self._recording is None:
            return
        if topic.type != IMAGE_TYPE or self._config.images != "compressed":
            self._recording.take(topic, data)
        if topic.type == IMAGE_TYPE and self._config.images != "raw":
            self._take_compressed(self._recording, topic, data)

    def _take_compressed(self, recording: Recording, topic: BagTopic, data: bytes) -> None:
        image = deserialize_message(data, Image)
        try:
            jpeg = encode_jpeg(image_to_rgb(image))
        except MalformedMessageError as error:
            self._diagnostics.problem(f"image of {topic.name} is recorded raw", str(error))
            if self._config.images == "compressed":
                recording.take(topic, data)
            return
        message = CompressedImage(header=image.header, format=f"{image.encoding}; jpeg compressed bgr8", data=jpeg)
        compressed = self._library.topic(f"{topic.name}/compressed", COMPRESSED_TYPE, topic.qos)
        recording.take(compressed, serialize_message(message))

    def _on_start(self, request: StartRecording.Request, response: StartRecording.Response) -> StartRecording.Response:
        response.message = self._taps.discover()
        if not response.message:
            try:
                self._begin(request.path)
            except BagError as error:
                response.message = str(error)
        response.success = not response.message
        return response

    def _on_stop(self, request: StopRecording.Request, response: StopRecording.Response) -> StopRecording.Response:
        if self._recording is None:
            response.message = "nothing is being recorded"
            return response
        self._stopping = self._stopping or AwakeTime(TURN_S)
        waited_s = self._stopping.look(time.monotonic())
        response.message = self._drain.objection(request.free_running)
        late = self._recording.behind()
        if not response.message and late and waited_s < LATE_S:
            response.message = f"the last frame has not arrived yet on {', '.join(late)}"
        response.success = not response.message
        if response.success:
            response.messages, response.lost = self._recording.messages, self._taps.lost
            self.close()
        return response


def _message_folder(package: str) -> Path | None:
    try:
        return get_package_share_path(package) / "msg"
    except PackageNotFoundError:
        return None


def main() -> int:
    """Run the node until a signal comes."""
    return run_node(RecorderNode)

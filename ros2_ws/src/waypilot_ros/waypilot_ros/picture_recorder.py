"""Keeps some camera pictures of every drive for the report."""

from __future__ import annotations

from pathlib import Path

import cv2
from rclpy.node import Node
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from waypilot.types import NANOSECONDS_PER_SECOND
from waypilot_ros import qos
from waypilot_ros.conversions import MalformedMessageError, image_to_rgb, stamp_from_msg

MAX_PICTURES = 8
JPEG_QUALITY = 90


class PictureRecorder:
    """Saves a JPEG of the first frame and then one every ``interval_s`` of simulated time."""

    def __init__(self, node: Node, topic: str, interval_s: float) -> None:
        self._logger = node.get_logger()
        self._interval_ns = round(interval_s * NANOSECONDS_PER_SECOND)
        self._folder: Path | None = None
        self._first_ns: int | None = None
        self._saved = 0
        # Raw, since few pictures are kept: of all others only the stamp is read.
        node.create_subscription(Image, topic, self._on_image, qos.IMAGE, raw=True)

    def start(self, folder: Path) -> None:
        """Save into ``folder`` from now on."""
        self._folder, self._first_ns, self._saved = folder, None, 0

    def _on_image(self, data: bytes) -> None:
        if self._folder is None or self._saved >= MAX_PICTURES:
            return
        stamp_ns = stamp_from_msg(deserialize_message(data, Header).stamp)
        first_ns = stamp_ns if self._first_ns is None else self._first_ns
        if stamp_ns - first_ns < self._saved * self._interval_ns:
            return
        try:
            image = image_to_rgb(deserialize_message(data, Image))
        except MalformedMessageError:
            return
        self._first_ns = first_ns
        self._save((stamp_ns - first_ns) / NANOSECONDS_PER_SECOND, image)

    def _save(self, time_s: float, image: object) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        path = self._folder / f"t{time_s:06.2f}s.jpg"
        if not cv2.imwrite(str(path), cv2.cvtColor(image, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY]):
            self._logger.warning(f"could not write the picture {path}")
        self._saved += 1

"""Films every drive for the report: camera images joined with the waypoints planned on them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from nav_msgs.msg import Path as PathMessage
from rclpy.node import Node
from rclpy.serialization import deserialize_message
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from waypilot.report.video import DriveVideo
from waypilot.rig import CameraSpec
from waypilot.types import RgbImage, Trajectory
from waypilot_ros import qos
from waypilot_ros.conversions import MalformedMessageError, image_to_rgb, stamp_from_msg, trajectory_from_msg

MAX_WAITING = 20


class VideoRecorder:
    """Joins images and waypoints by stamp. An image whose plan does not come is shown without one."""

    def __init__(self, node: Node, camera: CameraSpec, image_topic: str) -> None:
        self._camera = camera
        self._video: DriveVideo | None = None
        self._images: dict[int, RgbImage] = {}
        self._plans: dict[int, Trajectory] = {}
        # Raw, since of most messages only the stamp is looked at, and reading them all would slow the loop down.
        node.create_subscription(Image, image_topic, self._on_image, qos.IMAGE, raw=True)
        node.create_subscription(PathMessage, "waypoints", self._on_waypoints, qos.RECORD, raw=True)

    def start(self, folder: Path) -> None:
        """End the last video; film into ``folder`` from now on."""
        self.stop()
        self._video = DriveVideo(folder, self._camera)

    def stop(self) -> None:
        """Complete the video under way, if there is one."""
        self._show(len(self._images))
        self._plans.clear()
        if self._video is not None:
            self._video.close()
        self._video = None

    def _on_image(self, data: bytes) -> None:
        if not self._is_due(data):
            return
        message = deserialize_message(data, Image)
        try:
            self._images[stamp_from_msg(message.header.stamp)] = image_to_rgb(message)
        except MalformedMessageError:
            return  # the policy says so on /diagnostics
        self._join()

    def _on_waypoints(self, data: bytes) -> None:
        if not self._is_due(data):
            return
        try:
            plan = trajectory_from_msg(deserialize_message(data, PathMessage))
        except MalformedMessageError:
            return  # the controller says so on /diagnostics
        self._plans[plan.stamp_ns] = plan
        self._join()

    def _is_due(self, data: bytes) -> bool:
        """Whether the video wants the frame of a message; reads only its header, with which each of them begins."""
        return self._video is not None and self._video.wants(stamp_from_msg(deserialize_message(data, Header).stamp))

    def _join(self) -> None:
        planned = [index for index, stamp_ns in enumerate(sorted(self._images)) if stamp_ns in self._plans]
        self._show(max(planned[-1] + 1 if planned else 0, len(self._images) - MAX_WAITING))
        for stamp_ns in sorted(self._plans)[:-MAX_WAITING]:
            del self._plans[stamp_ns]

    def _show(self, count: int) -> None:
        for stamp_ns in sorted(self._images)[:count]:
            image = np.ascontiguousarray(self._images.pop(stamp_ns)[:, :, ::-1])
            if self._video is not None:
                self._video.add(stamp_ns, image, self._plans.pop(stamp_ns, None))

"""Camera calibrations in a bag (sensor_msgs/CameraInfo): the pinhole and its lens."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from waypilot.bags.bag import Bag
from waypilot.messages import MalformedMessageError

#: Distortion models of sensor_msgs that OpenCV's five numbers describe.
_PLUMB_BOB = ("plumb_bob", "")


@dataclass(frozen=True, slots=True)
class Calibration:
    """Focal lengths and principal point in pixels of the image; ``distortion`` is k1, k2, p1, p2, k3 (OpenCV)."""

    width_px: int
    height_px: int
    focal_px: tuple[float, float]
    principal_point_px: tuple[float, float]
    distortion: tuple[float, float, float, float, float]

    @property
    def fov_rad(self) -> float:
        """Horizontal field of view of the pinhole, distortion aside."""
        return 2.0 * math.atan(0.5 * self.width_px / self.focal_px[0])


def calibration_from_msg(message: Any) -> Calibration:
    """Read sensor_msgs/CameraInfo. Raises MalformedMessageError when the camera is not calibrated (K is zero)."""
    k = [float(value) for value in message.k]
    d = [float(value) for value in message.d]
    width_px, height_px = int(message.width), int(message.height)
    if not (len(k) == 9 and all(map(math.isfinite, k)) and k[0] > 0.0 and k[4] > 0.0):
        raise MalformedMessageError(f"not calibrated: K is {k[:6]}, expected positive focal lengths")
    if width_px <= 0 or height_px <= 0:
        raise MalformedMessageError(f"not calibrated: the image size is {width_px}x{height_px}")
    if any(d) and (message.distortion_model not in _PLUMB_BOB or len(d) > 5):
        raise MalformedMessageError(
            f"distortion model {message.distortion_model!r} with {len(d)} numbers is not supported, use plumb_bob; "
            f"or rectify the images and record them with a calibration without distortion"
        )
    k1, k2, p1, p2, k3 = (d + [0.0] * 5)[:5]
    return Calibration(width_px, height_px, (k[0], k[4]), (k[2], k[5]), (k1, k2, p1, p2, k3))


def first_calibration(bag: Bag, topic: str) -> Calibration:
    """Read the first usable calibration of a topic. Raises MalformedMessageError, saying why there is none."""
    reason = "no message"
    for message in bag.messages({topic}):
        try:
            return bag.read(message, calibration_from_msg)
        except MalformedMessageError as error:
            reason = str(error)
    raise MalformedMessageError(f"{topic}: {reason}")

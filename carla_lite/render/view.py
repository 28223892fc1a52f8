"""From a checked ``Camera`` to the numbers the kernels project with."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from carla_lite.scene import Camera

MAX_IMAGE_SIDE_PX = 8192


class View(NamedTuple):
    """A pinhole view. Camera axes are right, down, forward; a point at depth z lands at ``focal_px * x / z + center``.

    ``rotation`` (3, 3) float64 has the camera axes in map coordinates as rows.
    """

    focal_px: float
    center_x_px: float
    center_y_px: float
    eye_x_m: float
    eye_y_m: float
    eye_z_m: float
    rotation: NDArray[np.float64]
    level: bool


def make_view(camera: Camera) -> View:
    """Check a camera and prepare its projection.

    Raises:
        ValueError: The image size, field of view or pose is no usable camera.
    """
    _check(camera)
    pose = camera.pose_map_from_camera
    forward = np.array(pose.orientation.rotate((1.0, 0.0, 0.0)))
    left = np.array(pose.orientation.rotate((0.0, 1.0, 0.0)))
    up = np.array(pose.orientation.rotate((0.0, 0.0, 1.0)))
    return View(
        focal_px=camera.width_px / 2.0 / math.tan(camera.fov_rad / 2.0),
        center_x_px=camera.width_px / 2.0,
        center_y_px=camera.height_px / 2.0,
        eye_x_m=float(pose.x_m),
        eye_y_m=float(pose.y_m),
        # A camera exactly in the ground plane would divide by zero.
        eye_z_m=math.copysign(max(abs(pose.z_m), 1e-3), pose.z_m),
        rotation=np.ascontiguousarray(np.stack([-left, -up, forward])),
        level=abs(float(left[2])) < 1e-9,
    )


def _check(camera: Camera) -> None:
    for name, side in (("width", camera.width_px), ("height", camera.height_px)):
        if not 1 <= side <= MAX_IMAGE_SIDE_PX:
            raise ValueError(f"camera {name} is {side} px, expected 1 to {MAX_IMAGE_SIDE_PX}")
    if not 0.0 < camera.fov_rad < math.pi:
        raise ValueError(f"camera field of view is {camera.fov_rad} rad, expected more than 0 and less than pi")
    pose = camera.pose_map_from_camera
    q = pose.orientation
    if not all(math.isfinite(value) for value in (pose.x_m, pose.y_m, pose.z_m, q.x, q.y, q.z, q.w)):
        raise ValueError(f"camera pose is not finite: {pose}")
    norm = math.sqrt(q.x**2 + q.y**2 + q.z**2 + q.w**2)
    if abs(norm - 1.0) > 1e-3:
        raise ValueError(f"camera orientation has norm {norm:.6g}, expected a unit quaternion")

"""Where points around the vehicle appear in a camera's image."""

from __future__ import annotations

import math

import numpy as np

from waypilot.geometry import FloatArray, Quaternion
from waypilot.rig import CameraSpec

MIN_DEPTH_M = 0.2


def project(camera: CameraSpec, points_m: FloatArray) -> FloatArray:
    """Project points (N, 3) in base_link to pixels (N, 2): u to the right, v down, (0, 0) the image's corner.

    A pinhole without distortion whose axis meets the image's middle, as CARLA's cameras. Points less than 0.2 m ahead
    of the camera are NaN; points outside the image are not cut off.
    """
    pose = camera.pose_base_link_from_camera
    offset_m = points_m - np.array([pose.x_m, pose.y_m, pose.z_m])
    ahead, left, up = (offset_m @ _axes(pose.orientation)).T
    focal_px = 0.5 * camera.width_px / math.tan(0.5 * camera.fov_rad)
    depth = np.where(ahead >= MIN_DEPTH_M, ahead, np.nan)
    u = 0.5 * camera.width_px - focal_px * left / depth
    v = 0.5 * camera.height_px - focal_px * up / depth
    return np.stack([u, v], axis=-1)


def project_ground(camera: CameraSpec, points_m: FloatArray) -> FloatArray:
    """Project waypoints (N, 2) in base_link that lie on the ground under the vehicle to pixels (N, 2)."""
    return project(camera, np.concatenate([points_m, np.zeros((len(points_m), 1))], axis=1))


def _axes(orientation: Quaternion) -> FloatArray:
    """Columns: the camera's axes in base_link."""
    return np.array([orientation.rotate(axis) for axis in ((1.0, 0.0, 0.0), (0.0, 1.0, 0.0), (0.0, 0.0, 1.0))]).T

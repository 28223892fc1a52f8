"""The sensor rig: which cameras the vehicle carries and where they sit."""

from __future__ import annotations

import math
from dataclasses import dataclass

from waypilot.geometry import Pose


@dataclass(frozen=True, slots=True)
class CameraSpec:
    """A camera on the vehicle. ``pose_base_link_from_camera`` has x along the optical axis, y left, z up."""

    name: str
    width_px: int
    height_px: int
    fov_rad: float
    pose_base_link_from_camera: Pose

    def __post_init__(self) -> None:
        if not self.name.isidentifier():
            raise ValueError(f"camera name {self.name!r} must be a plain identifier: it becomes part of topic names")
        if self.width_px <= 0 or self.height_px <= 0:
            raise ValueError(f"camera {self.name}: image size {self.width_px}x{self.height_px} must be positive")
        if not 0.0 < self.fov_rad < math.pi:
            raise ValueError(f"camera {self.name}: field of view {self.fov_rad} rad must lie between 0 and pi")


DEFAULT_RIG: tuple[CameraSpec, ...] = (
    CameraSpec("front", 320, 180, math.radians(100.0), Pose.from_xyz_rpy(1.3, 0.0, 2.0)),
)

"""Geometric augmentation: what the cameras would have seen had the vehicle stood a little aside or turned.

What lies below the horizon is taken for flat ground at base_link's height, what lies above for infinitely far away, as
Bojarski et al. did (2016, "End to end learning for self-driving cars", section 5.2). Turns about a camera and the road
itself come out right, what stands on the road leans. Waypoints move with the vehicle: the path stays where it is.
"""

from __future__ import annotations

import math

import torch
from torch.nn import functional

from training.models.config import WaypointModelConfig
from waypilot.rig import CameraSpec

_BEHIND = 1e-3


def draw_moves(count: int, shift_m: float, turn_rad: float, random: torch.Generator) -> torch.Tensor:
    """Draw poses (count, 2) of moved vehicles in base_link: metres to the left and radians, uniform in the bounds."""
    return (2.0 * torch.rand((count, 2), generator=random) - 1.0) * torch.tensor([shift_m, turn_rad])


def move_points(points_m: torch.Tensor, moves: torch.Tensor) -> torch.Tensor:
    """Turn points (B, ..., 2) in base_link into points as the moved vehicles (B, 2) see them."""
    shape = (-1, *[1] * (points_m.ndim - 2))
    left_m, yaw_rad = moves[:, 0].view(shape), moves[:, 1].view(shape)
    x, y = points_m[..., 0], points_m[..., 1] - left_m
    cos, sin = yaw_rad.cos(), yaw_rad.sin()
    return torch.stack([cos * x + sin * y, cos * y - sin * x], dim=-1)


class ViewChange:
    """Changes shrunken images (``shrink_images``) of a rig of cameras into those of moved vehicles."""

    def __init__(self, cameras: tuple[CameraSpec, ...], config: WaypointModelConfig):
        self._config = config
        self._lenses = torch.tensor([0.5 * c.width_px / math.tan(0.5 * c.fov_rad) for c in cameras])
        self._places = torch.tensor([_place(camera) for camera in cameras])
        self._axes = torch.tensor([_axes(camera) for camera in cameras])

    def __call__(self, images: torch.Tensor, moves: torch.Tensor) -> torch.Tensor:
        """Change images (B, C, 3, h, w) for ``moves`` (B, 2); what was not in the picture repeats its edge."""
        places = self._places[:, None, None]
        rays = self._rays()
        nearness = (-rays[..., 2:]).clamp(min=0.0) / places[..., 2:]  # 1 / distance along the ray, 0 above the horizon
        # Points scaled by their nearness: finite, however far away.
        points = rays + nearness * places
        cos, sin = moves[:, 1].cos().view(-1, 1, 1, 1), moves[:, 1].sin().view(-1, 1, 1, 1)
        left_m = moves[:, 0].view(-1, 1, 1, 1)
        x = cos * points[..., 0] - sin * points[..., 1]
        y = sin * points[..., 0] + cos * points[..., 1] + left_m * nearness[..., 0]
        seen = torch.stack([x, y, points[..., 2].expand_as(x)], dim=-1) - nearness * places
        grid = self._pictured(seen)
        moved = functional.grid_sample(
            images.flatten(0, 1), grid.flatten(0, 1), padding_mode="border", align_corners=False
        )
        return moved.view(images.shape)

    def _rays(self) -> torch.Tensor:
        """Directions (C, h, w, 3) in base_link axes of the shrunken pixels."""
        config = self._config
        u = 2.0 * torch.arange(config.input_width_px) + 1.0 - 0.5 * config.image_width_px
        v = 2.0 * torch.arange(config.input_height_px) + 1.0 + config.crop_top_px - 0.5 * config.image_height_px
        lens = self._lenses[:, None, None]
        left, up = -u[None, None, :] / lens, -v[None, :, None] / lens
        shape = (len(lens), len(v), len(u))
        in_camera = torch.stack([torch.ones(shape), left.expand(shape), up.expand(shape)], dim=-1)
        return torch.einsum("cij,chwj->chwi", self._axes, in_camera)

    def _pictured(self, directions: torch.Tensor) -> torch.Tensor:
        """Where directions (B, C, h, w, 3) in base_link axes lie in the shrunken pictures, from -1 to 1 (x, y)."""
        config = self._config
        ahead, left, up = torch.einsum("cij,bchwi->jbchw", self._axes, directions)
        lens = self._lenses[:, None, None]
        ahead = ahead.clamp(min=_BEHIND)
        u = 0.5 * config.image_width_px - lens * left / ahead
        v = 0.5 * config.image_height_px - lens * up / ahead - config.crop_top_px
        return torch.stack([u / config.input_width_px - 1.0, v / config.input_height_px - 1.0], dim=-1)


def _place(camera: CameraSpec) -> tuple[float, float, float]:
    pose = camera.pose_base_link_from_camera
    if not pose.z_m > 0.0:
        raise ValueError(f"camera {camera.name} is {pose.z_m} m above the ground; changing its view needs more than 0")
    return pose.x_m, pose.y_m, pose.z_m


def _axes(camera: CameraSpec) -> list[list[float]]:
    """Rotation from camera axes (x ahead, y left, z up) to base_link, as rows."""
    columns = [camera.pose_base_link_from_camera.orientation.rotate(axis) for axis in ((1, 0, 0), (0, 1, 0), (0, 0, 1))]
    return [[column[row] for column in columns] for row in range(3)]

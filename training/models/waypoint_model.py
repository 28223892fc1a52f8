"""The waypoint network: cameras, speed and route command to a latent vector, and from there to waypoints."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn

from training.models.config import COMMANDS, WaypointModelConfig
from training.models.encoder import build_encoder
from training.models.heads import WaypointHead


@dataclass(frozen=True, slots=True)
class ModelInput:
    """A batch.

    ``images`` (B, C, 3, h, w) in 0..1, C cameras in the configured order; ``image_valid`` (B, C) bool; ``speed_mps``
    (B,); ``command`` (B,) rows of the command embedding; ``target_point_m`` (B, 2) in base_link.
    """

    images: torch.Tensor
    image_valid: torch.Tensor
    speed_mps: torch.Tensor
    command: torch.Tensor
    target_point_m: torch.Tensor


class WaypointModel(nn.Module):
    """Shared encoder per camera, mean over the valid cameras, fusion with the ego state, waypoint head."""

    def __init__(self, config: WaypointModelConfig):
        super().__init__()
        self.config = config
        width = config.camera_feature_dim
        if config.use_cameras:
            self.encoder = build_encoder(config)
            # Tells the cameras apart after the mean: scale and offset of the features by camera.
            self.camera_scale = nn.Parameter(torch.ones(len(config.cameras), width))
            self.camera_offset = nn.Parameter(torch.zeros(len(config.cameras), width))
        self.command = nn.Embedding(len(COMMANDS), config.command_dim)
        ego_width = config.command_dim + 1 + (2 if config.use_target_point else 0)
        self.fusion = nn.Sequential(
            nn.Linear(width + ego_width, 2 * config.latent_dim),
            nn.ReLU(),
            nn.Linear(2 * config.latent_dim, config.latent_dim),
            nn.ReLU(),
        )
        self.head = WaypointHead(config.latent_dim, config.num_waypoints, config.waypoint_dt_s)
        # Torch's types leave this argument of ``to`` out.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def latent(self, batch: ModelInput) -> torch.Tensor:
        """Compute the latent vector z (B, latent_dim) on which waypoint and delta heads stand."""
        if not self.config.use_cameras:
            return self.latent_without_cameras(batch.speed_mps, batch.command, batch.target_point_m)
        return self.latent_of(self.camera_features(batch), batch)

    def latent_of(self, cameras: torch.Tensor, batch: ModelInput) -> torch.Tensor:
        """Compute the latent vector from ``camera_features`` and what else the batch holds."""
        return self._fuse(cameras, batch.speed_mps, batch.command, batch.target_point_m)

    def latent_without_cameras(
        self, speed_mps: torch.Tensor, command: torch.Tensor, target_point_m: torch.Tensor
    ) -> torch.Tensor:
        """Compute the latent vector of a batch whose cameras are all invalid, without encoding any image."""
        blind = speed_mps.new_zeros(len(speed_mps), self.config.camera_feature_dim)
        return self._fuse(blind, speed_mps, command, target_point_m)

    def forward(self, batch: ModelInput) -> torch.Tensor:
        """Plan waypoints (B, N, 2) in metres, base_link axes."""
        plan_m: torch.Tensor = self.head(self.latent(batch), batch.speed_mps)
        return plan_m

    def _fuse(
        self, cameras: torch.Tensor, speed_mps: torch.Tensor, command: torch.Tensor, target_point_m: torch.Tensor
    ) -> torch.Tensor:
        ego = [self.command(command), (speed_mps / self.config.speed_scale_mps)[:, None]]
        if self.config.use_target_point:
            ego.append(target_point_m / self.config.target_scale_m)
        latent: torch.Tensor = self.fusion(torch.cat([cameras, *ego], dim=1))
        return latent

    def camera_features(self, batch: ModelInput) -> torch.Tensor:
        """Compute what the cameras show (B, camera_feature_dim), before speed and command join."""
        size, cameras = batch.image_valid.shape
        features = self.encoder(batch.images.flatten(0, 1)).view(size, cameras, -1)
        features = torch.relu(features * self.camera_scale + self.camera_offset)
        valid = batch.image_valid[:, :, None]
        total = torch.where(valid, features, torch.zeros_like(features)).sum(dim=1)
        return total / valid.sum(dim=1).clamp(min=1)

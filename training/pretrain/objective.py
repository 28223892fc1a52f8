"""What the encoder is trained on: how did the car move between two images that are encoded apart."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import nn
from torch.nn import functional

from training.models.config import WaypointModelConfig
from training.models.encoder import build_encoder

_HIDDEN_DIM = 256
_CAMERA_DIM = 4
_SMOOTH_L1_BETA = 0.1
_TARGET_STD = 1.0


class MotionModel(nn.Module):
    """Camera encoder with a head that tells the motion between two images from their two feature vectors.

    No layer sees both images: whatever tells how the car moved relative to the road must be in the features.
    """

    def __init__(self, config: WaypointModelConfig, max_gap_s: float):
        super().__init__()
        self.max_gap_s = max_gap_s
        self.encoder = build_encoder(config)
        self.camera = nn.Embedding(len(config.cameras), _CAMERA_DIM)
        self.head = nn.Sequential(
            nn.Linear(2 * config.camera_feature_dim + _CAMERA_DIM + 1, _HIDDEN_DIM),
            nn.ReLU(),
            nn.Linear(_HIDDEN_DIM, 3),
        )
        # Torch's types leave this argument of ``to`` out.
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def features(self, images: torch.Tensor) -> torch.Tensor:
        """Encode images (M, 3, h, w) in 0..1 to features (M, D), rectified as the waypoint network rectifies them."""
        return torch.relu(self.encoder(images))

    def motion(self, features: torch.Tensor, gap_s: torch.Tensor, camera: torch.Tensor) -> torch.Tensor:
        """Predict the motion (B, 3), in units of its scale, from features (B, 2, D), signed gaps and cameras (B,)."""
        gap = (gap_s / self.max_gap_s)[:, None]
        motion: torch.Tensor = self.head(torch.cat([features.flatten(1), self.camera(camera), gap], dim=1))
        return motion


@dataclass(slots=True)
class Loss:
    """The terms of the loss, scalars, and their weighted sum."""

    motion: torch.Tensor
    variance: torch.Tensor
    covariance: torch.Tensor
    total: torch.Tensor


def pretrain_loss(
    predicted: torch.Tensor,
    motion: torch.Tensor,
    features: torch.Tensor,
    variance_weight: float,
    covariance_weight: float,
) -> Loss:
    """Sum the loss of motions (B, 3), both in units of their scale, and the terms on features (B, 2, D)."""
    error = functional.smooth_l1_loss(predicted, motion, beta=_SMOOTH_L1_BETA)
    views = features.unbind(dim=1)
    variance = torch.stack([variance_term(view) for view in views]).mean()
    covariance = torch.stack([covariance_term(view) for view in views]).mean()
    return Loss(error, variance, covariance, error + variance_weight * variance + covariance_weight * covariance)


def variance_term(features: torch.Tensor) -> torch.Tensor:
    """How far the standard deviations of features (B, D) over the batch fall short of 1, on average (VICReg, eq. 1)."""
    std = torch.sqrt(features.var(dim=0) + 1e-4)
    return functional.relu(_TARGET_STD - std).mean()


def covariance_term(features: torch.Tensor) -> torch.Tensor:
    """Sum of the squared covariances between features (B, D), by their number (VICReg, eq. 3 and 4)."""
    count, width = features.shape
    centred = features - features.mean(dim=0)
    covariance = centred.T @ centred / (count - 1)
    return (covariance.square().sum() - covariance.diagonal().square().sum()) / width

"""Camera encoders: strided convolutions with residual blocks and group normalisation, by name in ``BACKBONES``."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import nn

from training.models.config import ENCODER_STRIDE, WaypointModelConfig

_GROUPS = 8
_NECK_CHANNELS = 32


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions around which the input is added."""

    def __init__(self, channels: int):
        super().__init__()
        self.first = _convolution(channels, channels, 3, 1)
        last = nn.GroupNorm(_GROUPS, channels)
        self.second = nn.Sequential(nn.Conv2d(channels, channels, 3, padding=1, bias=False), last)
        # A block that starts as the identity trains faster at this depth (Goyal et al. 2017, section 5.1).
        nn.init.zeros_(last.weight)

    def forward(self, features: torch.Tensor) -> torch.Tensor:
        """Map (B, C, h, w) to the same shape."""
        return torch.relu(features + self.second(self.first(features)))


class CameraEncoder(nn.Module):
    """Image (B, 3, h, w) in 0..1 to a feature vector (B, camera_feature_dim).

    The last map is flattened, not averaged: where a lane lies in the image is what matters here. Subclasses say how
    many residual blocks follow each but the first reduction.
    """

    blocks_per_stage = 1

    def __init__(self, config: WaypointModelConfig):
        super().__init__()
        self.mean, self.std = config.image_mean, config.image_std
        stem, *stages = config.channels
        layers: list[nn.Module] = [_convolution(3, stem, 5, 2)]
        channels = stem
        for width in stages:
            layers += [
                _convolution(channels, width, 3, 2),
                *(ResidualBlock(width) for _ in range(self.blocks_per_stage)),
            ]
            channels = width
        self.stages = nn.Sequential(*layers)
        self.neck = _convolution(channels, _NECK_CHANNELS, 1, 1)
        cells = (config.input_height_px // ENCODER_STRIDE) * (config.input_width_px // ENCODER_STRIDE)
        self.project = nn.Linear(_NECK_CHANNELS * cells, config.camera_feature_dim)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Encode images (B, 3, h, w)."""
        normalised = ((images - self.mean) / self.std).contiguous(memory_format=torch.channels_last)
        features: torch.Tensor = self.project(self.neck(self.stages(normalised)).flatten(1))
        return features


class PlainEncoder(CameraEncoder):
    """Without residual blocks: half the time, for slow machines and comparisons."""

    blocks_per_stage = 0


class DeepEncoder(CameraEncoder):
    """Two residual blocks per stage."""

    blocks_per_stage = 2


BACKBONES: dict[str, Callable[[WaypointModelConfig], nn.Module]] = {
    "residual": CameraEncoder,
    "plain": PlainEncoder,
    "deep": DeepEncoder,
}
"""Encoders by the name that a configuration and its checkpoint give. Add one here, and every stage can use it: it maps
images (B, 3, h, w) in 0..1 to features (B, camera_feature_dim)."""


def build_encoder(config: WaypointModelConfig) -> nn.Module:
    """Build the encoder that a configuration names. Raises ValueError for an unknown name."""
    if config.backbone not in BACKBONES:
        raise ValueError(f"backbone is {config.backbone!r}, expected one of {', '.join(BACKBONES)}")
    return BACKBONES[config.backbone](config)


def _convolution(channels_in: int, channels_out: int, kernel: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, kernel, stride, kernel // 2, bias=False),
        nn.GroupNorm(_GROUPS, channels_out),
        nn.ReLU(),
    )

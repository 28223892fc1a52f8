"""Photometric augmentation and dropped cameras: changes under which the right waypoints stay the same.

No mirroring: in right-hand traffic the mirrored image of a correct drive shows a car on the wrong side of the road.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch.nn import functional


@dataclass(frozen=True, slots=True)
class AugmentConfig:
    """Strengths. Gains are drawn log-uniformly in [1 / (1 + x), 1 + x]; probabilities are per image."""

    brightness: float = 0.5
    contrast: float = 0.4
    colour: float = 0.15
    noise_std: float = 0.04
    blur_probability: float = 0.2
    erase_probability: float = 0.2
    erase_fraction: float = 0.3
    drop_camera_probability: float = 0.1

    def __post_init__(self) -> None:
        for name in ("brightness", "contrast", "colour", "noise_std"):
            if getattr(self, name) < 0.0:
                raise ValueError(f"{name} is {getattr(self, name)}, expected 0 (off) or more")
        for name in ("blur_probability", "erase_probability", "erase_fraction", "drop_camera_probability"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name} is {getattr(self, name)}, expected 0 to 1")


def augment_images(images: torch.Tensor, config: AugmentConfig, random: torch.Generator) -> torch.Tensor:
    """Change light, colour, sharpness and noise of images (M, 3, h, w) in 0..1; the result stays in 0..1."""
    count = len(images)
    gain = _gain(config.brightness, (count, 1, 1, 1), random) * _gain(config.colour, (count, 3, 1, 1), random)
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    images = ((images - mean) * _gain(config.contrast, (count, 1, 1, 1), random) + mean) * gain
    blurred = functional.avg_pool2d(images, 3, stride=1, padding=1, count_include_pad=False)
    images = torch.where(_chosen(config.blur_probability, count, random), blurred, images)
    std = config.noise_std * torch.rand((count, 1, 1, 1), generator=random)
    images = images + std * torch.randn(images.shape, generator=random)
    images = torch.where(_erased(images, config, random), torch.rand((count, 3, 1, 1), generator=random), images)
    return images.clamp(0.0, 1.0)


def drop_cameras(image_valid: torch.Tensor, probability: float, random: torch.Generator) -> torch.Tensor:
    """Mark cameras (B, C) invalid at random, never the last valid one of a sample."""
    kept = image_valid & (torch.rand(image_valid.shape, generator=random) >= probability)
    return torch.where(kept.any(dim=1, keepdim=True), kept, image_valid)


def _gain(strength: float, shape: tuple[int, ...], random: torch.Generator) -> torch.Tensor:
    return (1.0 + strength) ** (2.0 * torch.rand(shape, generator=random) - 1.0)


def _chosen(probability: float, count: int, random: torch.Generator) -> torch.Tensor:
    return torch.rand((count, 1, 1, 1), generator=random) < probability


def _erased(images: torch.Tensor, config: AugmentConfig, random: torch.Generator) -> torch.Tensor:
    """Mask (M, 1, h, w) of one rectangle per chosen image, its sides up to ``erase_fraction`` of the image's."""
    count, _, height, width = images.shape
    chosen = _chosen(config.erase_probability, count, random)
    spans = []
    for size, axis in ((height, 2), (width, 3)):
        length = size * config.erase_fraction * torch.rand(count, generator=random)
        start = (size - length) * torch.rand(count, generator=random)
        shape = [1, 1, 1, 1]
        shape[axis] = size
        place = torch.arange(size).view(shape)
        spans.append((place >= start.view(-1, 1, 1, 1)) & (place < (start + length).view(-1, 1, 1, 1)))
    return chosen & spans[0] & spans[1]

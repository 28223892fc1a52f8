"""From a camera image to what the encoder sees: the same integer arithmetic in training and in inference."""

from __future__ import annotations

import torch

from training.models.config import COMMANDS, WaypointModelConfig


def shrink_images(images: torch.Tensor, config: WaypointModelConfig) -> torch.Tensor:
    """Crop the sky and average 2x2 pixels, rounding half up, in integers: no bit depends on the machine.

    Takes uint8 RGB of shape (B, H, W, 3), returns uint8 (B, h, w, 3). Raises ValueError for any other size or type.
    """
    expected = (config.image_height_px, config.image_width_px, 3)
    if images.dtype != torch.uint8 or images.ndim != 4 or tuple(images.shape[1:]) != expected:
        raise ValueError(
            f"images are {images.dtype} of shape {tuple(images.shape)}, expected uint8 of shape (batch, "
            f"{', '.join(map(str, expected))}): record and drive with the camera size the model was made for"
        )
    cropped = images[:, config.crop_top_px :].to(torch.int16)
    rows = cropped[:, 0::2] + cropped[:, 1::2]
    total = rows[:, :, 0::2] + rows[:, :, 1::2]
    return ((total + 2) >> 2).to(torch.uint8)


def to_unit_range(shrunk: torch.Tensor) -> torch.Tensor:
    """Turn uint8 (..., h, w, 3) into float32 (..., 3, h, w) in 0..1."""
    return shrunk.movedim(-1, -3).to(torch.float32) / 255.0


def command_indices(commands: torch.Tensor) -> torch.Tensor:
    """Map route commands (any integer type, CARLA's numbers) to rows of the embedding.

    Raises ValueError for a number that is no route command.
    """
    indices = torch.full_like(commands, -1, dtype=torch.int64)
    for row, command in enumerate(COMMANDS):
        indices[commands == int(command)] = row
    if bool((indices < 0).any()):
        known = ", ".join(f"{int(command)} ({command.name})" for command in COMMANDS)
        raise ValueError(f"commands {commands[indices < 0].tolist()} are unknown, expected one of {known}")
    return indices

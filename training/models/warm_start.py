"""Starting a network from one that was trained before, which may have seen fewer rows of the picture."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch

from training.models.checkpoint import Checkpoint, CheckpointError, load_waypoint_model
from training.models.config import ENCODER_STRIDE, WaypointModelConfig

_PROJECTION = "encoder.project.weight"
_ROWS_PER_CELL_PX = 2 * ENCODER_STRIDE  # of the picture before 2x2 pixels are averaged


def load_start(path: Path, config: WaypointModelConfig) -> tuple[dict[str, torch.Tensor], Checkpoint]:
    """Read weights for a network ``config`` from an SFT checkpoint of the same sizes.

    That network may have cropped more of the sky: what lies in the rows that only the new one sees counts for nothing
    until training says otherwise. Raises CheckpointError when anything else differs.
    """
    model, checkpoint = load_waypoint_model(path)
    more_px = model.config.crop_top_px - config.crop_top_px
    if model.config != replace(config, crop_top_px=model.config.crop_top_px) or more_px < 0:
        raise CheckpointError(f"{path}: is a network {model.config}, expected {config}, or one that crops more")
    if more_px % _ROWS_PER_CELL_PX:
        raise CheckpointError(f"{path}: crops {more_px} rows more, expected a multiple of {_ROWS_PER_CELL_PX}")
    tensors = dict(model.state_dict())
    if config.use_cameras and more_px:
        tensors[_PROJECTION] = _with_cells_above(tensors[_PROJECTION], more_px // _ROWS_PER_CELL_PX, config)
    return tensors, checkpoint


def _with_cells_above(weight: torch.Tensor, rows: int, config: WaypointModelConfig) -> torch.Tensor:
    """Widen (F, C * h * w) to maps with ``rows`` more rows of cells at the top, weighted by zero."""
    columns = config.input_width_px // ENCODER_STRIDE
    cells = (config.input_height_px // ENCODER_STRIDE - rows) * columns
    maps = weight.view(len(weight), -1, cells)
    above = maps.new_zeros(len(weight), maps.shape[1], rows * columns)
    return torch.cat([above, maps], dim=2).flatten(1)

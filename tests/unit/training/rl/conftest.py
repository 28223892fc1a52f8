"""A tiny SFT checkpoint whose plans depend on speed and command, without any training."""

from pathlib import Path

import pytest
import torch

from training.models.checkpoint import KIND_SFT, Checkpoint, save_checkpoint
from training.models.config import WaypointModelConfig
from training.models.waypoint_model import WaypointModel
from waypilot.config import config_to_dict
from waypilot.rig import DEFAULT_RIG


@pytest.fixture
def sft_path(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    config = WaypointModelConfig(channels=(8, 8, 8, 8), camera_feature_dim=16, latent_dim=16)
    model = WaypointModel(config)
    torch.nn.init.normal_(model.head.linear.weight, std=0.1)
    path = tmp_path / "sft" / "model.pt"
    save_checkpoint(path, Checkpoint(KIND_SFT, config_to_dict(config), model.state_dict(), DEFAULT_RIG, {"seed": 0}))
    return path

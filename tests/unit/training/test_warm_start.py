"""Starting a network from one that was trained before."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from training.models.checkpoint import KIND_SFT, Checkpoint, CheckpointError, save_checkpoint
from training.models.config import WaypointModelConfig
from training.models.warm_start import load_start
from training.models.waypoint_model import WaypointModel
from training.sft.config import SftConfig
from waypilot.config import config_to_dict

SMALL = WaypointModelConfig(channels=(8, 8, 8, 8), camera_feature_dim=16, latent_dim=16)


def saved(path: Path, config: WaypointModelConfig) -> WaypointModel:
    torch.manual_seed(0)
    model = WaypointModel(config).eval()
    save_checkpoint(path, Checkpoint(KIND_SFT, config_to_dict(config), model.state_dict()))
    return model


def test_what_was_not_seen_before_counts_for_nothing_at_first(tmp_path: Path) -> None:
    before = saved(tmp_path / "model.pt", SMALL)
    wider = replace(SMALL, crop_top_px=20)
    model = WaypointModel(wider).eval()
    model.load_state_dict(load_start(tmp_path / "model.pt", wider)[0])
    maps = torch.randn(2, 32, wider.input_height_px // 16, wider.input_width_px // 16)
    expected = before.encoder.project(maps[:, :, 1:].flatten(1))
    assert torch.allclose(model.encoder.project(maps.flatten(1)), expected, atol=1e-5)


def test_the_same_network_starts_with_the_same_weights(tmp_path: Path) -> None:
    before = saved(tmp_path / "model.pt", SMALL)
    tensors, checkpoint = load_start(tmp_path / "model.pt", SMALL)
    assert all(torch.equal(tensors[name], tensor) for name, tensor in before.state_dict().items())
    assert checkpoint.kind == KIND_SFT


@pytest.mark.parametrize("changes", [{"latent_dim": 32}, {"crop_top_px": 84}, {"backbone": "plain"}])
def test_other_networks_are_refused(tmp_path: Path, changes: dict[str, object]) -> None:
    saved(tmp_path / "model.pt", SMALL)
    with pytest.raises(CheckpointError, match="is a network"):
        load_start(tmp_path / "model.pt", replace(SMALL, **changes))


def test_two_starts_are_refused() -> None:
    with pytest.raises(ValueError, match="give one"):
        SftConfig(init_encoder="a.pt", init_model="b.pt")

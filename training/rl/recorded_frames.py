"""Delta heads on recorded drives: the frozen network sees every frame once, any number of heads correct its plan."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from training.data.sample_table import SampleTable
from training.data.waypoint_dataset import WaypointDataset, evaluation_loader
from training.models.checkpoint import Checkpoint, load_waypoint_model
from training.models.heads import DeltaWaypointHead
from training.models.preprocess import to_unit_range
from training.models.waypoint_model import ModelInput

_BATCH = 64


@dataclass(frozen=True, slots=True, eq=False)
class FrozenAnswers:
    """What a frozen network says to M frames: ``latent`` (M, Z), ``plan_m`` (M, N, 2), and what the frames say."""

    checkpoint: Checkpoint
    latent: torch.Tensor
    plan_m: torch.Tensor
    target_point_m: torch.Tensor
    label_m: NDArray[np.float32]

    @torch.inference_mode()
    def corrected(self, head: DeltaWaypointHead | None) -> NDArray[np.float32]:
        """Plans (M, N, 2) with a head's corrections; without a head the frozen ones."""
        if head is None:
            return self.plan_m.numpy()
        corrected_m: NDArray[np.float32] = (self.plan_m + head(self.latent, self.target_point_m, self.plan_m)).numpy()
        return corrected_m


@torch.inference_mode()
def ask_frozen_network(path: Path, table: SampleTable) -> FrozenAnswers:
    """Run the network of an SFT checkpoint over the frames of a table.

    Raises CheckpointError for an unusable checkpoint, EpisodeError when the cameras or the waypoints do not fit.
    """
    model, checkpoint = load_waypoint_model(path)
    dataset = WaypointDataset(table, model.config, cache=False)
    latents, plans = [], []
    for batch in evaluation_loader(dataset, _BATCH):
        given = ModelInput(
            to_unit_range(batch.images), batch.image_valid, batch.speed_mps, batch.command, batch.target_point_m
        )
        latents.append(model.latent(given))
        plans.append(model.head(latents[-1], given.speed_mps))
    target_m = torch.from_numpy(table.target_point_m)
    return FrozenAnswers(checkpoint, torch.cat(latents), torch.cat(plans), target_m, table.waypoints_m)

"""The auxiliary task: tell what is ahead on the route, from the camera features and from the latent vector.

Few frames need a lamp or a road user to be seen, and those that do differ from the others by a few pixels: the plans
alone teach it slowly. Asked outright, a network learns it sooner (auxiliary tasks: Chitta et al. 2022, arXiv
2205.15997), and a delta head that stands on the latent vector finds it there. Asked of the latent vector only, it would
find a way without looking: experts are slow before red lights, and the latent vector knows the speed (causal
confusion, de Haan et al. 2019, arXiv 1905.11979). So the camera features, which know no speed, must answer too. Only
training knows these heads.
"""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn
from torch.nn import functional

from training.models.waypoint_model import ModelInput, WaypointModel
from waypilot.episodes import RouteAhead

WITHIN_M = (6.0, 12.0, 20.0, 30.0)
"""For each of these distances (m) the head says whether something is nearer."""
KINDS = tuple(field.name.removesuffix("_m") for field in fields(RouteAhead))
QUESTIONS = tuple(f"{kind}_within_{within_m:g}_m" for kind in KINDS for within_m in WITHIN_M)
"""What the head's outputs answer, in their order."""
# Something is ahead in one frame of five or less.
_POSITIVE_WEIGHT = 3.0


class AheadTrainee(nn.Module):
    """A waypoint network and the heads of the auxiliary task, as one thing to train."""

    def __init__(self, model: WaypointModel):
        super().__init__()
        self.model = model
        self.from_cameras = _untrained(model.config.camera_feature_dim)
        self.from_latent = _untrained(model.config.latent_dim)

    def forward(self, batch: ModelInput) -> tuple[torch.Tensor, torch.Tensor]:
        """Plan (B, N, 2) in metres, and logits (B, 2, Q) of the answers, by camera features and by latent vector."""
        features = self.model.camera_features(batch)
        latent = self.model.latent_of(features, batch)
        logits = torch.stack([self.from_cameras(features), self.from_latent(latent)], dim=1)
        return self.model.head(latent, batch.speed_mps), logits


def _untrained(width: int) -> nn.Linear:
    layer = nn.Linear(width, len(QUESTIONS))
    nn.init.zeros_(layer.weight)
    nn.init.zeros_(layer.bias)
    return layer


def ahead_answers(ahead_m: torch.Tensor) -> torch.Tensor:
    """Right answers (B, Q), 0 or 1, from distances (B, kinds): inf where there is nothing, nan where nobody knows.

    Answers that nobody knows are nan as well.
    """
    bounds_m = ahead_m.new_tensor(WITHIN_M)
    answers = (ahead_m[:, :, None] <= bounds_m).to(ahead_m.dtype)
    return torch.where(ahead_m[:, :, None].isnan(), ahead_m[:, :, None], answers).flatten(1)


def ahead_loss(logits: torch.Tensor, ahead_m: torch.Tensor) -> torch.Tensor:
    """Mean cross entropy of logits (B, heads, Q) over what is known of distances (B, kinds); 0 when nothing is."""
    answers = ahead_answers(ahead_m)[:, None].expand_as(logits)
    known = ~answers.isnan()
    weight = logits.new_full((), _POSITIVE_WEIGHT)
    losses = functional.binary_cross_entropy_with_logits(
        logits, answers.nan_to_num(), pos_weight=weight, reduction="none"
    )
    return (losses * known).sum() / known.sum().clamp(min=1)


def areas_under_curve(logits: NDArray[np.float32], ahead_m: NDArray[np.float32]) -> dict[str, float]:
    """Tell for each question how well logits (M, Q) order the samples: 0.5 is chance, 1 is perfect.

    Questions to which all known answers are alike are left out.
    """
    answers = ahead_answers(torch.from_numpy(ahead_m)).numpy()
    areas = {}
    for column, question in enumerate(QUESTIONS):
        known = ~np.isnan(answers[:, column])
        yes = answers[known, column] > 0.5
        if 0 < yes.sum() < len(yes):
            areas[question] = area_under_curve(logits[known, column], yes)
    return areas


def area_under_curve(scores: NDArray[np.float32], yes: NDArray[np.bool_]) -> float:
    """Share of the pairs (yes, no) whose ``yes`` has the higher score (M,); ties count half (Mann and Whitney 1947)."""
    values, place = np.unique(scores, return_inverse=True)
    count = np.bincount(place, minlength=len(values))
    rank = np.cumsum(count) - (count - 1) / 2.0
    positive = int(yes.sum())
    above = rank[place][yes].sum() - positive * (positive + 1) / 2.0
    return float(above / (positive * (len(yes) - positive)))

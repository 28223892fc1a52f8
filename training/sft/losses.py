"""The loss of waypoint behaviour cloning."""

from __future__ import annotations

import torch
from torch.nn import functional

from training.plan_speed import mean_speed_mps

# Below this step length (metres per waypoint interval) a label has no direction of travel.
_STANDING_STEP_M = 0.05
_SMOOTH_L1_BETA_M = 0.25
_CHANGE_WITHIN_S = 2.0
_FULL_CHANGE_MPS = 3.0


def path_directions(waypoints_m: torch.Tensor) -> torch.Tensor:
    """Compute unit vectors (B, N, 2) along paths (B, N, 2) that start at the origin; +x where they stand still."""
    steps_m = torch.diff(waypoints_m, dim=1, prepend=torch.zeros_like(waypoints_m[:, :1]))
    lengths_m = steps_m.norm(dim=-1, keepdim=True)
    ahead = torch.zeros_like(steps_m)
    ahead[..., 0] = 1.0
    return torch.where(lengths_m > _STANDING_STEP_M, steps_m / lengths_m.clamp(min=_STANDING_STEP_M), ahead)


def waypoint_loss(
    predicted_m: torch.Tensor,
    label_m: torch.Tensor,
    dt_s: float,
    lateral_weight: float,
    time_constant_s: float,
    sample_weights: torch.Tensor | None = None,
) -> torch.Tensor:
    """Smooth L1 of the errors along and across the label's path, both (B, N, 2); a scalar.

    Being across the path by a metre means leaving the lane, being ahead by a metre does not: ``lateral_weight``.
    What comes sooner counts more: weights fall by e per ``time_constant_s``, their mean is 1. ``sample_weights`` (B,)
    say how much each sample counts; None: all the same.
    """
    along = path_directions(label_m)
    error_m = predicted_m - label_m
    along_m = (error_m * along).sum(dim=-1)
    across_m = along[..., 0] * error_m[..., 1] - along[..., 1] * error_m[..., 0]
    times_s = dt_s * torch.arange(1, label_m.shape[1] + 1, device=label_m.device)
    weights = torch.exp(-times_s / time_constant_s)
    weights = weights / weights.mean()
    losses = ((_smooth_l1(along_m) + lateral_weight * _smooth_l1(across_m)) * weights).mean(dim=1)
    return losses.mean() if sample_weights is None else (losses * sample_weights).sum() / sample_weights.sum()


def change_weights(label_m: torch.Tensor, speed_mps: torch.Tensor, dt_s: float, most: float) -> torch.Tensor:
    """Weigh samples (B,) by how much the label (B, N, 2) changes the present speed (B,): 1 to 1 + ``most``.

    The change is that of the mean speed over the next 2 s, full at 3 m/s. Frames in which the speed should change are
    few, and "go on as now" is right in all others: a network that learns each frame alike learns to stand because it
    stands (the inertia problem; Codevilla et al. 2019, arXiv 1904.08980).
    """
    change_mps = mean_speed_mps(label_m, dt_s, _CHANGE_WITHIN_S) - speed_mps
    return 1.0 + most * (change_mps.abs() / _FULL_CHANGE_MPS).clamp(max=1.0)


def _smooth_l1(error_m: torch.Tensor) -> torch.Tensor:
    return functional.smooth_l1_loss(error_m, torch.zeros_like(error_m), reduction="none", beta=_SMOOTH_L1_BETA_M)

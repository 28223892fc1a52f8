"""The loss of waypoint behaviour cloning."""

from __future__ import annotations

import torch
from torch.nn import functional

# Below this step length (metres per waypoint interval) a label has no direction of travel.
_STANDING_STEP_M = 0.05
_SMOOTH_L1_BETA_M = 0.25


def path_directions(waypoints_m: torch.Tensor) -> torch.Tensor:
    """Compute unit vectors (B, N, 2) along paths (B, N, 2) that start at the origin; +x where they stand still."""
    steps_m = torch.diff(waypoints_m, dim=1, prepend=torch.zeros_like(waypoints_m[:, :1]))
    lengths_m = steps_m.norm(dim=-1, keepdim=True)
    ahead = torch.zeros_like(steps_m)
    ahead[..., 0] = 1.0
    return torch.where(lengths_m > _STANDING_STEP_M, steps_m / lengths_m.clamp(min=_STANDING_STEP_M), ahead)


def waypoint_loss(
    predicted_m: torch.Tensor, label_m: torch.Tensor, dt_s: float, lateral_weight: float, time_constant_s: float
) -> torch.Tensor:
    """Smooth L1 of the errors along and across the label's path, both (B, N, 2); a scalar.

    Being across the path by a metre means leaving the lane, being ahead by a metre does not: ``lateral_weight``.
    What comes sooner counts more: weights fall by e per ``time_constant_s``, their mean is 1.
    """
    along = path_directions(label_m)
    error_m = predicted_m - label_m
    along_m = (error_m * along).sum(dim=-1)
    across_m = along[..., 0] * error_m[..., 1] - along[..., 1] * error_m[..., 0]
    times_s = dt_s * torch.arange(1, label_m.shape[1] + 1, device=label_m.device)
    weights = torch.exp(-times_s / time_constant_s)
    weights = weights / weights.mean()
    return ((_smooth_l1(along_m) + lateral_weight * _smooth_l1(across_m)) * weights).mean()


def _smooth_l1(error_m: torch.Tensor) -> torch.Tensor:
    return functional.smooth_l1_loss(error_m, torch.zeros_like(error_m), reduction="none", beta=_SMOOTH_L1_BETA_M)

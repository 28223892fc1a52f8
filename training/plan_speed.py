"""The speed that a plan begins with."""

from __future__ import annotations

import torch


def mean_speed_mps(plan_m: torch.Tensor, dt_s: float, within_s: float) -> torch.Tensor:
    """Mean speed (B,) along plans (B, N, 2), waypoints ``dt_s`` apart, over their first ``within_s`` or all of them."""
    count = min(max(round(within_s / dt_s), 1), plan_m.shape[1])
    steps_m = torch.diff(plan_m[:, :count], dim=1, prepend=torch.zeros_like(plan_m[:, :1]))
    return torch.as_tensor(steps_m.norm(dim=-1).sum(dim=1) / (count * dt_s))

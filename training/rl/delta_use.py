"""How much a delta head changes the plan."""

from __future__ import annotations

import torch

MOVED_M = 0.1
"""A plan counts as moved when any of its waypoints is shifted by more than this."""


def delta_use(deltas_m: torch.Tensor) -> dict[str, float]:
    """Summarise corrections (M, N, 2): how often the plan is moved, and how far on average."""
    distance_m = deltas_m.norm(dim=-1)
    return {
        "moved_share": float((distance_m.max(dim=1).values > MOVED_M).float().mean()),
        "mean_m": float(distance_m.mean()),
        "last_waypoint_m": float(distance_m[:, -1].mean()),
    }

"""Heads that turn the latent vector into waypoints, and into corrections of waypoints."""

from __future__ import annotations

import torch
from torch import nn


class WaypointHead(nn.Module):
    """Waypoints as the running sum of increments around "keep the present speed, straight ahead".

    The untrained head therefore plans constant velocity, and the network learns how the road differs from that.
    """

    def __init__(self, latent_dim: int, num_waypoints: int, dt_s: float):
        super().__init__()
        self.num_waypoints = num_waypoints
        self.dt_s = dt_s
        self.linear = nn.Linear(latent_dim, 2 * num_waypoints)
        nn.init.zeros_(self.linear.weight)
        nn.init.zeros_(self.linear.bias)

    def forward(self, latent: torch.Tensor, speed_mps: torch.Tensor) -> torch.Tensor:
        """Map latent (B, Z) and speed (B,) to waypoints (B, N, 2) in metres, base_link axes."""
        increments_m = self.linear(latent).view(-1, self.num_waypoints, 2)
        straight_m = torch.zeros_like(increments_m)
        straight_m[..., 0] = (speed_mps * self.dt_s)[:, None]
        return torch.cumsum(straight_m + increments_m, dim=1)


class DeltaWaypointHead(nn.Module):
    """Bounded corrections (B, N, 2) in metres from the latent vector: ``final = sft + delta``.

    The last layer starts at zero, so an untrained head changes nothing. The bound grows linearly along the horizon
    up to ``max_delta_m`` at the last waypoint: a correction of the first waypoint must stay drivable.
    """

    def __init__(self, latent_dim: int, num_waypoints: int, max_delta_m: float = 2.0, hidden_dim: int = 64):
        super().__init__()
        if not max_delta_m > 0.0:
            raise ValueError(f"max_delta_m is {max_delta_m}, expected a positive number of metres")
        self.num_waypoints = num_waypoints
        self.hidden = nn.Sequential(nn.Linear(latent_dim, hidden_dim), nn.Tanh())
        self.last = nn.Linear(hidden_dim, 2 * num_waypoints)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)
        bound_m = max_delta_m * torch.arange(1, num_waypoints + 1) / num_waypoints
        self.register_buffer("bound_m", bound_m[:, None].float())

    def forward(self, latent: torch.Tensor) -> torch.Tensor:
        """Map latent (B, Z) to corrections (B, N, 2); no component exceeds its bound."""
        return torch.tanh(self.last(self.hidden(latent)).view(-1, self.num_waypoints, 2)) * self.bound_m

"""Heads that turn the latent vector into waypoints, and into corrections of waypoints."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import nn

from training.models.path_delta import PathDeltaConfig, path_delta

TARGET_SCALE_M = 50.0
"""Divides a target point before a delta head sees it."""


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

    ``num_modes`` builds the correction of each axis from that many smooth modes (Legendre polynomials over the
    horizon) instead of N free values: neighbouring waypoints move together, and exploring in the space of the modes
    tries other plans, not jagged ones. With ``path`` (the fields of ``PathDeltaConfig``) the modes of the two axes are
    those of the speed along the plan's path and of a side step from it, and ``max_delta_m`` counts for nothing: then a
    correction needs the plan it corrects. ``use_target_point`` lets the head see the next sparse route point as well,
    divided by TARGET_SCALE_M.
    """

    bound_m: torch.Tensor
    modes: torch.Tensor

    def __init__(
        self,
        latent_dim: int,
        num_waypoints: int,
        max_delta_m: float = 2.0,
        hidden_dim: int = 64,
        num_modes: int | None = None,
        use_target_point: bool = False,
        path: Mapping[str, float] | None = None,
    ):
        super().__init__()
        if not max_delta_m > 0.0:
            raise ValueError(f"max_delta_m is {max_delta_m}, expected a positive number of metres")
        if num_modes is not None and not 1 <= num_modes <= num_waypoints:
            raise ValueError(f"num_modes is {num_modes}, expected 1 to {num_waypoints}, or None for free waypoints")
        self.num_waypoints = num_waypoints
        self.num_modes = num_modes or num_waypoints
        self.use_target_point = use_target_point
        self.path = None if path is None else PathDeltaConfig(**path)
        self.input_dim = latent_dim + (2 if use_target_point else 0)
        self.hidden = nn.Sequential(nn.Linear(self.input_dim, hidden_dim), nn.Tanh())
        self.last = nn.Linear(hidden_dim, 2 * self.num_modes)
        nn.init.zeros_(self.last.weight)
        nn.init.zeros_(self.last.bias)
        share = torch.arange(1, num_waypoints + 1) / num_waypoints
        self.register_buffer("bound_m", (max_delta_m * share)[:, None].float())
        modes = torch.eye(num_waypoints) if num_modes is None else _legendre(2.0 * share - 1.0, num_modes)
        self.register_buffer("modes", modes, persistent=False)

    def forward(
        self, latent: torch.Tensor, target_point_m: torch.Tensor | None = None, plan_m: torch.Tensor | None = None
    ) -> torch.Tensor:
        """Map latent (B, Z) to corrections (B, N, 2) of ``plan_m`` (B, N, 2); all stay within their bounds.

        Raises ValueError when the head wants a target point (B, 2) in base_link, or a plan, and gets none.
        """
        return self.deltas(self.coefficients(self.inputs(latent, target_point_m)), plan_m)

    def inputs(self, latent: torch.Tensor, target_point_m: torch.Tensor | None = None) -> torch.Tensor:
        """Join what the head looks at: (B, input_dim)."""
        if not self.use_target_point:
            return latent
        if target_point_m is None:
            raise ValueError("this head was made with use_target_point, expected the target point (B, 2)")
        return torch.cat([latent, target_point_m / TARGET_SCALE_M], dim=1)

    def coefficients(self, inputs: torch.Tensor) -> torch.Tensor:
        """Map inputs (B, input_dim) to unbounded coefficients of the modes (B, num_modes, 2)."""
        coefficients: torch.Tensor = self.last(self.hidden(inputs))
        return coefficients.view(-1, self.num_modes, 2)

    def deltas(self, coefficients: torch.Tensor, plan_m: torch.Tensor | None = None) -> torch.Tensor:
        """Map coefficients (B, num_modes, 2) to corrections (B, N, 2) in metres of ``plan_m`` (B, N, 2)."""
        wish = torch.tanh(torch.matmul(self.modes, coefficients))
        if self.path is None:
            return wish * self.bound_m
        if plan_m is None:
            raise ValueError("this head corrects speed and place along a path, expected the plan (B, N, 2)")
        return path_delta(plan_m, wish, self.path)


def _legendre(places: torch.Tensor, count: int) -> torch.Tensor:
    """Values (N, count) of the Legendre polynomials P_0, P_1, ... at places (N,) in -1..1 (Bonnet's recursion)."""
    values = [torch.ones_like(places), places]
    for n in range(1, count - 1):
        values.append(((2 * n + 1) * places * values[n] - n * values[n - 1]) / (n + 1))
    return torch.stack(values[:count], dim=1)

"""Corrections that a driver would name: slower or faster along the planned path, and to the side of it.

A metre-bounded offset of each waypoint cannot stop a car: at 8 m/s the last waypoint lies 40 m ahead. Here the plan
keeps its path, is driven at another speed, and is then shifted sideways. The result is still ``sft + delta``.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch

_MIN_DIRECTED_M = 0.5


@dataclass(frozen=True, slots=True)
class PathDeltaConfig:
    """Bounds of the correction; waypoints are ``dt_s`` apart.

    The speed along the path changes by at most ``slower_mps`` down (never below standing) and ``faster_mps`` up. The
    side step grows linearly to at most ``lateral_m`` within ``rise_s``: the controller looks about half a second ahead.
    """

    dt_s: float = 0.25
    slower_mps: float = 10.0
    faster_mps: float = 2.0
    lateral_m: float = 1.0
    rise_s: float = 1.5

    def __post_init__(self) -> None:
        for name in ("dt_s", "slower_mps", "faster_mps", "rise_s"):
            if not getattr(self, name) > 0.0:
                raise ValueError(f"{name} is {getattr(self, name)}, expected a positive number")
        if not self.lateral_m >= 0.0:
            raise ValueError(f"lateral_m is {self.lateral_m}, expected 0 or more metres")


def path_delta(plan_m: torch.Tensor, wish: torch.Tensor, config: PathDeltaConfig) -> torch.Tensor:
    """Correct plans (B, N, 2), base_link; ``wish`` (B, N, 2) in -1..1: faster or slower, and to the left.

    Returns the corrections (B, N, 2) in metres; a wish of zero gives exactly zero.
    """
    faster, left = wish[..., 0], wish[..., 1]
    change_mps = torch.where(faster > 0.0, config.faster_mps * faster, config.slower_mps * faster)
    starts = torch.cat([torch.zeros_like(plan_m[:, :1]), plan_m[:, :-1]], dim=1)
    steps = plan_m - starts
    lengths = steps.norm(dim=2)
    arc = lengths.cumsum(dim=1)
    moved_arc = (lengths + change_mps * config.dt_s).clamp(min=0.0).cumsum(dim=1)
    stays = (faster == 0.0).all(dim=1, keepdim=True)
    moved_arc = torch.where(stays, arc, moved_arc)
    times_s = config.dt_s * torch.arange(1, plan_m.shape[1] + 1, device=plan_m.device)
    side_m = config.lateral_m * left * (times_s / config.rise_s).clamp(max=1.0)
    moved, heading = _walk(plan_m, starts, steps, lengths, arc, moved_arc)
    normal = torch.stack([-heading[..., 1], heading[..., 0]], dim=2)
    return torch.where(stays[..., None], 0.0, moved - plan_m) + side_m[..., None] * normal


def _walk(
    plan_m: torch.Tensor,
    starts: torch.Tensor,
    steps: torch.Tensor,
    lengths: torch.Tensor,
    arc: torch.Tensor,
    wanted: torch.Tensor,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Points (B, N, 2) at arc lengths ``wanted`` (B, N) of the paths, and the unit vectors along the path there.

    Beyond its end a path goes on straight in its overall direction; a path of under half a metre has none, it leads
    straight ahead.
    """
    ahead = torch.zeros_like(plan_m[:, -1])
    ahead[:, 0] = 1.0
    chord = plan_m[:, -1].norm(dim=1, keepdim=True)
    overall = torch.where(chord > _MIN_DIRECTED_M, plan_m[:, -1] / chord.clamp(min=_MIN_DIRECTED_M), ahead)[:, None]
    index = torch.searchsorted(arc.contiguous(), wanted.contiguous()).clamp(max=plan_m.shape[1] - 1)
    rows = index[..., None].expand(-1, -1, 2)
    length = lengths.gather(1, index)
    done = wanted - (arc - lengths).gather(1, index)
    directed = length[..., None] > 1e-3
    heading = torch.where(directed, steps.gather(1, rows) / length[..., None].clamp(min=1e-3), overall)
    share = (done / length.clamp(min=1e-6)).clamp(0.0, 1.0)
    on_path = starts.gather(1, rows) + share[..., None] * steps.gather(1, rows)
    beyond_m = (wanted - arc[:, -1:]).clamp(min=0.0)
    beyond = beyond_m[..., None] > 0.0
    heading = torch.where(beyond, overall, heading)
    return torch.where(beyond, plan_m[:, -1:] + beyond_m[..., None] * overall, on_path), heading

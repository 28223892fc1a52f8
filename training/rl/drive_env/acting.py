"""What a delta head does where: its change of speed beside what the simulator knows of the situation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from training.models.heads import DeltaWaypointHead
from training.plan_speed import mean_speed_mps
from training.rl.drive_env.config import SELECTION_TOWNS, DriveEnvConfig
from training.rl.drive_env.evaluation import head_deltas, judging_world, selection_batches
from training.rl.drive_env.world import DriveWorld, next_on_route_m
from training.rl.waypoint_policy_torch import WaypointPolicyTorch

_CHANGE_WITHIN_S = 2.0


@dataclass(frozen=True, slots=True, eq=False)
class Looks:
    """L looks of a policy, one entry each.

    ``change_mps`` is by how much the head changes the plan's mean speed over the next 2 s, ``speed_mps`` the vehicle's;
    ``gap_m``, ``red_light_m`` and ``stop_sign_m`` are the distances to whoever is next on the route, to the next red
    light and to the next stop sign not stopped at yet, infinite beyond 40 m.
    """

    change_mps: NDArray[np.float64]
    speed_mps: NDArray[np.float64]
    gap_m: NDArray[np.float64]
    red_light_m: NDArray[np.float64]
    stop_sign_m: NDArray[np.float64]


@torch.inference_mode()
def watch(policy: WaypointPolicyTorch, config: DriveEnvConfig, drives: int) -> Looks:
    """Drive the first selection drives with the policy's delta head.

    Raises ValueError when it has none, or one that looks at what the drives do not show.
    """
    head = policy.delta_head
    if head is None:
        raise ValueError("this policy has no delta head, there is nothing to watch")
    rows = [
        row
        for seeds in selection_batches(drives)
        for row in _watch(judging_world(policy, config, len(seeds), SELECTION_TOWNS), head, seeds)
    ]
    return Looks(*np.array(rows, dtype=np.float64).T)


def _watch(world: DriveWorld, head: DeltaWaypointHead, seeds: NDArray[np.uint64]) -> list[tuple[float, ...]]:
    rows: list[tuple[float, ...]] = []
    dt_s = world.policy.model.config.waypoint_dt_s
    world.start(np.arange(world.size), seeds)
    running, deltas = np.ones(world.size, dtype=bool), head_deltas(head, world.config)
    while running.any():
        seen = world.look()
        delta_m = deltas(seen)
        refined, base = (
            mean_speed_mps(plan_m, dt_s, _CHANGE_WITHIN_S) for plan_m in (seen.plan_m + delta_m, seen.plan_m)
        )
        change_mps = refined - base
        for row in np.flatnonzero(running).tolist():
            rows.append((float(change_mps[row]), *_situation(world, row)))
        running = ~world.follow(seen.plan_m + delta_m).done
    return rows


def _situation(world: DriveWorld, row: int) -> tuple[float, float, float, float]:
    drive = world.drives[row]
    pose = drive.ego.pose_map_from_base_link.planar
    gap_m, red_m, sign_m = next_on_route_m(drive), drive.red_lights.ahead_m(pose), drive.stop_signs.ahead_m(pose)
    return drive.ego.speed_mps, gap_m, red_m, sign_m

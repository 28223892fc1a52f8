"""What the delta head stands on: a frozen plan and a latent vector for every toy observation."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray

from training.models.checkpoint import Checkpoint, load_waypoint_model
from training.models.config import COMMANDS
from training.rl.toy_config import ToyEnvConfig
from training.rl.toy_dynamics import OBSERVATION_SIZE
from waypilot.route import TARGET_MIN_AHEAD_M
from waypilot.types import RouteCommand

STAND_IN = "analytic stand-in (no SFT checkpoint)"
"""Name of the base plan that no training made; it stands in logs, configurations and checkpoints."""

STAND_IN_SPEED_SHARE = 0.75
STAND_IN_AIM_ERROR_RAD = 0.175

_POINTS_SCALE_M = 20.0
_SPEED_SCALE_MPS = 10.0
_LEFT_SCALE = 8.0
_SCALE = torch.tensor([_SPEED_SCALE_MPS, *[_POINTS_SCALE_M] * (OBSERVATION_SIZE - 2), _LEFT_SCALE])
_TURN_RAD = math.radians(45.0)


@dataclass(frozen=True, slots=True, eq=False)
class BasePlan:
    """The frozen answer for B observations: ``latent`` (B, Z), ``plan_m`` (B, N, 2).

    ``target_point_m`` (B, 2) is there where a delta head needs it (``head_uses_target_point``).
    """

    latent: torch.Tensor
    plan_m: torch.Tensor
    target_point_m: torch.Tensor | None


class SFTWaypointWrapper:
    """A frozen SFT network as the base planner of the toy environment, or an analytic stand-in without a checkpoint.

    The toy world has no camera. The network therefore runs with all its cameras marked invalid, a case it was trained
    for, and sees what is real in the toy: speed, route command, and target point if it uses one. Its latent vector
    and plan never change. The delta head over it also gets the target point (``head_uses_target_point``): without it
    nobody in this loop would know where the road goes.

    The stand-in (``name`` is STAND_IN) plans from the toy observation: through the next waypoints, but too slowly and
    aimed off by a constant angle, like a badly mounted camera. Its latent vector is the scaled observation.

    Raises CheckpointError for an unusable checkpoint, ValueError when its waypoints do not fit the environment.
    """

    def __init__(self, checkpoint: Path | None, env: ToyEnvConfig):
        self.name = STAND_IN if checkpoint is None else str(checkpoint)
        self.checkpoint: Checkpoint | None = None
        self._env = env
        if checkpoint is None:
            self.latent_dim = OBSERVATION_SIZE
            return
        self.model, self.checkpoint = load_waypoint_model(checkpoint)
        self.model.requires_grad_(False)
        config = self.model.config
        if (config.num_waypoints, config.waypoint_dt_s) != (env.num_waypoints, env.plan_dt_s):
            raise ValueError(
                f"{checkpoint} plans {config.num_waypoints} waypoints every {config.waypoint_dt_s:g} s, the toy "
                f"environment expects {env.num_waypoints} every {env.plan_dt_s:g} s: set num_waypoints and plan_dt_s"
            )
        self.latent_dim = config.latent_dim

    @property
    def sha256(self) -> str:
        """Digest of the frozen tensors, or STAND_IN."""
        return STAND_IN if self.checkpoint is None else self.checkpoint.sha256

    @property
    def head_uses_target_point(self) -> bool:
        """Whether a delta head needs the target point beside the latent vector."""
        return self.checkpoint is not None

    @torch.no_grad()
    def __call__(self, observation: torch.Tensor) -> BasePlan:
        """Plan for toy observations float32 (B, OBSERVATION_SIZE)."""
        if self.checkpoint is None:
            return BasePlan(scaled(observation), stand_in_plan(observation, self._env), None)
        target_m = target_point(observation)
        speed = observation[:, 0]
        latent = self.model.latent_without_cameras(speed, command_rows(observation), target_m)
        return BasePlan(latent, self.model.head(latent, speed), target_m)


def scaled(observation: torch.Tensor) -> torch.Tensor:
    """Bring toy observations (B, OBSERVATION_SIZE) to the order of one."""
    return observation / _SCALE


def target_point(observation: torch.Tensor) -> torch.Tensor:
    """Pick the first of the next waypoints (B, 2) that is as far away as a real route's target point would be."""
    points = _points(observation)[:, 1:]
    far = points.norm(dim=2) >= TARGET_MIN_AHEAD_M
    far[:, -1] = True
    return points[torch.arange(len(points)), far.int().argmax(dim=1)]


def command_rows(observation: torch.Tensor) -> torch.Tensor:
    """Tell the route command as rows of the embedding: LEFT or RIGHT where the seen route turns by over 45 degrees."""
    points = _points(observation)
    first, last = points[:, 1] - points[:, 0], points[:, 3] - points[:, 2]
    turn = torch.atan2(first[:, 0] * last[:, 1] - first[:, 1] * last[:, 0], (first * last).sum(dim=1))
    rows = torch.full((len(observation),), COMMANDS.index(RouteCommand.LANE_FOLLOW))
    rows[turn > _TURN_RAD] = COMMANDS.index(RouteCommand.LEFT)
    rows[turn < -_TURN_RAD] = COMMANDS.index(RouteCommand.RIGHT)
    return rows


def stand_in_plan(observation: torch.Tensor, env: ToyEnvConfig) -> torch.Tensor:
    """Plan (B, N, 2) through the seen waypoints, at 75 % of the speed limit, aimed 0.175 rad (10 degrees) to the left.

    The errors are meant: they leave to the delta head something that it can learn and that can be told in one line.
    """
    plan_m = torch.empty(len(observation), env.num_waypoints, 2)
    step_m = STAND_IN_SPEED_SHARE * env.speed_limit_mps * env.plan_dt_s
    _plan_through(_points(observation).numpy(), step_m, STAND_IN_AIM_ERROR_RAD, plan_m.numpy())
    return plan_m


@njit(cache=True)
def _plan_through(points: NDArray[np.float32], step_m: float, turn_rad: float, out: NDArray[np.float32]) -> None:
    """Walk (B, N, 2) from the origin through points[:, 1:] and on in the last direction, turned by an angle."""
    cos, sin = math.cos(turn_rad), math.sin(turn_rad)
    last = points.shape[1] - 1
    for i in range(out.shape[0]):
        from_x, from_y, goal, left = 0.0, 0.0, 1, 0.0
        dx, dy, length = 0.0, 0.0, 0.0
        for n in range(out.shape[1]):
            left += step_m
            while goal <= last:
                dx, dy = points[i, goal, 0] - from_x, points[i, goal, 1] - from_y
                length = max(math.hypot(dx, dy), 1e-6)
                if left <= length:
                    break
                if goal < last:
                    from_x, from_y, left = points[i, goal, 0], points[i, goal, 1], left - length
                goal += 1
            x, y = from_x + left / length * dx, from_y + left / length * dy
            out[i, n, 0] = cos * x - sin * y
            out[i, n, 1] = sin * x + cos * y


def _points(observation: torch.Tensor) -> torch.Tensor:
    """Previous waypoint and the next ones, (B, 4, 2) in base_link."""
    return observation[:, 1:-1].view(len(observation), -1, 2)

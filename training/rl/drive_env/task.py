"""Driving in carla_lite as a task."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from training.rl.agent import PPOAgent
from training.rl.drive_env.config import SELECTION_TOWNS
from training.rl.drive_env.evaluation import (
    HIGHER_IS_BETTER,
    DriveEvaluation,
    drive_batches,
    evaluated,
    selection_batches,
)
from training.rl.drive_env.parallel import ParallelWorld
from training.rl.drive_env.world import PRIVILEGED, DriveWorld
from training.rl.refinement_config import RefinementConfig
from training.rl.task import Evaluation
from training.rl.waypoint_policy_torch import WaypointPolicyConfig, WaypointPolicyTorch
from waypilot.config import config_to_dict


class DriveTask:
    """Raises CheckpointError for an unusable SFT checkpoint, ValueError when none is given."""

    higher_is_better = HIGHER_IS_BETTER
    extra_dim = PRIVILEGED

    def __init__(self, config: RefinementConfig):
        if not config.sft_model:
            raise ValueError("sft_model is empty: drives are looked at through cameras, which needs a trained network")
        self._config = config
        self._parallel: ParallelWorld | None = None
        self.policy = WaypointPolicyTorch(WaypointPolicyConfig(config.sft_model, device=config.drive.device))
        self.checkpoint = self.policy.checkpoint
        self.base_name, self.base_sha256 = config.sft_model, self.checkpoint.sha256
        model, agent = self.policy.model.config, config.agent
        path = agent.path
        self.head_sizes: dict[str, Any] = {
            "latent_dim": model.latent_dim,
            "num_waypoints": model.num_waypoints,
            "max_delta_m": agent.max_delta_m,
            "hidden_dim": agent.hidden_dim,
            "num_modes": agent.num_modes,
            "use_target_point": config.drive.target_point,
            "path": None if path is None else config_to_dict(path) | {"dt_s": model.waypoint_dt_s},
        }

    def world(self, size: int) -> DriveWorld | ParallelWorld:
        """Make a world of so many drives."""
        drive = self._config.drive
        if drive.workers == 1:
            return DriveWorld(self.policy, drive, size)
        self._parallel = ParallelWorld(self._config.sft_model, drive, size, self.policy.model.config.num_waypoints)
        return self._parallel

    def judge(self, agent: PPOAgent | None) -> DriveEvaluation:
        """Evaluate on the selection drives, which are the same for every run."""
        batches = selection_batches(self._config.eval_episodes)
        if self._parallel is not None:
            return evaluated(self._parallel.judge(agent, batches))
        return evaluated(drive_batches(self.policy, self._config.drive, agent, batches))

    def described(self) -> dict[str, Any]:
        """Tell the towns of training and of selection."""
        return {"towns": list(self._config.drive.towns), "selection_towns": list(SELECTION_TOWNS)}

    def save_paths(self, folder: Path, sft: Evaluation, refined: Evaluation) -> None:
        """Write nothing more: how every drive went stands in the metrics."""

    def close(self) -> None:
        """End the processes that drive."""
        if self._parallel is not None:
            self._parallel.close()

"""The toy environment as a task."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from training.rl.agent import PPOAgent
from training.rl.base_plan import SFTWaypointWrapper
from training.rl.comparison import HIGHER_IS_BETTER
from training.rl.delta_world import DeltaWorld, critic_extra_dim, head_sizes
from training.rl.evaluation import EVALUATION_SEED, ToyEvaluation, evaluate_toy
from training.rl.predictions import save_predictions, toy_predictions
from training.rl.refinement_config import RefinementConfig
from training.rl.task import Evaluation


class ToyTask:
    """Raises CheckpointError for an unusable SFT checkpoint."""

    higher_is_better = HIGHER_IS_BETTER

    def __init__(self, config: RefinementConfig):
        self._config = config
        self.base = SFTWaypointWrapper(Path(config.sft_model) if config.sft_model else None, config.env)
        self.base_name, self.base_sha256 = self.base.name, self.base.sha256
        self.checkpoint = self.base.checkpoint
        self.head_sizes = head_sizes(self.base, config.env, config.agent)
        self.extra_dim = critic_extra_dim(self.base)

    def world(self, size: int) -> DeltaWorld:
        """Make a world of so many cars."""
        return DeltaWorld(self.base, self._config.env, size)

    def judge(self, agent: PPOAgent | None) -> ToyEvaluation:
        """Evaluate on episodes of this run's own, so that several seeds also tell how much the episodes matter."""
        config = self._config
        return evaluate_toy(self.base, config.env, agent, config.eval_episodes, EVALUATION_SEED + config.seed)

    def described(self) -> dict[str, Any]:
        """Tell horizon and rate of the displacements, and when a waypoint is hit."""
        env = self._config.env
        return {"horizon_s": env.horizon_s, "rate_hz": 1.0 / env.plan_dt_s, "hit_radius_m": env.hit_radius_m}

    def save_paths(self, folder: Path, sft: Evaluation, refined: Evaluation) -> None:
        """Write the driven paths, for ``eval_metrics``."""
        assert isinstance(sft, ToyEvaluation)
        assert isinstance(refined, ToyEvaluation)
        env = self._config.env
        save_predictions(folder / "sft_predictions.json", toy_predictions("sft", sft, env))
        save_predictions(folder / "rl_predictions.json", toy_predictions("rl", refined, env))

    def close(self) -> None:
        """Do nothing: all happens in this process."""

"""Refining a frozen waypoint policy by reinforcement learning of its delta head, from start to artifacts."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch.utils.tensorboard import SummaryWriter

from training.artifacts import write_json
from training.models.checkpoint import (
    KIND_DELTA,
    Checkpoint,
    CheckpointError,
    load_plain,
    save_atomically,
    save_checkpoint,
)
from training.rl.agent import PPOAgent
from training.rl.base_plan import STAND_IN
from training.rl.comparison import compare_values
from training.rl.drive_env.task import DriveTask
from training.rl.grpo import GRPOLearner
from training.rl.ppo import PPOLearner
from training.rl.refinement_config import RefinementConfig, differing_settings
from training.rl.task import Evaluation, Task
from training.rl.toy_task import ToyTask
from waypilot.config import config_to_dict

STATE_FORMAT = "waypilot.rl_state/1"
STATE_FILE = "state.pt"
FINAL_FILE = "final.pt"
_log = logging.getLogger(__name__)


def state_path(config: RefinementConfig) -> Path:
    """Return where a run's state for resuming lies."""
    return Path(config.out_dir) / STATE_FILE


def load_run_state(config: RefinementConfig) -> dict[str, Any]:
    """Read the state that a run with ``config`` left for resuming, which takes no time.

    Raises CheckpointError when there is none, it cannot be read or it was written with other settings.
    """
    path = state_path(config)
    payload = load_plain(path)
    if not isinstance(payload, dict) or payload.get("format") != STATE_FORMAT:
        raise CheckpointError(f"{path}: is no training state of format {STATE_FORMAT!r}")
    if changed := differing_settings(payload["config"], config):
        raise CheckpointError(f"{path}: was written with other {', '.join(changed)}; resume with the same settings")
    return payload


class RLRefinementTrainer:
    """Refines one policy as configured; ``run`` leaves the artifacts in ``config.out_dir``.

    Artifacts: ``config.json``; ``metrics.json`` (the evaluation at every interval, and of the base plan alone);
    ``train_metrics.json`` (summary and what every iteration logged); ``checkpoint_<episodes>.pt``; ``final.pt``;
    ``sft_predictions.json`` and ``rl_predictions.json`` (driven paths, for ``eval_metrics``); ``state.pt`` for
    resuming; TensorBoard logs. Raises CheckpointError for an unusable SFT checkpoint or state.
    """

    def __init__(self, config: RefinementConfig):
        torch.set_num_threads(1)
        torch.manual_seed(config.seed)
        self.config = config
        self.out_dir = Path(config.out_dir)
        self.task: Task = ToyTask(config) if config.world == "toy" else DriveTask(config)
        self.agent = PPOAgent(self.task.head_sizes, self.task.extra_dim, config.agent)
        self.learner = self._make_learner()
        self.evaluations: list[dict[str, Any]] = []
        self.iterations: list[dict[str, float]] = []
        self._judged: tuple[int, Evaluation] | None = None
        if self.task.checkpoint is None:
            _log.warning("no SFT checkpoint given: refining the %s", STAND_IN)

    @property
    def done(self) -> int:
        """Episodes, or environment steps where the run counts in these, done so far."""
        return self.learner.env_steps if self.config.env_steps else self.learner.episodes

    def run(
        self, on_iteration: Callable[[int, dict[str, float]], None], stop_after: int | None = None
    ) -> dict[str, Any]:
        """Train to the end, calling ``on_iteration(done, log)`` with what is done of the budget; return the summary.

        With ``stop_after`` (in the budget's unit) the run can be resumed and then ends as if it had never stopped.
        """
        write_json(self.out_dir / "config.json", config_to_dict(self.config))
        _log.info("judging %s on %d episodes", self.task.base_name, self.config.eval_episodes)
        sft_only = self.task.judge(None)
        with SummaryWriter(str(self.out_dir / "tensorboard"), purge_step=self.done) as board:
            if not self.evaluations:
                self._remove_old_checkpoints()
                self._evaluate(board, sft_only)
            budget, unit = self.config.budget, self.config.unit
            while self.done < min(budget, stop_after or budget):
                self._iterate(board)
                on_iteration(self.done, self.iterations[-1])
                due = self.evaluations[-1][unit] + self.config.eval_interval
                if self.done >= min(due, budget):
                    self._evaluate(board, sft_only)
        return self._finish(sft_only)

    def resume(self, state: Mapping[str, Any] | None = None) -> None:
        """Continue where the run in ``out_dir`` was last saved; ``state`` is what ``load_run_state`` read there."""
        payload = load_run_state(self.config) if state is None else state
        if payload["base_sha256"] != self.task.base_sha256:
            raise CheckpointError(f"{state_path(self.config)}: refines another network than {self.task.base_name}")
        self.learner.restore(payload["learner"])
        self.evaluations, self.iterations = payload["evaluations"], payload["iterations"]
        _log.info("resumed at %d of %d %s", self.done, self.config.budget, self.config.unit)

    @property
    def _checkpoint_dir(self) -> Path:
        return self.out_dir / self.config.checkpoint_folder

    def _remove_old_checkpoints(self) -> None:
        """Clear what an earlier run left in the folder: selection must not mix two runs."""
        for path in self._checkpoint_dir.glob("checkpoint_*.pt"):
            _log.info("removing %s of an earlier run", path)
            path.unlink()

    def _make_learner(self) -> PPOLearner | GRPOLearner:
        config = self.config
        if config.algorithm == "ppo":
            return PPOLearner(self.task.world(config.ppo.num_envs), self.agent, config.ppo, config.seed)
        world = self.task.world(config.grpo.groups * config.grpo.members)
        return GRPOLearner(world, self.agent, config.grpo, config.seed)

    def _iterate(self, board: SummaryWriter) -> None:
        log = self.learner.iterate(self.done / self.config.budget)
        for name, value in log.items():
            board.add_scalar(name, value, self.done)
        self.iterations.append({"episodes": self.learner.episodes, "env_steps": self.learner.env_steps, **log})

    def _evaluate(self, board: SummaryWriter, sft_only: Evaluation) -> None:
        metrics = self._judge(sft_only).means()
        for name, value in metrics.items():
            board.add_scalar(f"eval/{name}", value, self.done)
        self.evaluations.append({"episodes": self.learner.episodes, "env_steps": self.learner.env_steps, **metrics})
        shown = ", ".join(f"{name} {metrics[name]:.3g}" for name in self.task.higher_is_better)
        _log.info("%d %s: %s", self.done, self.config.unit, shown)
        self._write_metrics(sft_only)
        self._save_checkpoint(self._checkpoint_dir / f"checkpoint_{self.done:06d}.pt", self.evaluations[-1])
        state = {
            "format": STATE_FORMAT,
            "config": config_to_dict(self.config),
            "base_sha256": self.task.base_sha256,
            "learner": self.learner.state(),
            "evaluations": self.evaluations,
            "iterations": self.iterations,
        }
        save_atomically(state_path(self.config), state)

    def _judge(self, sft_only: Evaluation) -> Evaluation:
        """Evaluate the agent as it is now, once. The untrained one is the SFT plan, whose evaluation is there."""
        if self._judged is None or self._judged[0] != self.done:
            self._judged = self.done, sft_only if self.done == 0 else self.task.judge(self.agent)
        return self._judged[1]

    def _write_metrics(self, sft_only: Evaluation) -> None:
        metrics = {
            "base": self.task.base_name,
            "base_sha256": None if self.task.checkpoint is None else self.task.base_sha256,
            "algorithm": self.config.algorithm,
            **self.task.described(),
            "eval_episodes": self.config.eval_episodes,
            "sft_only": sft_only.means(),
            "evaluations": self.evaluations,
        }
        write_json(self.out_dir / "metrics.json", metrics)

    def _save_checkpoint(self, path: Path, metrics: dict[str, Any]) -> None:
        training = {
            "config": config_to_dict(self.config),
            "seed": self.config.seed,
            "sft_model": self.config.sft_model,
            "sft_sha256": self.task.base_sha256,
            "metrics": metrics,
        }
        # Fresh objects only: pickle writes equal values differently when they are shared, as after a resume.
        training = json.loads(json.dumps(training))
        head = self.agent.exported_head()
        cameras = () if self.task.checkpoint is None else self.task.checkpoint.cameras
        save_checkpoint(path, Checkpoint(KIND_DELTA, self.task.head_sizes, head.state_dict(), cameras, training))

    def _finish(self, sft_only: Evaluation) -> dict[str, Any]:
        """Write what belongs to the end of a run (or of a part of it)."""
        refined = self._judge(sft_only)
        before, after = sft_only.per_episode(), refined.per_episode()
        summary = {
            "base": self.task.base_name,
            "algorithm": self.config.algorithm,
            "episodes": self.learner.episodes,
            "env_steps": self.learner.env_steps,
            "finished": self.done >= self.config.budget,
            "sft_only": sft_only.means(),
            "refined": refined.means(),
            "gain": {
                name: compare_values(name, before[name], after[name], better)
                for name, better in self.task.higher_is_better.items()
            },
            "iterations": self.iterations,
        }
        write_json(self.out_dir / "train_metrics.json", summary)
        self._save_checkpoint(self.out_dir / FINAL_FILE, self.evaluations[-1])
        self.task.save_paths(self.out_dir, sft_only, refined)
        return summary

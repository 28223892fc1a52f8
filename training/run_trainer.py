"""What behaviour cloning and pre-training do alike: hold drives out, take steps, validate and save now and then."""

from __future__ import annotations

import logging
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from contextlib import nullcontext
from pathlib import Path
from typing import Any, Generic, TypeVar

import torch
from torch import nn
from torch.utils.tensorboard import SummaryWriter

from training.data.sample_table import RecordedDrives, load_drives, split_episodes
from training.run_config import RunConfig
from training.run_setup import first_interrupt, learning_rate_factor, logging_to, make_deterministic, progress_bar
from waypilot.episodes import Episode, EpisodeError
from waypilot.rig import CameraSpec
from waypilot.scenarios import EVALUATION_TOWNS

LOG_EVERY_STEPS = 20
INTERRUPTED_EXIT_CODE = 130
OnStep = Callable[[int, int, float], None]
Batch = TypeVar("Batch")
_log = logging.getLogger(__name__)


class RunTrainer(ABC, Generic[Batch]):
    """A training run on episodes, at step ``step`` of ``num_steps``.

    ``drives`` are those of ``config.episodes_glob`` when they are in memory already. Raises EpisodeError for unusable
    episodes, or when all of them are held out.
    """

    num_steps: int
    model: nn.Module
    optimizer: torch.optim.Optimizer

    def __init__(self, config: RunConfig, drives: RecordedDrives | None):
        self._run_config = config
        self.out_dir = Path(config.out_dir)
        self.step = 0
        self.stop_requested: Callable[[], bool] = lambda: False
        make_deterministic(config.seed, config.num_threads, config.device)
        self.drives = drives or load_drives(config.episodes_glob, config.sources)
        self.data_sha256 = self.drives.sha256

    @property
    def state_path(self) -> Path:
        """Where the state for resuming lies."""
        return self.out_dir / "state.pt"

    @abstractmethod
    def resume(self) -> None:
        """Continue where the run in ``out_dir`` was last saved. Raises CheckpointError."""

    @abstractmethod
    def run(self, on_step: OnStep, stop_after: int | None = None) -> dict[str, Any]:
        """Train to the end (or to step ``stop_after``), calling ``on_step(step, num_steps, loss)``; return metrics."""

    @abstractmethod
    def _train_step(self, batch: Batch, board: SummaryWriter | None) -> float:
        """Take one step; returns the loss."""

    @abstractmethod
    def _save(self, board: SummaryWriter | None) -> dict[str, Any]:
        """Validate, write the artifacts and return the metrics."""

    def _split_drives(self) -> tuple[list[tuple[Path, Episode]], list[tuple[Path, Episode]]]:
        """Choose the drives to train on and those held out."""
        config = self._run_config
        train, validation = split_episodes(self.drives.episodes, config.val_fraction, config.val_towns)
        if not train:
            raise EpisodeError(
                f"all {len(self.drives.episodes)} episodes are held out for validation; collect more routes"
            )
        if not validation:
            _log.warning("no drive is held out, so nothing is validated: record more routes, or raise --val-fraction")
        if reserved := sorted({episode.town for _, episode in train} & EVALUATION_TOWNS):
            _log.warning("training on drives in %s, where policies are evaluated: results there mean little", reserved)
        return train, validation

    def _image_size(self, cameras: tuple[CameraSpec, ...]) -> tuple[int, int]:
        """Width and height of all images, pixels. Raises EpisodeError when the cameras differ."""
        sizes = {(camera.width_px, camera.height_px) for camera in cameras}
        if len(sizes) != 1:
            raise EpisodeError(f"the cameras have the sizes {sorted(sizes)}, expected one size for all")
        return sizes.pop()

    def _end(self, stop_after: int | None) -> int:
        return self.num_steps if stop_after is None else min(stop_after, self.num_steps)

    def _take_steps(
        self, batches: Iterable[Batch], end: int, board: SummaryWriter | None, on_step: OnStep
    ) -> dict[str, Any]:
        """Take a step per batch, saving every ``val_every_steps`` and at the end; returns the last metrics.

        The end comes early, after the step under way, when ``stop_requested`` says so.
        """
        for batch in batches:
            loss = self._train_step(batch, board)
            on_step(self.step, self.num_steps, loss)
            if self.stop_requested():
                break
            if self.step % self._run_config.val_every_steps == 0 and self.step < end:
                self._save(board)
        return self._save(board)

    def _descend(self, loss: torch.Tensor) -> tuple[float, float]:
        """Change the weights by one step of the optimiser; returns the loss and the norm of its gradient.

        Raises FloatingPointError for a loss that is not finite.
        """
        config, value = self._run_config, loss.item()
        if not math.isfinite(value):
            raise FloatingPointError(f"the loss is {value} at step {self.step}; lower the learning rate (--lr)")
        for group in self.optimizer.param_groups:
            group["lr"] = config.lr * learning_rate_factor(self.step, self.num_steps, config.warmup_steps)
        self.optimizer.zero_grad(set_to_none=True)
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.model.parameters(), config.grad_clip)
        self.optimizer.step()
        self.step += 1
        return value, float(norm)


def run_command(
    make_trainer: Callable[[], RunTrainer[Any]],
    config: RunConfig,
    resume: bool,
    artifact: str,
    writes: bool = True,
    interruptible: bool = True,
) -> int:
    """Train as a command does; returns 0, or 1 with a message when data or state cannot be used or the loss explodes.

    A process that does not write (``writes``) shows and logs nothing. Ctrl-C saves after the step under way and
    returns 130, unless the steps of several processes belong together (``interruptible``).
    """
    out_dir = Path(config.out_dir)
    with logging_to(out_dir) if writes else nullcontext():
        try:
            trainer = make_trainer()
            if resume:
                trainer.resume()
                if trainer.step >= trainer.num_steps:
                    logging.info("the run is finished already: %s", out_dir / artifact)
                    return 0
            bar = progress_bar(trainer.step, trainer.num_steps) if writes else nullcontext(_show_nothing)
            interrupt = first_interrupt() if interruptible else nullcontext(trainer.stop_requested)
            with bar as show, interrupt as trainer.stop_requested:
                trainer.run(show)
        except (ValueError, FloatingPointError) as error:
            logging.error("%s", error)
            return 1
        if trainer.step < trainer.num_steps:
            logging.warning("interrupted after step %d, saved; the same command with --resume goes on", trainer.step)
            return INTERRUPTED_EXIT_CODE
        logging.info("wrote %s", out_dir / artifact)
    return 0


def _show_nothing(step: int, num_steps: int, loss: float) -> None:
    pass

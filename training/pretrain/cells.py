"""The cells of the comparison: one training on a share of the labels, from scratch or from a pre-trained encoder."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from training.artifacts import write_json
from training.data.image_store import ImageStore
from training.data.sample_table import RecordedDrives, load_drives, split_episodes
from training.eval.open_loop import JudgedFrames, drive_means, network_plans
from training.models.checkpoint import CheckpointError
from training.pretrain.config import PretrainConfig
from training.pretrain.trainer import ENCODER_FILE, PretrainTrainer
from training.sft.config import SftConfig
from training.sft.trainer import SftTrainer
from waypilot.config import config_to_dict
from waypilot.episodes import EpisodeError

SCRATCH, PRETRAINED = "scratch", "pretrained"
STARTS = (SCRATCH, PRETRAINED)
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CompareConfig:
    """What is compared: the steps of both trainings, alike for all cells. ``val_fraction`` of the routes judge."""

    episodes_glob: str = "out/episodes/**/*.json"
    pretrain_steps: int = 3000
    sft_steps: int = 2000
    batch_size: int = 32
    val_fraction: float = 0.1
    num_threads: int = 1

    def __post_init__(self) -> None:
        for name in ("pretrain_steps", "sft_steps", "batch_size", "num_threads"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}, expected 1 or more")
        if not 0.0 < self.val_fraction < 1.0:
            raise ValueError(f"val_fraction is {self.val_fraction}, expected between 0 and 1: something must judge")


@dataclass(frozen=True, slots=True)
class Cell:
    """One training of the comparison. Cells that differ in ``start`` only see the same drives in the same order."""

    start: str
    label_fraction: float
    seed: int

    @property
    def name(self) -> str:
        """Name of its files."""
        return f"{self.start}_{self.label_fraction:g}_{self.seed}"


class CellRunner:
    """Runs the cells that ``out_dir`` lacks; the drives are read and decoded once for all of them."""

    def __init__(self, config: CompareConfig, out_dir: Path):
        self.config = config
        self.out_dir = out_dir
        self._drives: RecordedDrives | None = None

    def result(self, cell: Cell) -> dict[str, Any]:
        """Read or make the result of a cell.

        Raises CheckpointError when ``out_dir`` holds results of other settings, EpisodeError for unusable episodes.
        """
        path = self.out_dir / "cells" / f"{cell.name}.json"
        if path.is_file():
            return _read(path, self.config)
        _log.info("%s: training", cell.name)
        drives = self._loaded()
        encoder = str(self._encoder(cell.seed)) if cell.start == PRETRAINED else ""
        config = SftConfig(
            episodes_glob=self.config.episodes_glob,
            out_dir=str(self.out_dir / f"sft_{cell.name}"),
            batch_size=self.config.batch_size,
            num_steps=self.config.sft_steps,
            val_every_steps=self.config.sft_steps,
            val_fraction=self.config.val_fraction,
            label_fraction=cell.label_fraction,
            init_encoder=encoder,
            seed=cell.seed,
            num_threads=self.config.num_threads,
        )
        trainer = SftTrainer(config, drives)
        trainer.run(_progress(cell.name))
        result = {**self._judge(trainer, drives), **config_to_dict(cell), "settings": config_to_dict(self.config)}
        write_json(path, result)
        return result

    def _loaded(self) -> RecordedDrives:
        if self._drives is None:
            self._drives = load_drives(self.config.episodes_glob)
        return self._drives

    def _encoder(self, seed: int) -> Path:
        config = PretrainConfig(
            episodes_glob=self.config.episodes_glob,
            out_dir=str(self.out_dir / f"pretrain_{seed}"),
            batch_size=self.config.batch_size,
            num_steps=self.config.pretrain_steps,
            val_fraction=self.config.val_fraction,
            seed=seed,
            num_threads=self.config.num_threads,
        )
        trainer = PretrainTrainer(config, self._loaded())
        if trainer.state_path.is_file():
            trainer.resume()
        if trainer.step < config.num_steps:
            trainer.run(_progress(f"pretrain_{seed}"))
        return trainer.out_dir / ENCODER_FILE

    def _judge(self, trainer: SftTrainer, drives: RecordedDrives) -> dict[str, Any]:
        """Errors of the trained network on the held-out drives, averaged over each drive."""
        validation = split_episodes(drives.episodes, self.config.val_fraction, ())[1]
        if not validation:
            raise EpisodeError(f"no drive is held out to judge on; raise val_fraction ({self.config.val_fraction:g})")
        images = ImageStore(trainer.model_config, drives.images)
        frames = JudgedFrames.of(validation, trainer.model_config, images)
        plans_m = network_plans(trainer.average, frames.dataset)
        distance_m = np.linalg.norm(plans_m.astype(np.float64) - frames.dataset.table.waypoints_m, axis=-1)
        ade_m, counts = drive_means(distance_m.mean(axis=1), frames.drive)
        fde_m, _ = drive_means(distance_m[:, -1], frames.drive)
        return {
            "data_sha256": drives.sha256,
            "train_samples": len(trainer.train_set),
            "drives": [path.parent.name for path, _ in validation],
            "frames": counts.tolist(),
            "ade_m": ade_m.tolist(),
            "fde_m": fde_m.tolist(),
        }


def _read(path: Path, config: CompareConfig) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    if result["settings"] != config_to_dict(config):
        raise CheckpointError(
            f"{path}: was made with {result['settings']}, asked for are {config_to_dict(config)}; "
            f"give the same options or another --out-dir"
        )
    return result


def _progress(name: str) -> Callable[[int, int, float], None]:
    def show(step: int, num_steps: int, loss: float) -> None:
        if step % max(1, num_steps // 10) == 0:
            _log.info("%s: step %d of %d, loss %.4f", name, step, num_steps, loss)

    return show


def same_data(results: Mapping[Any, Mapping[str, Any]]) -> None:
    """Raise CheckpointError when results of several trainings rest on different episodes."""
    digests = {result["data_sha256"] for result in results.values()}
    if len(digests) > 1:
        raise CheckpointError(f"the cells rest on {len(digests)} different sets of episodes; use another --out-dir")

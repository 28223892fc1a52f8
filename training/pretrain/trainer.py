"""The training loop of the pre-training."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.data import DataLoader, Sampler
from torch.utils.tensorboard import SummaryWriter

from training.artifacts import write_json
from training.data.augment import augment_images
from training.data.image_store import ImageStore
from training.data.sample_table import RecordedDrives
from training.data.waypoint_dataset import BatchOrder
from training.models.checkpoint import KIND_ENCODER, Checkpoint, encoder_sizes, save_checkpoint
from training.models.config import WaypointModelConfig
from training.models.preprocess import to_unit_range
from training.pretrain.config import PretrainConfig
from training.pretrain.monitors import feature_health, motion_errors
from training.pretrain.objective import Loss, MotionModel, pretrain_loss
from training.pretrain.pairs import PairBatch, PairDataset, motion_scale
from training.pretrain.tracks import TrackTable, build_tracks, pair_windows
from training.run_state import PRETRAIN_STATE, load_state, save_state
from training.run_trainer import LOG_EVERY_STEPS, OnStep, RunTrainer
from waypilot.config import config_to_dict
from waypilot.episodes import Episode

ENCODER_FILE = "encoder.pt"
_VALIDATION_PAIRS = 512
_VALIDATION_BATCH = 64
_VALIDATION_SEED = 0
_log = logging.getLogger(__name__)


class PretrainTrainer(RunTrainer[PairBatch]):
    """Pre-trains one encoder as configured; ``run`` leaves the artifacts in ``config.out_dir``.

    ``drives`` are those of ``config.episodes_glob`` when they are in memory already. Raises EpisodeError for unusable
    episodes, CheckpointError when it cannot resume.
    """

    def __init__(self, config: PretrainConfig, drives: RecordedDrives | None = None):
        super().__init__(config, drives)
        self.config, self.num_steps = config, config.num_steps
        train, validation = self._split_drives()
        table = build_tracks(train)
        self.cameras = table.cameras
        width_px, height_px = self._image_size(self.cameras)
        names = tuple(camera.name for camera in self.cameras)
        self.model_config = WaypointModelConfig(names, config.backbone, width_px, height_px)
        images = ImageStore(self.model_config, self.drives.images)
        self.train_set = self._dataset(table, images, config.seed)
        self.val_set = self._validation(validation, images)
        self.scale = torch.from_numpy(motion_scale(table, self.train_set.windows))
        _log.info("%d images, %d of them with partners", len(table), len(self.train_set))
        self.model: MotionModel = MotionModel(self.model_config, config.max_gap_s).to(config.device)
        self.optimizer = torch.optim.AdamW(self.model.parameters(), lr=config.lr, weight_decay=config.weight_decay)

    def resume(self) -> None:
        """Continue where the run in ``out_dir`` was last saved."""
        state = load_state(self.state_path, PRETRAIN_STATE, config_to_dict(self.config), self.data_sha256)
        self.step, parts = state
        self.model.load_state_dict(parts["model"])
        self.optimizer.load_state_dict(parts["optimizer"])
        _log.info("resumed at step %d of %d", self.step, self.config.num_steps)

    def run(self, on_step: OnStep, stop_after: int | None = None) -> dict[str, Any]:
        """Train to the end (or to step ``stop_after``), calling ``on_step(step, num_steps, loss)``; return metrics.

        Leaves config.json, encoder.pt, state.pt, metrics.json and TensorBoard logs.
        """
        write_json(self.out_dir / "config.json", config_to_dict(self.config))
        end = self._end(stop_after)
        order = PairOrder(BatchOrder(len(self.train_set), self.config.batch_size, self.config.seed, self.step, end))
        loader = DataLoader(self.train_set, batch_sampler=order, num_workers=self.config.num_workers, collate_fn=_as_is)
        with SummaryWriter(str(self.out_dir / "tensorboard"), purge_step=self.step) as board:
            return self._take_steps(loader, end, board, on_step)

    def evaluate(self, dataset: PairDataset) -> dict[str, float]:
        """Errors of the motion and health of the features on up to 512 pairs, spread evenly over the data."""
        positions = np.unique(np.linspace(0, len(dataset) - 1, _VALIDATION_PAIRS).astype(int))
        features, predicted, motion = [], [], []
        with torch.inference_mode():
            for number, start in enumerate(range(0, len(positions), _VALIDATION_BATCH)):
                chosen = positions[start : start + _VALIDATION_BATCH]
                batch = dataset.__getitems__([(int(position), number) for position in chosen])
                seen = self._features(to_unit_range(batch.images))
                features.append(seen.flatten(0, 1).cpu().numpy())
                predicted.append((self._predict(seen, batch).cpu() * self.scale).numpy())
                motion.append(batch.motion.numpy())
        return {
            **motion_errors(np.concatenate(predicted), np.concatenate(motion)),
            **feature_health(np.concatenate(features)),
        }

    def _validation(self, episodes: list[tuple[Path, Episode]], images: ImageStore) -> PairDataset | None:
        return self._dataset(build_tracks(episodes), images, _VALIDATION_SEED) if episodes else None

    def _dataset(self, table: TrackTable, images: ImageStore, seed: int) -> PairDataset:
        windows = pair_windows(table, self.config.min_gap_s, self.config.max_gap_s)
        if len(table) * images.image_bytes() <= self.config.cache_gib * 2**30:
            images.keep(table.image_paths)
        return PairDataset(table, windows, images, seed)

    def _features(self, images: torch.Tensor) -> torch.Tensor:
        """Encode pairs of images (B, 2, 3, h, w) to features (B, 2, D)."""
        features = self.model.features(images.to(self.config.device).flatten(0, 1))
        pairs: torch.Tensor = features.unflatten(0, (-1, 2))
        return pairs

    def _predict(self, features: torch.Tensor, batch: PairBatch) -> torch.Tensor:
        device = self.config.device
        return self.model.motion(features, batch.gap_s.to(device), batch.camera.to(device))

    def _train_step(self, batch: PairBatch, board: SummaryWriter | None) -> float:
        features = self._features(self._augmented(batch.images))
        loss = pretrain_loss(
            self._predict(features, batch),
            (batch.motion / self.scale).to(self.config.device),
            features,
            self.config.variance_weight,
            self.config.covariance_weight,
        )
        value, norm = self._descend(loss.total)
        if board is not None and self.step % LOG_EVERY_STEPS == 0:
            self._log_step(board, loss, features, norm)
        return value

    def _augmented(self, images: torch.Tensor) -> torch.Tensor:
        unit = to_unit_range(images)
        if not self.config.augment:
            return unit
        random = torch.Generator().manual_seed(self.config.seed * 1_000_003 + self.step)
        return augment_images(unit.flatten(0, 1), self.config.augmentation, random).view(unit.shape)

    def _log_step(self, board: SummaryWriter, loss: Loss, features: torch.Tensor, norm: float) -> None:
        values = {
            "loss": loss.total.item(),
            "loss_motion": loss.motion.item(),
            "loss_variance": loss.variance.item(),
            "loss_covariance": loss.covariance.item(),
            "gradient_norm": norm,
            "learning_rate": self.optimizer.param_groups[0]["lr"],
            **feature_health(features.detach().flatten(0, 1).cpu().numpy()),
        }
        for name, value in values.items():
            board.add_scalar(f"train/{name}", value, self.step)

    def _save(self, board: SummaryWriter | None) -> dict[str, Any]:
        assert board is not None  # ``run`` always opens one
        validation = self.evaluate(self.val_set) if self.val_set else None
        metrics = {
            "step": self.step,
            "train_images": len(self.train_set.table),
            "val_images": len(self.val_set.table) if self.val_set else 0,
            "data_sha256": self.data_sha256,
            "motion_scale": self.scale.tolist(),
            "validation": validation,
        }
        for name, value in (validation or {}).items():
            board.add_scalar(f"validation/{name}", value, self.step)
        _log.info("step %d: validation %s", self.step, validation)
        training = {"config": config_to_dict(self.config), "data_sha256": self.data_sha256, "metrics": metrics}
        tensors = self.model.encoder.state_dict()
        checkpoint = Checkpoint(KIND_ENCODER, encoder_sizes(self.model_config), tensors, self.cameras, training)
        save_checkpoint(self.out_dir / ENCODER_FILE, checkpoint)
        parts = {"model": self.model.state_dict(), "optimizer": self.optimizer.state_dict()}
        config = config_to_dict(self.config)
        save_state(self.state_path, PRETRAIN_STATE, config, self.data_sha256, self.step, parts)
        write_json(self.out_dir / "metrics.json", metrics)
        return metrics


class PairOrder(Sampler[list[tuple[int, int]]]):
    """Batches of anchors as an order gives them; the number of the step is the number of the draw."""

    def __init__(self, order: BatchOrder):
        self.order = order

    def __len__(self) -> int:
        return len(self.order)

    def __iter__(self) -> Iterator[list[tuple[int, int]]]:
        for step, anchors in enumerate(self.order, start=self.order.first_step):
            yield [(anchor, step) for anchor in anchors]


def _as_is(batch: object) -> object:
    return batch

"""The training loop of waypoint behaviour cloning."""

from __future__ import annotations

import logging
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch.utils.tensorboard import SummaryWriter

from training.artifacts import write_json
from training.data.augment import augment_images, drop_cameras
from training.data.image_store import ImageStore
from training.data.sample_table import (
    RecordedDrives,
    SampleTable,
    build_table,
    choose_drives,
    require_target_points,
)
from training.data.view_change import ViewChange, draw_moves, move_points
from training.data.waypoint_dataset import BatchOrder, SampleBatch, WaypointDataset, evaluation_loader, training_loader
from training.models.checkpoint import KIND_SFT, Checkpoint, load_encoder, save_checkpoint
from training.models.config import COMMANDS, WaypointModelConfig
from training.models.preprocess import to_unit_range
from training.models.warm_start import load_start
from training.models.waypoint_model import ModelInput, WaypointModel
from training.run_state import SFT_STATE, load_state, save_state
from training.run_trainer import LOG_EVERY_STEPS, OnStep, RunTrainer
from training.sft.ahead import AheadTrainee, ahead_loss, areas_under_curve
from training.sft.config import SftConfig
from training.sft.displacement import constant_velocity, metrics_by_command
from training.sft.losses import change_weights, waypoint_loss
from training.sft.processes import Processes, reduced_precision
from waypilot.config import config_to_dict
from waypilot.episodes import EpisodeError

ALONE = Processes()
MODEL_FILE = "model.pt"
_EVALUATION_BATCH = 128
_SEED_STRIDE = 2**40  # between processes: beyond every seed that a run of another seed or step uses
_log = logging.getLogger(__name__)


class SftTrainer(RunTrainer[SampleBatch]):
    """Trains one network as configured; ``run`` leaves the artifacts in ``config.out_dir``.

    ``drives`` are those of ``config.episodes_glob`` when they are in memory already. Of several ``processes`` each
    computes a share of every batch, and the first one writes. Raises EpisodeError for unusable episodes,
    CheckpointError when it cannot resume or use the encoder to start from, ValueError when the processes cannot share
    a batch evenly.
    """

    def __init__(self, config: SftConfig, drives: RecordedDrives | None = None, processes: Processes = ALONE):
        super().__init__(config, drives)
        self.config, self.processes = config, processes
        self.device = processes.device(config.device)
        self.amp_type = reduced_precision(config.amp, self.device)
        train, validation = self._split_drives()
        if config.use_target_point:
            require_target_points(self.drives.episodes)
        table = build_table(choose_drives(train, config.label_fraction, config.seed))
        if config.ahead_weight and np.isnan(table.ahead_m).all():
            raise EpisodeError("no drive tells what is ahead; train without --ahead-weight or record drives anew")
        self.cameras = table.cameras
        self.model_config = _model_config(table, config, *self._image_size(self.cameras))
        moves = config.shift_m > 0.0 or config.turn_rad > 0.0
        self._view_change = ViewChange(self.cameras, self.model_config) if moves else None
        images = ImageStore(self.model_config, self.drives.images)
        self.train_set = self._dataset(table, images)
        self.val_set = self._dataset(build_table(validation), images) if validation else None
        _log.info("%d training samples, %d for validation", len(table), len(self.val_set or ()))
        order = self._order(0, 0)
        processes.check_batch(order.batch_size)
        self.num_steps = config.num_steps or config.epochs * order.steps_per_epoch
        self.model: WaypointModel = WaypointModel(self.model_config).to(self.device)
        self.encoder_sha256, self.start_sha256 = self._init_encoder(), self._init_model()
        self.average = WaypointModel(self.model_config).to(self.device)
        self.average.load_state_dict(self.model.state_dict())
        self._trainee, self._averaged = self._with_task(self.model), self._with_task(self.average).requires_grad_(False)
        self._synchronised = processes.synchronised(self._trainee)
        self.optimizer = torch.optim.AdamW(self._trainee.parameters(), lr=config.lr, weight_decay=config.weight_decay)

    def resume(self) -> None:
        """Continue where the run in ``out_dir`` was last saved."""
        self.step, parts = load_state(self.state_path, SFT_STATE, self._settings(), self.data_sha256)
        self._trainee.load_state_dict(parts["model"])
        self._averaged.load_state_dict(parts["average"])
        self.optimizer.load_state_dict(parts["optimizer"])
        _log.info("resumed at step %d of %d", self.step, self.num_steps)

    def run(self, on_step: OnStep, stop_after: int | None = None) -> dict[str, Any]:
        """Train to the end (or to step ``stop_after``), calling ``on_step(step, num_steps, loss)``; return metrics.

        The first process leaves config.json, model.pt, state.pt, metrics.json and TensorBoard logs; the other ones
        leave nothing and return nothing.
        """
        end = self._end(stop_after)
        with self._board() as board:
            batches = training_loader(self.train_set, self._order(self.step, end), self.config.num_workers)
            return self._take_steps(batches, end, board, on_step)

    def evaluate(self, dataset: WaypointDataset) -> dict[str, dict[str, Any]]:
        """Open-loop metrics of the averaged network and of constant velocity, in all and per command.

        With the auxiliary task also how well cameras and latent vector tell what is ahead (``areas_under_curve``).
        """
        outputs = []
        with torch.inference_mode():
            for batch in evaluation_loader(dataset, _EVALUATION_BATCH):
                outputs.append(_both(self._averaged.eval()(self._model_input(batch))))
        table, dt_s = dataset.table, self.model_config.waypoint_dt_s
        plans_m = torch.cat([plan_m for plan_m, _ in outputs]).cpu().numpy()
        still = constant_velocity(table.speed_mps, self.model_config.num_waypoints, dt_s)
        found: dict[str, dict[str, Any]] = {
            "model": metrics_by_command(plans_m, table.waypoints_m, table.command, dt_s),
            "constant_velocity": metrics_by_command(still, table.waypoints_m, table.command, dt_s),
        }
        answers = [logits for _, logits in outputs if logits is not None]
        if answers:
            logits = torch.cat(answers).cpu().numpy()
            found["ahead_auc"] = areas_under_curve(logits[:, 0], table.ahead_m)
            found["ahead_auc_latent"] = areas_under_curve(logits[:, 1], table.ahead_m)
        return found

    def _settings(self) -> dict[str, Any]:
        """List what a resumed run must share with the one that it continues."""
        return {**config_to_dict(self.config), "processes": self.processes.count}

    def _order(self, first_step: int, last_step: int) -> BatchOrder:
        config, processes = self.config, self.processes
        span = (first_step, last_step)
        return BatchOrder(len(self.train_set), config.batch_size, config.seed, *span, processes.rank, processes.count)

    def _board(self) -> AbstractContextManager[SummaryWriter | None]:
        if not self.processes.is_first:
            return nullcontext()
        write_json(self.out_dir / "config.json", {**self._settings(), "num_steps_resolved": self.num_steps})
        return SummaryWriter(str(self.out_dir / "tensorboard"), purge_step=self.step)

    def _init_encoder(self) -> str | None:
        """Start from the configured encoder; returns the digest of its checkpoint."""
        if not self.config.init_encoder:
            return None
        encoder, checkpoint = load_encoder(Path(self.config.init_encoder), self.model_config)
        self.model.encoder.load_state_dict(encoder.state_dict())
        _log.info("encoder from %s, %s", self.config.init_encoder, checkpoint.sha256)
        return checkpoint.sha256

    def _init_model(self) -> str | None:
        """Start from the configured network; returns the digest of its checkpoint."""
        if not self.config.init_model:
            return None
        tensors, checkpoint = load_start(Path(self.config.init_model), self.model_config)
        self.model.load_state_dict(tensors)
        _log.info("network from %s, %s", self.config.init_model, checkpoint.sha256)
        return checkpoint.sha256

    def _dataset(self, table: SampleTable, images: ImageStore) -> WaypointDataset:
        if not self.config.use_cameras:
            table = table.without_images()
        size = len(table) * len(table.cameras) * images.image_bytes()
        cached = size <= self.config.cache_gib * 2**30
        _log.info("%d images, %.2f GiB decoded, %s", len(table), size / 2**30, "cached" if cached else "not cached")
        return WaypointDataset(table, self.model_config, cached, images)

    def _train_step(self, batch: SampleBatch, board: SummaryWriter | None) -> float:
        augments = self.config.augment and self.config.use_cameras
        batch, images = self._augmented(batch) if augments else (batch, None)
        predicted, logits = self._predict(self._model_input(batch, images))
        label = batch.waypoints_m.to(self.device)
        loss = self._loss(predicted, label, batch.speed_mps.to(self.device))
        if logits is not None:
            loss = loss + self.config.ahead_weight * ahead_loss(logits, batch.ahead_m.to(self.device))
        value, norm = self._descend(loss)
        self._update_average()
        if board is not None and self.step % LOG_EVERY_STEPS == 0:
            board.add_scalar("train/loss", value, self.step)
            board.add_scalar("train/gradient_norm", norm, self.step)
            board.add_scalar("train/learning_rate", self.optimizer.param_groups[0]["lr"], self.step)
            board.add_scalar("train/ade_m", (predicted - label).norm(dim=-1).mean().item(), self.step)
        return value

    def _loss(self, predicted_m: torch.Tensor, label_m: torch.Tensor, speed_mps: torch.Tensor) -> torch.Tensor:
        config, dt_s = self.config, self.model_config.waypoint_dt_s
        weights = change_weights(label_m, speed_mps, dt_s, config.change_weight) if config.change_weight else None
        return waypoint_loss(predicted_m, label_m, dt_s, config.lateral_weight, config.time_constant_s, weights)

    def _predict(self, inputs: ModelInput) -> tuple[torch.Tensor, torch.Tensor | None]:
        """Plan and answer what is ahead; weights stay in full precision, and so does the loss."""
        model = self._synchronised.train()
        if self.amp_type is None:
            return _both(model(inputs))
        with torch.autocast(torch.device(self.device).type, self.amp_type):
            plan_m, logits = _both(model(inputs))
        return plan_m.float(), None if logits is None else logits.float()

    def _with_task(self, model: WaypointModel) -> WaypointModel | AheadTrainee:
        return AheadTrainee(model).to(self.device) if self.config.ahead_weight else model

    def _augmented(self, batch: SampleBatch) -> tuple[SampleBatch, torch.Tensor]:
        """Augment a batch; its images come apart, as float32 (B, C, 3, h, w) in 0..1."""
        config, images = self.config, to_unit_range(batch.images)
        process = self.processes.rank * _SEED_STRIDE
        random = torch.Generator().manual_seed(config.seed * 1_000_003 + self.step + process)
        if self._view_change is not None:
            moves = draw_moves(len(images), config.shift_m, config.turn_rad, random)
            images = self._view_change(images, moves)
            batch = replace(
                batch,
                target_point_m=move_points(batch.target_point_m, moves),
                waypoints_m=move_points(batch.waypoints_m, moves),
            )
        images = augment_images(images.flatten(0, 1), config.augmentation, random).view(images.shape)
        valid = drop_cameras(batch.image_valid, config.augmentation.drop_camera_probability, random)
        return replace(batch, image_valid=valid), images

    def _model_input(self, batch: SampleBatch, images: torch.Tensor | None = None) -> ModelInput:
        """Bring a batch to the device; ``images`` (B, C, 3, h, w) in 0..1 take the place of its own."""
        device = self.device
        return ModelInput(
            (to_unit_range(batch.images) if images is None else images).to(device),
            batch.image_valid.to(device),
            batch.speed_mps.to(device),
            batch.command.to(device),
            batch.target_point_m.to(device),
        )

    @torch.no_grad()
    def _update_average(self) -> None:
        # The bound by the step count keeps the random start out of a short run's average.
        decay = min(self.config.ema_decay, self.step / (9.0 + self.step))
        averages: list[torch.Tensor] = list(self._averaged.parameters())
        values: list[torch.Tensor] = list(self._trainee.parameters())
        torch._foreach_lerp_(averages, values, 1.0 - decay)

    def _save(self, board: SummaryWriter | None) -> dict[str, Any]:
        if board is None:
            return {}
        metrics: dict[str, Any] = {
            "step": self.step,
            "train_samples": len(self.train_set),
            "val_samples": len(self.val_set or ()),
            "data_sha256": self.data_sha256,
            "validation": self.evaluate(self.val_set) if self.val_set else None,
        }
        if metrics["validation"]:
            for name, value in metrics["validation"]["model"]["all"].items():
                board.add_scalar(f"validation/{name}", value, self.step)
            _log.info("step %d: validation %s", self.step, metrics["validation"]["model"]["all"])
        training = {
            "config": config_to_dict(self.config),
            "processes": self.processes.count,
            "seed": self.config.seed,
            "data_sha256": self.data_sha256,
            "encoder_sha256": self.encoder_sha256,
            "start_sha256": self.start_sha256,
            "commands": [command.name for command in COMMANDS],
            "metrics": metrics,
        }
        tensors = self.average.state_dict()
        checkpoint = Checkpoint(KIND_SFT, config_to_dict(self.model_config), tensors, self.cameras, training)
        save_checkpoint(self.out_dir / MODEL_FILE, checkpoint)
        parts = {
            "model": self._trainee.state_dict(),
            "average": self._averaged.state_dict(),
            "optimizer": self.optimizer.state_dict(),
        }
        save_state(self.state_path, SFT_STATE, self._settings(), self.data_sha256, self.step, parts)
        write_json(self.out_dir / "metrics.json", metrics)
        return metrics


def _both(output: torch.Tensor | tuple[torch.Tensor, torch.Tensor]) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Plan and answers, which a network without the auxiliary task does not give."""
    return (output, None) if isinstance(output, torch.Tensor) else output


def _model_config(table: SampleTable, config: SftConfig, width_px: int, height_px: int) -> WaypointModelConfig:
    try:
        return WaypointModelConfig(
            cameras=tuple(camera.name for camera in table.cameras),
            backbone=config.backbone,
            image_width_px=width_px,
            image_height_px=height_px,
            crop_top_px=config.crop_top_px,
            num_waypoints=table.waypoints_m.shape[1],
            waypoint_dt_ns=table.waypoint_dt_ns,
            use_target_point=config.use_target_point,
            use_cameras=config.use_cameras,
        )
    except ValueError as error:
        raise EpisodeError(f"no network fits images of {width_px}x{height_px} pixels: {error}") from error

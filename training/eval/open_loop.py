"""Plans of a network and of simple rules on recorded frames, and their errors with intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from training.data.image_store import ImageStore
from training.data.sample_table import build_table
from training.data.waypoint_dataset import WaypointDataset
from training.models.config import WaypointModelConfig
from training.models.preprocess import to_unit_range
from training.models.waypoint_model import ModelInput, WaypointModel
from waypilot.episodes import Episode

_BATCH = 128
_RESAMPLES = 2000
_STRAIGHT_RADPS = 1e-6


class CameraUse(Enum):
    """What a network gets to see: its images, none, or those of other moments."""

    AS_RECORDED = "as recorded"
    INVALID = "invalid"
    SHUFFLED = "shuffled"


@dataclass(frozen=True, slots=True, eq=False)
class JudgedFrames:
    """The M labelled frames of some drives: ``drive`` (M,) counts them, ``yaw_rate_radps`` (M,) of base_link."""

    dataset: WaypointDataset
    drive: NDArray[np.int64]
    yaw_rate_radps: NDArray[np.float64]

    @classmethod
    def of(
        cls, episodes: Sequence[tuple[Path, Episode]], config: WaypointModelConfig, images: ImageStore | None = None
    ) -> JudgedFrames:
        """Take the frames of episodes for a network. Raises EpisodeError when they do not fit it."""
        dataset = WaypointDataset(build_table(episodes), config, cache=True, images=images)
        labelled = [
            (number, frame)
            for number, (_, episode) in enumerate(episodes)
            for frame in episode.frames
            if frame.waypoints_m is not None
        ]
        drive = np.array([number for number, _ in labelled], dtype=np.int64)
        yaw_rate_radps = np.array([frame.ego.angular_velocity_radps[2] for _, frame in labelled], dtype=np.float64)
        return cls(dataset, drive, yaw_rate_radps)


def network_plans(
    model: WaypointModel, dataset: WaypointDataset, cameras: CameraUse = CameraUse.AS_RECORDED, device: str = "cpu"
) -> NDArray[np.float32]:
    """Plan (M, N, 2) for every sample. SHUFFLED shows the images of the sample half the data set away."""
    rows = np.arange(len(dataset))
    plans = []
    with torch.inference_mode():
        for start in range(0, len(rows), _BATCH):
            chosen = rows[start : start + _BATCH]
            batch = dataset.__getitems__(chosen)
            images, valid = batch.images, batch.image_valid
            if cameras is CameraUse.SHUFFLED:
                other = dataset.__getitems__((chosen + len(rows) // 2) % len(rows))
                images, valid = other.images, other.image_valid
            elif cameras is CameraUse.INVALID:
                valid = torch.zeros_like(valid)
            seen = (to_unit_range(images), valid, batch.speed_mps, batch.command, batch.target_point_m)
            plans.append(model.eval()(ModelInput(*(part.to(device) for part in seen))).cpu().numpy())
    return np.concatenate(plans)


def constant_turn_rate(
    speed_mps: NDArray[np.floating], yaw_rate_radps: NDArray[np.floating], num_waypoints: int, dt_s: float
) -> NDArray[np.float64]:
    """Baseline plan (M, N, 2): keep speed and yaw rate, on a circle to the left for positive rates."""
    times_s = dt_s * np.arange(1, num_waypoints + 1)
    rate = np.where(np.abs(yaw_rate_radps) < _STRAIGHT_RADPS, _STRAIGHT_RADPS, yaw_rate_radps).astype(np.float64)
    turned_rad = rate[:, None] * times_s
    radius_m = (speed_mps / rate)[:, None]
    # 1 - cos(a) = 2 sin(a / 2)^2 does not lose the digits of a small angle.
    return np.stack([radius_m * np.sin(turned_rad), radius_m * 2.0 * np.sin(turned_rad / 2.0) ** 2], axis=-1)


def drive_means(
    values: NDArray[np.floating], drive: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Average values (M,) over each drive; returns the means and the numbers of frames, both (D,)."""
    frames = np.bincount(drive)
    return np.bincount(drive, weights=values) / np.maximum(frames, 1), frames


def mean_interval(values: NDArray[np.float64], frames: NDArray[np.int64]) -> tuple[float, float, float]:
    """Mean of drive means (S, D) of S runs, weighted by ``frames`` (D,), with the bounds of its 95 % interval.

    Percentile bootstrap that draws runs and drives anew: frames of one drive resemble each other, and so do the
    errors of one run, so neither counts as independent (2000 seeded draws).
    """
    runs, drives = values.shape
    random = np.random.default_rng(0)
    means = np.empty(_RESAMPLES)
    for index in range(_RESAMPLES):
        chosen = random.integers(drives, size=drives)
        sample = values[np.ix_(random.integers(runs, size=runs), chosen)]
        means[index] = np.average(sample.mean(axis=0), weights=frames[chosen])
    low, high = np.percentile(means, [2.5, 97.5])
    return float(np.average(values.mean(axis=0), weights=frames)), float(low), float(high)

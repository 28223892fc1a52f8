"""Samples as batches: decoded once into memory when they fit, otherwise decoded by workers."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import DataLoader, Dataset, Sampler

from training.data.image_store import ImageStore
from training.data.sample_table import SampleTable
from training.models.config import WaypointModelConfig
from training.models.preprocess import command_indices
from waypilot.episodes import EpisodeError


@dataclass(slots=True)
class SampleBatch:
    """A batch as it comes from the loader: images (B, C, h, w, 3) uint8 shrunk, the rest as in ``ModelInput``.

    ``ahead_m`` (B, K) as in ``SampleTable``.
    """

    images: torch.Tensor
    image_valid: torch.Tensor
    speed_mps: torch.Tensor
    command: torch.Tensor
    target_point_m: torch.Tensor
    waypoints_m: torch.Tensor
    ahead_m: torch.Tensor


class WaypointDataset(Dataset[SampleBatch]):
    """Frames of a table with their images, shrunk as the network wants them.

    With ``cache`` all images are decoded on construction and kept; ``images`` may hold some of them already.
    Raises EpisodeError when the cameras of the table are not those of the network, or an image cannot be read.
    """

    def __init__(self, table: SampleTable, config: WaypointModelConfig, cache: bool, images: ImageStore | None = None):
        _check_cameras(table, config)
        self.table = table
        self.config = config
        self._valid = torch.tensor([[path is not None for path in row] for row in table.image_paths])
        self._command = command_indices(torch.from_numpy(table.command))
        self._images = images or ImageStore(config)
        if cache:
            self._images.keep(path for row in table.image_paths for path in row)

    def __len__(self) -> int:
        return len(self.table)

    def __getitem__(self, index: int) -> SampleBatch:
        return self.__getitems__([index])

    def __getitems__(self, indices: Sequence[int] | NDArray[np.integer]) -> SampleBatch:
        """Fetch a whole batch at once."""
        rows = np.asarray(indices)
        images = torch.stack([self._images.load(path) for i in rows for path in self.table.image_paths[i]])
        return SampleBatch(
            images=images.view(len(rows), -1, *images.shape[1:]),
            image_valid=self._valid[rows],
            speed_mps=torch.from_numpy(self.table.speed_mps[rows]),
            command=self._command[rows],
            target_point_m=torch.from_numpy(self.table.target_point_m[rows]),
            waypoints_m=torch.from_numpy(self.table.waypoints_m[rows]),
            ahead_m=torch.from_numpy(self.table.ahead_m[rows]),
        )


class BatchOrder(Sampler[list[int]]):
    """Shuffled batches from step ``first_step`` to ``last_step``; which samples a step gets depends on the seed alone.

    Every epoch visits each sample at most once; what does not fill a batch at its end is left out. Of every batch,
    process ``rank`` of ``processes`` gets its share: together they see what one process sees alone.
    """

    def __init__(
        self,
        samples: int,
        batch_size: int,
        seed: int,
        first_step: int,
        last_step: int,
        rank: int = 0,
        processes: int = 1,
    ):
        if samples < 1:
            raise ValueError("there are no samples to order")
        self.samples, self.seed = samples, seed
        self.batch_size = min(batch_size, samples)
        self.steps_per_epoch = samples // self.batch_size
        self.first_step, self.last_step = first_step, last_step
        self.rank, self.processes = rank, processes

    def __len__(self) -> int:
        return self.last_step - self.first_step

    def __iter__(self) -> Iterator[list[int]]:
        for step in range(self.first_step, self.last_step):
            epoch, position = divmod(step, self.steps_per_epoch)
            if step == self.first_step or position == 0:
                order = np.random.default_rng((self.seed, epoch)).permutation(self.samples)
            batch = order[position * self.batch_size : (position + 1) * self.batch_size]
            yield batch[self.rank :: self.processes].tolist()


def training_loader(dataset: WaypointDataset, order: BatchOrder, num_workers: int) -> DataLoader[SampleBatch]:
    """Batches in the given order, the same for any number of workers."""
    return DataLoader(dataset, batch_sampler=order, num_workers=num_workers, collate_fn=_as_is)


def evaluation_loader(dataset: WaypointDataset, batch_size: int, num_workers: int = 0) -> DataLoader[SampleBatch]:
    """Every sample once, in order."""
    return DataLoader(dataset, batch_size=batch_size, num_workers=num_workers, collate_fn=_as_is)


def _as_is(batch: object) -> object:
    return batch


def _check_cameras(table: SampleTable, config: WaypointModelConfig) -> None:
    found = [(camera.name, camera.width_px, camera.height_px) for camera in table.cameras]
    expected = [(name, config.image_width_px, config.image_height_px) for name in config.cameras]
    if found != expected:
        raise EpisodeError(f"the episodes have cameras {found}, the network expects {expected}")

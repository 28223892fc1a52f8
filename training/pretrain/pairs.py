"""Pairs of images with the motion between them, as batches."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch.utils.data import Dataset

from training.data.image_store import ImageStore
from training.pretrain.tracks import PairWindows, TrackTable, relative_motion

# Streams of random numbers apart from that of the order of samples, which has the seed and the epoch alone.
_PARTNERS = 1
_SCALE = 2


@dataclass(slots=True)
class PairBatch:
    """A batch of pairs.

    ``images`` (B, 2, h, w, 3) uint8 shrunk; ``gap_s`` (B,) signed time from the first image to the second; ``camera``
    (B,); ``motion`` (B, 3): pose of base_link at the second image seen from the first: x, y in metres, yaw in radians.
    """

    images: torch.Tensor
    gap_s: torch.Tensor
    camera: torch.Tensor
    motion: torch.Tensor


class PairDataset(Dataset[PairBatch]):
    """The pairs of a table.

    A sample is addressed by its anchor and the number of its draw, so that the pairs of a step depend on seed and step
    alone, whoever loads them.
    """

    def __init__(self, table: TrackTable, windows: PairWindows, images: ImageStore, seed: int):
        self.table, self.windows, self.seed = table, windows, seed
        self._images = images

    def __len__(self) -> int:
        return len(self.windows.anchor)

    def __getitem__(self, address: tuple[int, int]) -> PairBatch:
        return self.__getitems__([address])

    def __getitems__(self, addresses: Sequence[tuple[int, int]]) -> PairBatch:
        """Fetch a batch of (position of the anchor, draw); all addresses of a batch share the draw."""
        positions = np.array([position for position, _ in addresses])
        random = np.random.default_rng((self.seed, _PARTNERS, addresses[0][1]))
        start, end = self.windows.draw(positions, random)
        rows = np.stack([start, end], axis=1)
        images = torch.stack([self._images.load(self.table.image_paths[row]) for row in rows.flat])
        return PairBatch(
            images=images.view(len(rows), 2, *images.shape[1:]),
            gap_s=torch.from_numpy((self.table.stamp_s[end] - self.table.stamp_s[start]).astype(np.float32)),
            camera=torch.from_numpy(self.table.camera[start]),
            motion=torch.from_numpy(relative_motion(self.table.pose[start], self.table.pose[end]).astype(np.float32)),
        )


def motion_scale(table: TrackTable, windows: PairWindows) -> NDArray[np.float32]:
    """Root mean square (3,) of the motions of one pair per anchor: what makes metres and radians comparable.

    A component that never changes (a drive straight ahead) gets 1.
    """
    start, end = windows.draw(np.arange(len(windows.anchor)), np.random.default_rng(_SCALE))
    size = np.sqrt(np.mean(relative_motion(table.pose[start], table.pose[end]) ** 2, axis=0))
    return np.where(size > 1e-6, size, 1.0).astype(np.float32)

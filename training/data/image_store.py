"""Images as the encoder sees them: decoded when asked for, or once and kept."""

from __future__ import annotations

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import torch

from training.models.config import WaypointModelConfig
from training.models.preprocess import shrink_images
from waypilot.episodes import EpisodeError, decode_jpeg


class ImageStore:
    """Shrunk images (h, w, 3) uint8 by path.

    ``kept`` are images that another store for the same image size has decoded; both then share them.
    """

    def __init__(self, config: WaypointModelConfig, kept: dict[Path, torch.Tensor] | None = None):
        self.config = config
        self._kept = {} if kept is None else kept

    def image_bytes(self) -> int:
        """Memory that one decoded image takes."""
        return self.config.input_width_px * self.config.input_height_px * 3

    def keep(self, paths: Iterable[Path | None]) -> None:
        """Decode images now and keep them. Raises EpisodeError when one cannot be read."""
        missing = sorted({path for path in paths if path is not None} - self._kept.keys())
        with ThreadPoolExecutor() as pool:
            self._kept.update(zip(missing, pool.map(self._decode, missing), strict=True))

    def load(self, path: Path | None) -> torch.Tensor:
        """Give an image; a black one where there is none. Raises EpisodeError when it cannot be read."""
        if path is None:
            return torch.zeros((self.config.input_height_px, self.config.input_width_px, 3), dtype=torch.uint8)
        image = self._kept.get(path)
        return self._decode(path) if image is None else image

    def _decode(self, path: Path) -> torch.Tensor:
        try:
            return shrink_images(torch.from_numpy(decode_jpeg(path.read_bytes()))[None], self.config)[0]
        except (OSError, ValueError) as error:
            raise EpisodeError(f"{path}: {error}") from error

"""Writing episodes: a folder appears under its final name only when it is complete."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath

from waypilot.episodes.images import encode_jpeg
from waypilot.episodes.schema import (
    EPISODE_FILE,
    PARTIAL_SUFFIX,
    Episode,
    EpisodeError,
    EpisodeFrame,
    episode_to_json,
)
from waypilot.types import RgbImage


class EpisodeWriter:
    """Collects the frames of one drive in ``<folder>.partial`` and renames that to ``folder`` on ``finish``.

    ``header`` is the episode without frames. A left-over partial folder of an interrupted run is replaced.
    Raises EpisodeError when ``folder`` exists already, or when the header has no cameras.
    """

    def __init__(self, folder: Path, header: Episode):
        if folder.exists():
            raise EpisodeError(f"{folder} exists already; choose another folder or remove it")
        if header.frames:
            raise EpisodeError("the header of a new episode must have no frames")
        if not header.cameras:
            raise EpisodeError("the header of a new episode has no cameras, expected at least one")
        self._folder = folder
        self._partial = folder.with_name(folder.name + PARTIAL_SUFFIX)
        self._header = header
        self._frames: list[EpisodeFrame] = []
        shutil.rmtree(self._partial, ignore_errors=True)
        for camera in header.cameras:
            (self._partial / camera.name).mkdir(parents=True)

    @property
    def frame_count(self) -> int:
        """How many frames were added so far."""
        return len(self._frames)

    def add_frame(self, frame: EpisodeFrame, images: Mapping[str, RgbImage | bytes]) -> None:
        """Add a frame; ``images`` are RGB arrays or ready JPEG bytes by camera name, ``frame.images`` is filled in.

        Raises EpisodeError when stamps do not increase or a camera is not in the header.
        """
        if self._frames and frame.ego.stamp_ns <= self._frames[-1].ego.stamp_ns:
            last = self._frames[-1].ego.stamp_ns
            raise EpisodeError(f"stamp {frame.ego.stamp_ns} ns comes after {last} ns, expected increasing stamps")
        known = {camera.name for camera in self._header.cameras}
        if unknown := sorted(set(images) - known):
            raise EpisodeError(f"no camera {', '.join(unknown)} in this episode; it has {', '.join(sorted(known))}")
        paths = {}
        for name, image in images.items():
            paths[name] = PurePosixPath(name) / f"{len(self._frames):06d}.jpg"
            (self._partial / paths[name]).write_bytes(image if isinstance(image, bytes) else encode_jpeg(image))
        self._frames.append(replace(frame, images=paths))

    def finish(self) -> Path:
        """Write ``episode.json``, rename the folder, and return the path of the former."""
        text = json.dumps(episode_to_json(replace(self._header, frames=tuple(self._frames))), allow_nan=False)
        (self._partial / EPISODE_FILE).write_text(text + "\n", encoding="utf-8")
        os.rename(self._partial, self._folder)
        return self._folder / EPISODE_FILE

    def discard(self) -> None:
        """Throw the unfinished episode away."""
        shutil.rmtree(self._partial, ignore_errors=True)

"""Reading episodes and finding them."""

from __future__ import annotations

import glob
import json
from pathlib import Path

from waypilot.episodes.images import decode_jpeg
from waypilot.episodes.parse import episode_from_json
from waypilot.episodes.schema import PARTIAL_SUFFIX, Episode, EpisodeError, EpisodeFrame
from waypilot.types import RgbImage


def find_episodes(pattern: str) -> tuple[Path, ...]:
    """List the episode files that a glob pattern (``**`` allowed) matches, sorted.

    What an interrupted writer left unfinished is no episode: it is recorded again. Raises EpisodeError when there is
    none.
    """
    found = sorted(Path(name) for name in glob.glob(pattern, recursive=True))
    paths = tuple(path for path in found if path.parent.suffix != PARTIAL_SUFFIX)
    if not paths:
        raise EpisodeError(f"no file matches {pattern!r}; collect episodes first or correct the pattern")
    return paths


def load_episode(path: Path) -> Episode:
    """Read one ``episode.json``. Raises EpisodeError naming the file, the field and what was expected."""
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise EpisodeError(f"{path}: cannot be read: {error}") from error
    except ValueError as error:
        raise EpisodeError(f"{path}: is no valid JSON: {error}") from error
    try:
        return episode_from_json(data)
    except EpisodeError as error:
        raise EpisodeError(f"{path}: {error}") from error


def load_image(episode_path: Path, episode: Episode, frame: EpisodeFrame, camera: str) -> RgbImage:
    """Decode one image of a frame to RGB (H, W, 3).

    Raises EpisodeError when the frame has none, the file is damaged, or its size is not the camera's.
    """
    if camera not in frame.images:
        raise EpisodeError(f"{episode_path}: the frame at {frame.ego.stamp_ns} ns has no image of camera {camera!r}")
    path = episode_path.parent / frame.images[camera]
    try:
        image = decode_jpeg(path.read_bytes())
    except (OSError, ValueError) as error:
        raise EpisodeError(f"{path}: {error}") from error
    spec = next(spec for spec in episode.cameras if spec.name == camera)
    if image.shape[:2] != (spec.height_px, spec.width_px):
        found = f"{image.shape[1]}x{image.shape[0]}"
        raise EpisodeError(f"{path}: is {found}, camera {camera!r} was declared {spec.width_px}x{spec.height_px}")
    return image

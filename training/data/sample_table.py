"""Which frames of which episodes are samples: small columns in memory, images still on disk."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable, Sequence
from dataclasses import astuple, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from training.data.drive_kinds import choose_kind, similar_rigs
from waypilot.episodes import Episode, EpisodeError, EpisodeFrame, RouteAhead, find_episodes, load_episode
from waypilot.rig import CameraSpec


@dataclass(frozen=True, slots=True, eq=False)
class SampleTable:
    """M labelled frames as columns.

    ``image_paths`` has one row per sample and one entry per camera (None: no image). ``speed_mps`` (M,),
    ``command`` (M,) RouteCommand numbers, ``target_point_m`` (M, 2) base_link, ``waypoints_m`` (M, N, 2) base_link.
    ``ahead_m`` (M, K) are the distances of ``RouteAhead``, inf where there is nothing, nan where that is not known.
    """

    cameras: tuple[CameraSpec, ...]
    waypoint_dt_ns: int
    image_paths: tuple[tuple[Path | None, ...], ...]
    speed_mps: NDArray[np.float32]
    command: NDArray[np.int64]
    target_point_m: NDArray[np.float32]
    waypoints_m: NDArray[np.float32]
    ahead_m: NDArray[np.float32]
    towns: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.speed_mps)

    def without_images(self) -> SampleTable:
        """Make the same samples as if no camera had given an image."""
        return replace(self, image_paths=tuple((None,) * len(row) for row in self.image_paths))


@dataclass(frozen=True, slots=True, eq=False)
class RecordedDrives:
    """Episodes with their paths and digest, and the images of them that are decoded already (filled by users)."""

    episodes: list[tuple[Path, Episode]]
    sha256: str
    images: dict[Path, torch.Tensor] = field(default_factory=dict)


def load_drives(pattern: str, sources: Sequence[str] = ()) -> RecordedDrives:
    """Read the episodes that a pattern finds, of the given ``sources`` (none: all) and of one kind (``choose_kind``).

    Raises EpisodeError.
    """
    drives = choose_kind([(path, load_episode(path)) for path in find_episodes(pattern)], sources)
    return RecordedDrives(drives, _digest(drives))


def load_episodes(paths: Sequence[Path]) -> tuple[list[tuple[Path, Episode]], str]:
    """Read episodes, of whatever kinds, and the SHA-256 over their files and the sizes of their images.

    Raises EpisodeError.
    """
    episodes = [(path, load_episode(path)) for path in paths]
    return episodes, _digest(episodes)


def _digest(episodes: Sequence[tuple[Path, Episode]]) -> str:
    """Sizes stand for the images' content, which would take minutes to read for large data sets."""
    digest = hashlib.sha256()
    for path, episode in episodes:
        digest.update(path.read_bytes())
        digest.update(_image_sizes(path, episode).encode())
    return digest.hexdigest()


def _image_sizes(path: Path, episode: Episode) -> str:
    try:
        sizes = [(path.parent / image).stat().st_size for frame in episode.frames for image in frame.images.values()]
    except OSError as error:
        raise EpisodeError(f"{path}: an image that it names cannot be read: {error}") from error
    return " ".join(map(str, sizes))


def is_validation_route(episode: Episode, fraction: float) -> bool:
    """Decide by town and route alone, so that a road is never on both sides, whatever else is collected."""
    digest = hashlib.sha256(f"{episode.town}/{episode.route_id}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2.0**64 < fraction


def split_episodes(
    episodes: Sequence[tuple[Path, Episode]], fraction: float, towns: Sequence[str]
) -> tuple[list[tuple[Path, Episode]], list[tuple[Path, Episode]]]:
    """Split into training and validation: whole ``towns``, and a ``fraction`` of the routes of the other ones."""

    def held_out(episode: Episode) -> bool:
        return episode.town in towns or is_validation_route(episode, fraction)

    train = [item for item in episodes if not held_out(item[1])]
    return train, [item for item in episodes if held_out(item[1])]


def choose_drives(episodes: Sequence[tuple[Path, Episode]], fraction: float, seed: int) -> list[tuple[Path, Episode]]:
    """Choose a ``fraction`` of the drives, at least one, by the digest of seed and name; their order stays.

    With one seed, the drives of a smaller fraction are among those of a larger one.
    """

    def rank(index: int) -> bytes:
        episode = episodes[index][1]
        name = f"{seed}/{episode.town}/{episode.route_id}/{episode.episode_id}"
        return hashlib.sha256(name.encode()).digest()

    count = max(1, round(fraction * len(episodes)))
    return [episodes[index] for index in sorted(sorted(range(len(episodes)), key=rank)[:count])]


def build_table(episodes: Sequence[tuple[Path, Episode]]) -> SampleTable:
    """Gather the labelled frames of episodes that share cameras (the table has the first's) and waypoint spacing.

    Calibrations may differ by a little (3 % of view, 0.1 m, 3 degrees), as those of several real cars do.

    Raises EpisodeError when there is no labelled frame, or when episodes differ in cameras, spacing or horizon.
    """
    if not episodes:
        raise EpisodeError("no episodes to build a table of")
    first_path, first = episodes[0]
    for path, episode in episodes:
        if not similar_rigs(episode.cameras, first.cameras):
            _same(path, first_path, "cameras", episode.cameras, first.cameras)
        _same(path, first_path, "waypoint_dt_ns", episode.waypoint_dt_ns, first.waypoint_dt_ns)
    rows = [(p, e, f) for p, e in episodes for f in e.frames if f.waypoints_m is not None]
    if not rows:
        raise EpisodeError(f"{first_path} and {len(episodes) - 1} more episodes hold no frame with a waypoint label")
    length = len(_label(rows[0][2].waypoints_m))
    for path, _, frame in rows:
        _same(path, first_path, "number of waypoints", len(_label(frame.waypoints_m)), length)
    names = [camera.name for camera in first.cameras]
    return SampleTable(
        cameras=first.cameras,
        waypoint_dt_ns=first.waypoint_dt_ns,
        image_paths=tuple(
            tuple(p.parent / f.images[name] if name in f.images else None for name in names) for p, _, f in rows
        ),
        speed_mps=_column(rows, lambda frame: frame.ego.speed_mps, np.float32),
        command=_column(rows, lambda frame: int(frame.command), np.int64),
        target_point_m=_column(rows, lambda frame: frame.target_point_m or (0.0, 0.0), np.float32),
        waypoints_m=_column(rows, lambda frame: frame.waypoints_m, np.float32),
        ahead_m=_column(rows, _ahead_m, np.float32),
        towns=tuple(e.town for _, e, _ in rows),
    )


def _ahead_m(frame: EpisodeFrame) -> tuple[float, ...]:
    if frame.ahead is None:
        return (math.nan,) * len(fields(RouteAhead))
    return tuple(math.inf if way_m is None else way_m for way_m in astuple(frame.ahead))


def require_target_points(episodes: Sequence[tuple[Path, Episode]]) -> None:
    """Check that every labelled frame has a target point. Raises EpisodeError: the origin would be a false one."""
    for path, episode in episodes:
        for index, frame in enumerate(episode.frames):
            if frame.waypoints_m is not None and frame.target_point_m is None:
                raise EpisodeError(
                    f"{path}: frames[{index}].target_point_m is null; train without target points or on other episodes"
                )


def _column(
    rows: list[tuple[Path, Episode, EpisodeFrame]], value: Callable[[EpisodeFrame], object], dtype: type[np.generic]
) -> NDArray[Any]:
    return np.array([value(frame) for _, _, frame in rows], dtype=dtype)


def _label(waypoints_m: NDArray[np.float64] | None) -> NDArray[np.float64]:
    assert waypoints_m is not None
    return waypoints_m


def _same(path: Path, first_path: Path, what: str, found: object, expected: object) -> None:
    if found != expected:
        raise EpisodeError(
            f"{path}: {what} is {found}, but {expected} in {first_path}; train on episodes of one kind at a time"
        )

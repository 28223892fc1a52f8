"""What one camera saw along a drive, and how the car moved between two of its images.

Only images, stamps and odometry are read: no waypoints, commands or controls.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from waypilot.episodes import Episode, EpisodeError
from waypilot.rig import CameraSpec

# Stamps are whole nanoseconds: bounds of the gap must not lose a frame to a rounding error.
_STAMP_TOLERANCE_S = 1e-6


@dataclass(frozen=True, slots=True, eq=False)
class TrackTable:
    """M images, track by track (one camera of one drive) and in order of time.

    ``camera`` (M,) indices of ``cameras``; ``track`` (M,); ``stamp_s`` (M,); ``pose`` (M, 3): x, y in metres and yaw
    in radians of base_link in the drive's map frame.
    """

    cameras: tuple[CameraSpec, ...]
    image_paths: tuple[Path, ...]
    camera: NDArray[np.int64]
    track: NDArray[np.int64]
    stamp_s: NDArray[np.float64]
    pose: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.image_paths)


def build_tracks(episodes: Sequence[tuple[Path, Episode]]) -> TrackTable:
    """Gather the images of episodes that share their cameras' names and sizes.

    Raises EpisodeError when they do not, or when there is no image.
    """
    cameras = episodes[0][1].cameras if episodes else ()
    rows = []
    for number, (path, episode) in enumerate(episodes):
        _check_cameras(path, episode, cameras)
        for index, camera in enumerate(cameras):
            track = number * len(cameras) + index
            seen = [frame for frame in episode.frames if camera.name in frame.images]
            rows += [(path.parent / frame.images[camera.name], index, track, frame.ego) for frame in seen]
    if not rows:
        raise EpisodeError(f"{len(episodes)} episodes hold no image to train on")
    planar = [ego.pose_map_from_base_link.planar for *_, ego in rows]
    return TrackTable(
        cameras=cameras,
        image_paths=tuple(image for image, *_ in rows),
        camera=np.array([camera for _, camera, _, _ in rows], dtype=np.int64),
        track=np.array([track for _, _, track, _ in rows], dtype=np.int64),
        stamp_s=np.array([ego.stamp_ns for *_, ego in rows], dtype=np.float64) / 1e9,
        pose=np.array([(pose.x_m, pose.y_m, pose.yaw_rad) for pose in planar], dtype=np.float64),
    )


@dataclass(frozen=True, slots=True, eq=False)
class PairWindows:
    """For each of K images that have later partners: its row, its first partner's row and their number, all (K,)."""

    anchor: NDArray[np.int64]
    first: NDArray[np.int64]
    count: NDArray[np.int64]

    def draw(
        self, positions: NDArray[np.int64], random: np.random.Generator
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Draw a partner for the anchors at ``positions`` and toss which comes first: rows (from, to)."""
        anchor = self.anchor[positions]
        partner = self.first[positions] + random.integers(self.count[positions])
        swap = random.random(len(positions)) < 0.5
        return np.where(swap, partner, anchor), np.where(swap, anchor, partner)


def pair_windows(table: TrackTable, min_gap_s: float, max_gap_s: float) -> PairWindows:
    """Find the images with partners between ``min_gap_s`` and ``max_gap_s`` later on the same track.

    Raises EpisodeError when there is none.
    """
    # Tracks one after the other on a single axis, further apart than any gap.
    span_s = table.stamp_s.max() - table.stamp_s.min() + 2.0 * max_gap_s + 1.0
    place_s = table.track * span_s + table.stamp_s
    first = np.searchsorted(place_s, place_s + min_gap_s - _STAMP_TOLERANCE_S, side="left")
    end = np.searchsorted(place_s, place_s + max_gap_s + _STAMP_TOLERANCE_S, side="right")
    anchor = np.flatnonzero(end > first)
    if not anchor.size:
        raise EpisodeError(
            f"none of {len(table)} images has another one {min_gap_s:g} to {max_gap_s:g} s later in its drive; "
            f"use longer drives or other gaps (--min-gap-s, --max-gap-s)"
        )
    return PairWindows(anchor, first[anchor], (end - first)[anchor])


def relative_motion(start: NDArray[np.float64], end: NDArray[np.float64]) -> NDArray[np.float64]:
    """Where poses ``end`` (K, 3) lie as seen from poses ``start``: x, y in metres, yaw wrapped to [-pi, pi)."""
    offset = end - start
    cosine, sine = np.cos(start[:, 2]), np.sin(start[:, 2])
    ahead = cosine * offset[:, 0] + sine * offset[:, 1]
    aside = -sine * offset[:, 0] + cosine * offset[:, 1]
    turned = (offset[:, 2] + np.pi) % (2.0 * np.pi) - np.pi
    return np.stack([ahead, aside, turned], axis=1)


def _check_cameras(path: Path, episode: Episode, expected: tuple[CameraSpec, ...]) -> None:
    def sizes(cameras: tuple[CameraSpec, ...]) -> list[tuple[str, int, int]]:
        return [(camera.name, camera.width_px, camera.height_px) for camera in cameras]

    if sizes(episode.cameras) != sizes(expected):
        raise EpisodeError(
            f"{path}: cameras are {sizes(episode.cameras)}, but {sizes(expected)} in the first episode; "
            f"pre-train on episodes of one kind at a time"
        )

"""Which drives can be trained on together.

One network sees one set of cameras and plans one horizon. Drives of a simulator and of several data sets may lie under
one folder: the kind with the most drives is taken, the other ones are told and left out.
"""

from __future__ import annotations

import logging
import math
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from waypilot.episodes import Episode, EpisodeError
from waypilot.rig import CameraSpec

_FOV_TOLERANCE = 0.03
_MOUNT_TOLERANCE_M = 0.1
_MOUNT_TOLERANCE_RAD = math.radians(3.0)
_log = logging.getLogger(__name__)

Drive = tuple[Path, Episode]


def choose_kind(drives: Sequence[Drive], sources: Sequence[str] = ()) -> list[Drive]:
    """Take the drives of the given sources (none: all), and of these the kind with most drives (the first at a tie).

    Logs a warning about the kinds that are left out. Raises EpisodeError when no drive has one of the sources.
    """
    found = Counter(episode.source for _, episode in drives)
    if unknown := sorted(set(sources) - set(found)):
        there = ", ".join(f"{source} ({count} drives)" for source, count in sorted(found.items()))
        raise EpisodeError(f"no drive of source {unknown[0]!r} among those found: {there}")
    kinds = group_by_kind([drive for drive in drives if not sources or drive[1].source in sources])
    best = max(kinds, key=len)
    left_out = [kind for kind in kinds if kind is not best]
    if left_out:
        _log.warning(
            "using %s; they cannot be mixed with %s, which are left out. --sources or the pattern chooses others",
            _described(best),
            " and ".join(_described(kind) for kind in left_out),
        )
    return best


def group_by_kind(drives: Sequence[Drive]) -> list[list[Drive]]:
    """Group drives that share cameras, waypoint spacing and number of waypoints, in the order of their first ones.

    A drive without any label goes with whatever shares its cameras and spacing.
    """
    kinds: list[list[Drive]] = []
    for drive in drives:
        kind = next((kind for kind in kinds if _same_kind(kind, drive[1])), None)
        if kind is None:
            kinds.append([drive])
        else:
            kind.append(drive)
    return kinds


def similar_rigs(cameras: Sequence[CameraSpec], others: Sequence[CameraSpec]) -> bool:
    """Tell whether rigs differ by no more than the calibrations of real cars of one make do.

    Names and sizes are the same, views within 3 %, mounts within 0.1 m and 3 degrees.
    """
    return _names_and_sizes(cameras) == _names_and_sizes(others) and all(
        abs(a.fov_rad / b.fov_rad - 1.0) < _FOV_TOLERANCE and _similar_poses(a, b)
        for a, b in zip(cameras, others, strict=True)
    )


def _same_kind(kind: Sequence[Drive], episode: Episode) -> bool:
    first = kind[0][1]
    if not similar_rigs(episode.cameras, first.cameras) or episode.waypoint_dt_ns != first.waypoint_dt_ns:
        return False
    length = _label_length(episode)
    return length is None or next((n for _, other in kind if (n := _label_length(other))), length) == length


def _label_length(episode: Episode) -> int | None:
    return next((len(frame.waypoints_m) for frame in episode.frames if frame.waypoints_m is not None), None)


def _described(kind: Sequence[Drive]) -> str:
    first = kind[0][1]
    sources = ", ".join(sorted({episode.source for _, episode in kind}))
    cameras = ", ".join(f"{name} {width}x{height}" for name, width, height in _names_and_sizes(first.cameras))
    return f"{len(kind)} drives of {sources} ({cameras}; waypoints every {first.waypoint_dt_ns / 1e9:g} s)"


def _names_and_sizes(rig: Sequence[CameraSpec]) -> list[tuple[str, int, int]]:
    return [(camera.name, camera.width_px, camera.height_px) for camera in rig]


def _similar_poses(camera: CameraSpec, other: CameraSpec) -> bool:
    a, b = camera.pose_base_link_from_camera, other.pose_base_link_from_camera
    p, q = a.orientation, b.orientation
    cosine = abs(p.x * q.x + p.y * q.y + p.z * q.z + p.w * q.w)  # of half the angle between them
    return (
        math.dist((a.x_m, a.y_m, a.z_m), (b.x_m, b.y_m, b.z_m)) < _MOUNT_TOLERANCE_M
        and 2.0 * math.acos(min(cosine, 1.0)) < _MOUNT_TOLERANCE_RAD
    )

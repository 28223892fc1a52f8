"""A checker whose messages teach the format: which file, which frame, which field, what was expected."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from waypilot.episodes.reader import load_episode, load_image
from waypilot.episodes.schema import Episode, EpisodeError, EpisodeFrame

MAX_SPEED_MPS = 60.0
# What pose differences may add to the recorded speed: braking between frames, and the actor being lifted on spawn.
_JUMP_TOLERANCE_M = 1.0


def check_episode(path: Path) -> list[str]:
    """Check one ``episode.json`` and its images; return the problems found, an empty list when there is none."""
    try:
        episode = load_episode(path)
    except EpisodeError as error:
        return [str(error)]
    problems = [*_check_header(episode), *_check_order(episode)]
    for index, frame in enumerate(episode.frames):
        problems += [f"frames[{index}].{problem}" for problem in _check_frame(path, episode, frame)]
    return [problem if problem.startswith(str(path)) else f"{path}: {problem}" for problem in problems]


def _check_header(episode: Episode) -> Iterator[str]:
    if not episode.frames:
        yield "frames: is empty, expected at least one frame"
    if not episode.cameras:
        yield "cameras: is empty, expected at least one camera with its calibration"
    names = [camera.name for camera in episode.cameras]
    for name in sorted({name for name in names if names.count(name) > 1}):
        yield f"cameras: {name!r} appears {names.count(name)} times, expected every name once"
    if episode.waypoint_dt_ns <= 0:
        yield f"waypoint_dt_ns: is {episode.waypoint_dt_ns}, expected a positive time such as 250000000 (4 Hz)"
    lengths = sorted({len(frame.waypoints_m) for frame in episode.frames if frame.waypoints_m is not None})
    if len(lengths) > 1:
        yield f"frames[*].waypoints_m: has {lengths} waypoints, expected the same number in every frame"


def _check_order(episode: Episode) -> Iterator[str]:
    for index, (before, after) in enumerate(itertools.pairwise(episode.frames), start=1):
        step_ns = after.ego.stamp_ns - before.ego.stamp_ns
        if step_ns <= 0:
            yield f"frames[{index}].stamp_ns: is {step_ns} ns after the frame before, expected a later stamp"
            continue
        a, b = before.ego.pose_map_from_base_link, after.ego.pose_map_from_base_link
        moved_m = float(np.hypot(b.x_m - a.x_m, b.y_m - a.y_m))
        fastest = max(abs(before.ego.speed_mps), abs(after.ego.speed_mps))
        if moved_m > 2.0 * fastest * step_ns / 1e9 + _JUMP_TOLERANCE_M:
            yield (
                f"frames[{index}].pose_map_from_base_link: is {moved_m:.1f} m from the frame before, but the speed is "
                f"{fastest:.1f} m/s over {step_ns / 1e9:.2f} s; expected metres in map and m/s in base_link"
            )


def _check_frame(path: Path, episode: Episode, frame: EpisodeFrame) -> Iterator[str]:
    known = {camera.name for camera in episode.cameras}
    if abs(frame.ego.speed_mps) > MAX_SPEED_MPS:
        yield f"linear_velocity_mps: forward speed {frame.ego.speed_mps:.1f}, expected m/s below {MAX_SPEED_MPS:g}"
    if frame.waypoints_m is not None and episode.waypoint_dt_ns > 0:
        yield from _check_waypoints(frame, episode.waypoint_dt_ns)
    for camera in sorted(frame.images):
        if camera not in known:
            yield f"images.{camera}: is no camera of this episode, expected one of {', '.join(sorted(known))}"
            continue
        try:
            load_image(path, episode, frame, camera)
        except EpisodeError as error:
            yield f"images.{camera}: {error}"


def _check_waypoints(frame: EpisodeFrame, dt_ns: int) -> Iterator[str]:
    assert frame.waypoints_m is not None
    steps_m = np.diff(frame.waypoints_m, axis=0, prepend=np.zeros((1, 2)))
    speeds_mps = np.hypot(steps_m[:, 0], steps_m[:, 1]) / (dt_ns / 1e9)
    worst = int(np.argmax(speeds_mps))
    if speeds_mps[worst] > MAX_SPEED_MPS:
        yield (
            f"waypoints_m[{worst}]: implies {speeds_mps[worst]:.0f} m/s, expected metres in base_link "
            f"(not map), at most {MAX_SPEED_MPS:g} m/s"
        )

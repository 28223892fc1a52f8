"""What a survey of a bag means for an evaluation: what makes it impossible, and what narrows it."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from waypilot.bags.frames import FrameOptions
from waypilot.bags.stamps import TopicStamps
from waypilot.bags.survey import (
    HORIZONS_S,
    MIN_ODOMETRY_HZ,
    SPEED_TOLERANCE_MPS,
    SPEED_TOLERANCE_SHARE,
    CameraSurvey,
    Survey,
)
from waypilot.rig import CameraSpec
from waypilot.types import NANOSECONDS_PER_SECOND

#: How far a camera's view may be from that of the images which a policy was trained on.
FOV_TOLERANCE_DEG = 3.0


@dataclass(frozen=True, slots=True)
class Findings:
    """``blocking`` has why the bag cannot be evaluated, ``narrowing`` why only in part or with care."""

    blocking: tuple[str, ...]
    narrowing: tuple[str, ...]


def findings(found: Survey, options: FrameOptions, expected: Sequence[CameraSpec] = ()) -> Findings:
    """Judge a survey; ``expected`` are a policy's cameras, which images must match in size."""
    blocking = [*_blocking(found), *_wrong_sizes(found, expected)]
    narrowing = [
        *_wrong_views(found, expected),
        *_stamps(found.odometry, options),
        *_odometry(found),
        *(text for camera in found.cameras.values() for text in _camera(camera, options)),
        *_sync(found, options),
        *_length(found),
    ]
    if not found.has_route:
        narrowing.append("no route (nav_msgs/Path in frame map): the route commands are unknown")
    return Findings(tuple(blocking), tuple(narrowing))


def _blocking(found: Survey) -> Iterator[str]:
    if not found.odometry.kept:
        yield f"{found.odometry.topic}: none of {found.odometry.messages} messages is a usable odometry"
    if not found.cameras:
        yield "no camera: no topic with images that an evaluation would use"
        return
    if all(camera.size_px is None for camera in found.cameras.values()):
        for camera in found.cameras.values():
            yield f"{camera.stamps.topic}: no image can be read: {camera.unreadable or 'it has no messages'}"
    elif found.odometry.kept and not found.frames_with_odometry:
        yield (
            "images and odometry share no time: "
            f"{_spell(found.odometry)}, {_spell(next(iter(found.cameras.values())).stamps)}; are their clocks the same?"
        )
    elif found.odometry.kept and not found.future_known[HORIZONS_S[0]]:
        yield f"no frame has {HORIZONS_S[0]:g} s of known future: the bag is too short, or its odometry full of gaps"


def _wrong_sizes(found: Survey, expected: Sequence[CameraSpec]) -> Iterator[str]:
    for spec in expected:
        camera = found.cameras.get(spec.name)
        if camera is None or camera.size_px in (None, (spec.width_px, spec.height_px)):
            continue
        width, height = camera.size_px or (0, 0)
        yield (
            f"{camera.stamps.topic}: images are {width}x{height}, the checkpoint's camera {spec.name} has "
            f"{spec.width_px}x{spec.height_px}"
        )


def _wrong_views(found: Survey, expected: Sequence[CameraSpec]) -> Iterator[str]:
    for spec in expected:
        camera = found.cameras.get(spec.name)
        if camera is None or camera.calibration is None:
            continue
        seen_deg, wanted_deg = math.degrees(camera.calibration.fov_rad), math.degrees(spec.fov_rad)
        if abs(seen_deg - wanted_deg) > FOV_TOLERANCE_DEG:
            yield (
                f"{camera.stamps.topic}: its images show {seen_deg:.1f} degrees across, those that the checkpoint was "
                f"trained on {wanted_deg:.1f}"
            )


def _stamps(stamps: TopicStamps, options: FrameOptions) -> Iterator[str]:
    gaps_s = stamps.gaps_s(options.max_gap_ns)
    if gaps_s:
        limit_s = options.max_gap_ns / NANOSECONDS_PER_SECOND
        yield f"{stamps.topic}: {len(gaps_s)} gaps of more than {limit_s:g} s, the longest {max(gaps_s):.2f} s"
    if len(stamps.drives) > 1:
        yield f"{stamps.topic}: time jumps back {len(stamps.drives) - 1} times; each begins another drive"
    for count, words in (
        (stamps.out_of_order, "are repeated or out of order"),
        (stamps.unstamped, "carry the stamp 0"),
        (stamps.unusable, "are damaged or hold numbers that are not finite"),
    ):
        if count:
            yield f"{stamps.topic}: {count} of {stamps.messages} messages {words}"


def _odometry(found: Survey) -> Iterator[str]:
    rate_hz = found.odometry.rate_hz()
    if rate_hz is not None and rate_hz < MIN_ODOMETRY_HZ:
        yield f"{found.odometry.topic}: {rate_hz:.1f} Hz is slow, the ground truth is linear between stamps"
    if found.place_jumps:
        yield f"{found.odometry.topic}: the vehicle jumps {found.place_jumps} times; each begins another drive"
    if found.speed_error_mps is None:
        yield f"{found.odometry.topic}: the vehicle stands all the time"
        return
    error_mps, speed_mps = found.speed_error_mps
    if error_mps > SPEED_TOLERANCE_MPS + SPEED_TOLERANCE_SHARE * speed_mps:
        yield (
            f"{found.odometry.topic}: its forward speed is {error_mps:.1f} m/s off that of its positions "
            f"({speed_mps:.1f} m/s); is its twist in the vehicle's axes, and its pose that of x forward, y left?"
        )


def _camera(camera: CameraSurvey, options: FrameOptions) -> Iterator[str]:
    yield from _stamps(camera.stamps, options)
    if camera.size_px is None:
        yield f"{camera.stamps.topic}: no image can be read: {camera.unreadable or 'it has no messages'}"
    if camera.calibration_problem:
        yield f"{camera.stamps.topic}: calibration unknown: {camera.calibration_problem}"


def _sync(found: Survey, options: FrameOptions) -> Iterator[str]:
    for name, (share, worst_s) in found.in_sync.items():
        if share < 1.0:
            yield (
                f"camera {name}: {100.0 * share:.1f} % of the frames have an image of it within "
                f"{options.sync_ns / 1e6:g} ms, the farthest is {worst_s:.3f} s away"
            )


def _length(found: Survey) -> Iterator[str]:
    if found.frames and found.frames_with_odometry < found.frames:
        yield f"{found.frames - found.frames_with_odometry} of {found.frames} frames have no odometry around them"
    if short := [f"{horizon_s:g}" for horizon_s, frames in found.future_known.items() if not frames]:
        yield f"no frame has its future known up to {', '.join(short)} s"


def _spell(stamps: TopicStamps) -> str:
    drives = [drive for drive in stamps.drives if drive]
    if not drives:
        return f"{stamps.topic} has no stamps"
    first = min(drive[0] for drive in drives) / NANOSECONDS_PER_SECOND
    last = max(drive[-1] for drive in drives) / NANOSECONDS_PER_SECOND
    return f"{stamps.topic} from {first:.3f} to {last:.3f} s"

"""Tell whether a bag can be evaluated, before hours are spent on it.

    python -m training.data.check_bag BAG [--checkpoint PT] [--output check.json]

Every message is looked at once, but images are not decoded (only the first of each camera is). Exit codes: 0 the bag
can be evaluated, 1 it can be in part or with care (what to care about is listed), 2 it cannot be read or evaluated, or
``--output`` cannot be written.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from training.data.bag_options import add_topic_options, layout_options
from waypilot.bags import Bag, BagError
from waypilot.bags.findings import Findings, findings
from waypilot.bags.frames import FrameOptions
from waypilot.bags.layout import LayoutOptions, detect
from waypilot.bags.stamps import TopicStamps
from waypilot.bags.survey import Survey, survey
from waypilot.files import write_json_atomic
from waypilot.rig import CameraSpec

FORMAT = "waypilot.bag_check/1"
SOUND, WITH_CARE, UNUSABLE = 0, 1, 2


def check(
    path: Path, options: LayoutOptions, expected: Sequence[CameraSpec] = (), frame_options: FrameOptions | None = None
) -> tuple[Survey, Findings]:
    """Survey and judge a bag; ``expected`` are a policy's cameras (none: all of the bag). Raises BagError."""
    frame_options = frame_options or FrameOptions()
    with Bag(path) as bag:
        layout = detect(bag.topics, options)
        cameras, notes = dict(options.cameras or layout.cameras), list(layout.notes)
        if expected:
            cameras, missing = layout.choose_cameras(tuple(camera.name for camera in expected))
            notes += missing
        found = survey(bag, layout, cameras, frame_options)
        judged = findings(found, frame_options, expected)
        return found, Findings(judged.blocking, (*bag.problems, *notes, *judged.narrowing))


def describe(found: Survey) -> list[str]:
    """Say in lines what the bag holds."""
    lines = [_topic_line(found.odometry, "odometry")]
    for name, camera in found.cameras.items():
        size = "unreadable" if camera.size_px is None else "{}x{} {}".format(*camera.size_px, camera.encoding)
        calibration = "calibrated" if camera.calibration is not None else "not calibrated"
        lines.append(_topic_line(camera.stamps, f"camera {name}, {size}, {calibration}"))
    lines.append(f"route: {'found' if found.has_route else 'none'}")
    known = ", ".join(f"{frames} up to {horizon_s:g} s" for horizon_s, frames in found.future_known.items())
    lines.append(f"frames: {found.frames}, with odometry {found.frames_with_odometry}; future known: {known or 'none'}")
    return lines


def to_json(path: Path, found: Survey, judged: Findings, code: int) -> dict[str, Any]:
    """Give the same as data."""
    return {
        "format": FORMAT,
        "bag": path.name,
        "exit_code": code,
        "blocking": list(judged.blocking),
        "narrowing": list(judged.narrowing),
        "odometry": _topic_json(found.odometry) | {"place_jumps": found.place_jumps},
        "cameras": {
            name: {
                **_topic_json(camera.stamps),
                "size_px": None if camera.size_px is None else list(camera.size_px),
                "encoding": camera.encoding,
                "fov_rad": None if camera.calibration is None else camera.calibration.fov_rad,
            }
            for name, camera in found.cameras.items()
        },
        "has_route": found.has_route,
        "frames": found.frames,
        "frames_with_odometry": found.frames_with_odometry,
        "future_known": {f"{horizon_s:g}s": frames for horizon_s, frames in found.future_known.items()},
        "in_sync_share": {name: share for name, (share, _) in found.in_sync.items()},
    }


def _topic_line(stamps: TopicStamps, what: str) -> str:
    rate_hz = stamps.rate_hz()
    rate = "no rate" if rate_hz is None else f"{rate_hz:.1f} Hz"
    return f"{stamps.topic} ({what}): {stamps.messages} messages over {stamps.span_s():.1f} s, {rate}"


def _topic_json(stamps: TopicStamps) -> dict[str, Any]:
    return {
        "topic": stamps.topic,
        "messages": stamps.messages,
        "span_s": stamps.span_s(),
        "rate_hz": stamps.rate_hz(),
        "drives": len(stamps.drives),
        "out_of_order": stamps.out_of_order,
        "unstamped": stamps.unstamped,
        "unusable": stamps.unusable,
    }


def _expected(checkpoint: Path | None) -> tuple[CameraSpec, ...]:
    if checkpoint is None:
        return ()
    # Reading a checkpoint needs torch, whose import takes longer than the check.
    from training.models.checkpoint import KIND_SFT, load_checkpoint

    return load_checkpoint(checkpoint, KIND_SFT).cameras


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m training.data.check_bag",
        description="Tell whether a bag can be evaluated.",
        epilog="exit codes: 0 it can, 1 in part or with care, 2 it cannot be read or evaluated",
    )
    parser.add_argument("bag", type=Path, help="bag folder or storage file")
    parser.add_argument("--checkpoint", type=Path, help="judge for this policy: its cameras and their image sizes")
    parser.add_argument("--output", type=Path, help="JSON file for the same")
    add_topic_options(parser)
    options = parser.parse_args(argv)
    try:
        found, judged = check(options.bag, layout_options(options), _expected(options.checkpoint))
    except (ValueError, OSError) as error:
        print(error if isinstance(error, BagError) else f"{options.bag}: {error}", file=sys.stderr)
        print("verdict: cannot be evaluated")
        return UNUSABLE
    code = UNUSABLE if judged.blocking else WITH_CARE if judged.narrowing else SOUND
    print("\n".join(describe(found)))
    for words, texts in (("impossible", judged.blocking), ("care", judged.narrowing)):
        print("".join(f"{words}: {text}\n" for text in texts), end="")
    print(f"verdict: {('can be evaluated', 'can be evaluated in part or with care', 'cannot be evaluated')[code]}")
    if options.output is not None:
        try:
            write_json_atomic(options.output, to_json(options.bag, found, judged, code))
        except OSError as error:
            print(f"{options.output} cannot be written: {error}", file=sys.stderr)
            return UNUSABLE
    return code


if __name__ == "__main__":
    sys.exit(main())

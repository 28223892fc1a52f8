"""Import a recorded drive as training data: one episode for each drive of a bag.

    python -m training.data.import_bag --bag BAG --out out/episodes/mine [--mount front=1.3,0,2] [--town NAME]

Labels are the path that was driven. Exit codes: 0 at least one episode was written and all are sound, 1 none could be
made or one has problems, 2 the bag or an option cannot be used.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path

from training.data.bag_drive import LabelConfig
from training.data.bag_header import BagImportConfig
from training.data.bag_import import BagImport, import_bag
from training.data.bag_options import add_topic_options, layout_options
from waypilot.bags import Bag
from waypilot.episodes import check_episode
from waypilot.geometry import Pose


def main(argv: Sequence[str] | None = None) -> int:
    """Import; print what was written, what was left out, and why."""
    options = _parser().parse_args(argv)
    try:
        config = _config(options)
        with Bag(options.bag) as bag:
            result = import_bag(bag, layout_options(options), config, options.out)
    except (ValueError, OSError) as error:
        print(f"{options.bag}: {error}".replace(f"{options.bag}: {options.bag}", str(options.bag)), file=sys.stderr)
        return 2
    problems = [problem for path in result.episodes for problem in check_episode(path)]
    print("\n".join(_lines(result)))
    print("".join(f"{problem}\n" for problem in problems), end="", file=sys.stderr)
    if not result.episodes:
        print("no episode could be made", file=sys.stderr)
    return 1 if problems or not result.episodes else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training.data.import_bag", description="Bags as training data.")
    parser.add_argument("--bag", required=True, type=Path, help="bag folder or storage file")
    parser.add_argument("--out", required=True, type=Path, help="folder that gets one folder per drive")
    parser.add_argument(
        "--mount",
        type=_mount,
        action="append",
        default=[],
        metavar="NAME=X,Y,Z[,ROLL,PITCH,YAW]",
        help="where a camera to import sits in base_link: metres, degrees, x along the optical axis; repeatable "
        "(default: all cameras that /tf_static of the bag locates)",
    )
    parser.add_argument("--fov-deg", type=_fov, action="append", default=[], metavar="NAME=DEGREES", help="repeatable")
    add_topic_options(parser)
    parser.add_argument("--town", default="", help="place; data sets are split by it (default: what the bag says)")
    parser.add_argument("--route-id", default="", help="road driven (default: the scenario's name, else the bag's)")
    parser.add_argument("--weather", default="", help="name or description (default: what the bag says)")
    parser.add_argument("--reference-point", help="which point of the vehicle the odometry follows, for a real car")
    parser.add_argument("--every-s", type=float, default=0.2, help="time between frames (default: %(default)s)")
    parser.add_argument("--waypoints", type=int, default=20, help="labels per frame (default: %(default)s)")
    parser.add_argument("--waypoint-dt-s", type=float, default=0.25, help="time between labels (default: %(default)s)")
    parser.add_argument("--min-frames", type=int, default=5, help="shorter drives are left out (default: %(default)s)")
    parser.add_argument(
        "--allow-evaluation-towns", action="store_true", help="import what was driven where policies are evaluated, too"
    )
    return parser


def _config(options: argparse.Namespace) -> BagImportConfig:
    return BagImportConfig(
        mounts=dict(options.mount),
        town=options.town,
        route_id=options.route_id,
        weather=options.weather,
        min_frames=options.min_frames,
        allow_evaluation_towns=options.allow_evaluation_towns,
        reference_point=options.reference_point,
        fov_rad=dict(options.fov_deg),
        labels=LabelConfig(
            every_ns=round(options.every_s * 1e9),
            waypoints=options.waypoints,
            waypoint_dt_ns=round(options.waypoint_dt_s * 1e9),
        ),
    )


def _lines(result: BagImport) -> list[str]:
    return [
        *(f"written: {path}" for path in result.episodes),
        f"{len(result.episodes)} episodes, {result.frames} frames",
        *(f"left out: {count} {reason}" for reason, count in sorted(result.counts.items()) if count),
        *(f"note: {note}" for note in result.notes),
    ]


def _named(text: str, form: str, counts: tuple[int, ...]) -> tuple[str, list[float]]:
    name, _, values = text.partition("=")
    try:
        numbers = [float(value) for value in values.split(",")]
    except ValueError:
        numbers = []
    if not name or len(numbers) not in counts or not all(map(math.isfinite, numbers)):
        raise argparse.ArgumentTypeError(f"{text!r} is no {form}")
    return name, numbers


def _mount(text: str) -> tuple[str, Pose]:
    name, (x_m, y_m, z_m, *angles_deg) = _named(text, "NAME=X,Y,Z or NAME=X,Y,Z,ROLL,PITCH,YAW", (3, 6))
    return name, Pose.from_xyz_rpy(x_m, y_m, z_m, *map(math.radians, angles_deg))


def _fov(text: str) -> tuple[str, float]:
    name, (degrees,) = _named(text, "NAME=DEGREES", (1,))
    if not 0.0 < degrees < 180.0:
        raise argparse.ArgumentTypeError(f"{text!r}: a pinhole sees between 0 and 180 degrees")
    return name, math.radians(degrees)


if __name__ == "__main__":
    sys.exit(main())

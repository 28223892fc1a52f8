"""Import Waymo records as episodes: the end-to-end driving set (WOD-E2E) or perception v1.

    python -m training.data.import_waymo --records "waymo/*.tfrecord*" --out out/episodes/waymo

Returns 0, or 1 when nothing could be imported or a record file is damaged (everything sound is imported all the same).
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from training.data.waymo.cameras import CAMERA_NAMES, CameraOptions
from training.data.waymo.importer import ImportConfig, ImportFailedError, import_records
from training.data.waymo.index import FormatError


class ProgressDisplay:
    """An ImportListener with a bar per pass; use as a context."""

    _task: TaskID

    def __init__(self, console: Console) -> None:
        self._progress = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("left:"),
            TimeRemainingColumn(),
            console=console,
            disable=not console.is_terminal,
        )

    def files_found(self, count: int) -> None:
        """Show the index pass."""
        self._task = self._progress.add_task("files indexed", total=count)

    def file_indexed(self, path: Path) -> None:
        """Advance."""
        self._progress.advance(self._task)

    def segments_found(self, count: int) -> None:
        """Show the import."""
        self._task = self._progress.add_task("segments imported", total=count)

    def segment_done(self, name: str) -> None:
        """Advance."""
        self._progress.advance(self._task)

    def __enter__(self) -> ProgressDisplay:
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()


def parse_arguments(argv: Sequence[str] | None) -> ImportConfig:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m training.data.import_waymo", description="Import Waymo records as episodes."
    )
    parser.add_argument("--records", nargs="+", required=True, help='TFRecord files, for example "waymo/*.tfrecord*"')
    parser.add_argument("--out", type=Path, required=True, help="folder that gets one folder per segment")
    parser.add_argument("--format", default="auto", help="auto (default), e2e or perception")
    parser.add_argument(
        "--camera",
        nargs="+",
        default=[],
        metavar="NAME",
        help=f"cameras to keep (default: all): {', '.join(CAMERA_NAMES)}",
    )
    parser.add_argument("--image-width", type=int, metavar="PX", help="shrink images (default: as delivered)")
    parser.add_argument("--image-height", type=int, metavar="PX", help="with --image-width: crop to this shape first")
    parser.add_argument("--limit", type=int, metavar="N", help="import only the first N segments")
    parser.add_argument("--resume", action="store_true", help="go on with a folder that holds episodes already")
    parser.add_argument("--jobs", type=int, default=1, metavar="N", help="segments imported at a time (default: 1)")
    options = parser.parse_args(argv)
    try:
        return ImportConfig(
            records=tuple(options.records),
            out=options.out,
            format=options.format,
            images=CameraOptions(tuple(options.camera), options.image_width, options.image_height),
            limit=options.limit,
            resume=options.resume,
            jobs=options.jobs,
        )
    except ValueError as error:
        parser.error(str(error))


def main(argv: Sequence[str] | None = None) -> int:
    """Import; print what was done, what was left out, and why."""
    config = parse_arguments(argv)
    try:
        with ProgressDisplay(Console(stderr=True)) as display:
            report = import_records(config, display)
    except (ImportFailedError, FormatError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    print("\n".join(report.lines()))
    if report.episodes_written + report.episodes_present == 0:
        print("no episode could be imported", file=sys.stderr)
        return 1
    return 1 if report.damage else 0


if __name__ == "__main__":
    sys.exit(main())

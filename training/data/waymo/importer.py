"""An import from start to end: find the files, index them, plan each segment, write its episodes.

A segment's records are read twice, once for the motion and once for the images, so that only one record's images are
in memory at a time however long the segment is.
"""

from __future__ import annotations

import glob
import json
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from training.data.waymo import e2e, perception
from training.data.waymo.cameras import CameraOptions, images_to_store
from training.data.waymo.drive import Drive
from training.data.waymo.index import RecordFormat, RecordIndex, RecordRef, build_index, parse_record, record_key
from training.data.waymo.report import ImportReport, SkipError
from training.data.waymo.tfrecord import TFRecordError, read_record
from waypilot.config import config_to_dict
from waypilot.episodes import EPISODE_FILE, EpisodeWriter
from waypilot.files import write_json_atomic

# Hidden, so that patterns such as out/episodes/**/*.json do not take these files for episodes.
STATE_FOLDER = ".import"
_PLAIN_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")


class ImportFailedError(ValueError):
    """Nothing can be imported as asked; the message says what to change."""


@dataclass(frozen=True, slots=True)
class ImportConfig:
    """What to import. ``format`` is ``auto``, ``e2e`` or ``perception``.

    ``limit`` is the number of segments, None for all; ``jobs`` segments are imported at a time.
    """

    records: tuple[str, ...]
    out: Path
    format: str = "auto"
    images: CameraOptions = field(default_factory=CameraOptions)
    limit: int | None = None
    resume: bool = False
    jobs: int = 1

    def __post_init__(self) -> None:
        if self.format not in ("auto", *(format.value for format in RecordFormat)):
            raise ValueError(f"format is {self.format!r}, expected auto, e2e or perception")
        for name in ("limit", "jobs"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} is {value}, expected 1 or more")


class ImportListener(Protocol):
    """Is told how an import goes on."""

    def files_found(self, count: int) -> None:
        """Begin the index pass over ``count`` files."""

    def file_indexed(self, path: Path) -> None:
        """Note that one file is indexed."""

    def segments_found(self, count: int) -> None:
        """Begin the import of ``count`` segments."""

    def segment_done(self, name: str) -> None:
        """Note that one segment is imported or left out."""


def import_records(config: ImportConfig, listener: ImportListener) -> ImportReport:
    """Import what ``config`` asks for; what cannot be imported is left out and stands in the report.

    Raises ImportFailedError or FormatError when nothing can be imported as asked, and OSError.
    """
    paths = find_records(config.records)
    report = ImportReport()
    listener.files_found(len(paths))
    wanted = None if config.format == "auto" else RecordFormat(config.format)
    index = build_index(paths, config.out / STATE_FOLDER / "index", wanted, report, listener.file_indexed)
    _check_out(config, index.format)
    names = list(index.segments)[: config.limit]
    listener.segments_found(len(names))
    for name, part in _in_order(lambda name: _import_segment(config, index, name), names, config.jobs):
        report.add(part)
        listener.segment_done(name)
    write_json_atomic(config.out / STATE_FOLDER / "summary.json", report.to_dict())
    return report


def _in_order(
    work: Callable[[str], ImportReport], names: Sequence[str], jobs: int
) -> Iterator[tuple[str, ImportReport]]:
    """Yield the results of ``work`` in the order of ``names``; decoding and files leave Python's lock free."""
    if jobs == 1:
        yield from ((name, work(name)) for name in names)
        return
    with ThreadPoolExecutor(jobs) as pool:
        futures = [pool.submit(work, name) for name in names]
        try:
            yield from ((name, future.result()) for name, future in zip(names, futures, strict=True))
        finally:
            for future in futures:
                future.cancel()


def find_records(patterns: Iterable[str]) -> list[Path]:
    """List the files that the patterns match, sorted, each once. Raises ImportFailedError when one matches none."""
    paths: set[Path] = set()
    for pattern in patterns:
        found = [Path(name) for name in glob.glob(pattern, recursive=True)]
        if not any(path.is_file() for path in found):
            raise ImportFailedError(f"no file matches {pattern!r}; give the TFRecord files of the data set")
        paths.update(path for path in found if path.is_file())
    return sorted(paths)


def _check_out(config: ImportConfig, format: RecordFormat) -> None:
    """Refuse to mix episodes of different settings in one folder; note the settings of a new one."""
    settings = {"format": format.value, **config_to_dict(config.images)}
    stored = config.out / STATE_FOLDER / "settings.json"
    if any(config.out.glob(f"*/{EPISODE_FILE}")):
        if not config.resume:
            raise ImportFailedError(f"{config.out} holds episodes already; go on with --resume or choose another --out")
        known = json.loads(stored.read_text(encoding="utf-8")) if stored.exists() else None
        if known != settings:
            raise ImportFailedError(f"{config.out} was filled with {known}, not {settings}; choose another --out")
    write_json_atomic(stored, settings)


def _import_segment(config: ImportConfig, index: RecordIndex, name: str) -> ImportReport:
    report = ImportReport()
    try:
        if not _PLAIN_NAME.fullmatch(name):
            raise SkipError("name is no plain file name")
        done = config.out / STATE_FOLDER / "done" / f"{name}.json"
        records = len(index.segments[name])
        report.episodes_present = _finished(done, config.out, records)
        if not report.episodes_present:
            drives = _plan(config, index, name, report)
            for drive in drives:
                _write(config, index.format, drive, report)
            write_json_atomic(done, {"records": records, "episodes": [drive.header.episode_id for drive in drives]})
    except SkipError as error:
        report.skip("segment", error.reason, f"{name}: {error}")
    return report


def _plan(config: ImportConfig, index: RecordIndex, name: str, report: ImportReport) -> list[Drive]:
    plan = e2e.plan_drives if index.format is RecordFormat.E2E else perception.plan_drives
    records = _read(index.format, index.segments[name], report)
    return plan(name, records, config.images, report)


def _finished(done: Path, out: Path, records: int) -> int:
    """Count the episodes of a segment that was imported to its end; 0 when it was not or one has gone since.

    Raises SkipError when the segment has other records now, as after more files were downloaded.
    """
    if not done.exists():
        return 0
    before = json.loads(done.read_text(encoding="utf-8"))
    episodes = [name for name in before["episodes"] if (out / name / EPISODE_FILE).exists()]
    if episodes and records != before["records"]:
        raise SkipError(
            "has more or fewer records than when it was imported; remove its folder to import it again",
            f"{records}, then {before['records']}",
        )
    return len(episodes) if episodes == before["episodes"] else 0


def _read(format: RecordFormat, refs: Iterable[RecordRef], report: ImportReport) -> Iterator[tuple[RecordRef, Any]]:
    """Read records one after the other; unreadable ones are reported and left out."""
    for ref in refs:
        try:
            record = parse_record(format, read_record(ref.path, ref.offset))
            if record_key(format, record) != ref.key:
                raise ValueError(f"holds {record_key(format, record)}, the index says {ref.key}")
        except (TFRecordError, ValueError) as error:
            report.skip("record", "changed since it was indexed; run again", f"{ref}: {error}")
            continue
        yield ref, record


def _write(config: ImportConfig, format: RecordFormat, drive: Drive, report: ImportReport) -> None:
    folder = config.out / drive.header.episode_id
    if folder.exists():
        report.episodes_present += 1
        return
    writer = EpisodeWriter(folder, drive.header)
    try:
        frames = dict(drive.frames)
        for ref, record in _read(format, frames, report):
            images = _images(drive, format, ref, record, report)
            writer.add_frame(frames[ref], images)
            report.frames += 1
            report.images += len(images)
            report.labelled_frames += frames[ref].waypoints_m is not None
            report.rated_frames += bool(frames[ref].ratings)
        writer.finish()
    except BaseException:
        writer.discard()
        raise
    report.episodes_written += 1


def _images(drive: Drive, format: RecordFormat, ref: RecordRef, record: Any, report: ImportReport) -> dict[str, bytes]:
    images = (record.frame if format is RecordFormat.E2E else record).images
    found = images_to_store(images, drive.cameras)
    for camera in drive.cameras:
        problem = found.get(camera, SkipError("absent"))
        if isinstance(problem, SkipError):
            report.skip(f"image of {camera}", problem.reason, f"{ref}: {problem}")
    return {camera: data for camera, data in found.items() if isinstance(data, bytes)}

"""The index pass: which record of which file belongs to which segment, kept on disk per file.

End-to-end records are shuffled over all files, so a segment can only be put together from an index. A file's index
is made again when its size, its modification time or the wanted format changes.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Any

from google.protobuf.message import DecodeError

from training.data.waymo.messages import E2EDFrame, Frame
from training.data.waymo.report import ImportReport
from training.data.waymo.tfrecord import scan_records
from waypilot.files import write_json_atomic

_VERSION = 1


class RecordFormat(Enum):
    """Which message a file's records hold."""

    E2E = "e2e"
    PERCEPTION = "perception"


class FormatError(ValueError):
    """The records are not what the import can read; the message says what to do."""


@dataclass(frozen=True, slots=True)
class RecordKey:
    """What orders a record: its segment, its number there, and its time (0: not given)."""

    segment: str
    order: int
    timestamp_us: int


@dataclass(frozen=True, slots=True)
class RecordRef:
    """Where a record lies."""

    key: RecordKey
    path: Path
    offset: int

    def __str__(self) -> str:
        return f"{self.path}: record at byte {self.offset}"


@dataclass(frozen=True, slots=True)
class FileIndex:
    """The records of one file; ``damage`` and ``unusable`` say what could not be read or placed."""

    format: RecordFormat | None
    records: tuple[RecordRef, ...]
    damage: tuple[str, ...]
    unusable: tuple[str, ...]


def record_key(format: RecordFormat, message: Any) -> RecordKey:
    """Name a parsed record. Raises ValueError when its name is not of the expected form."""
    frame = message.frame if format is RecordFormat.E2E else message
    name = frame.context.name.decode("utf-8")
    if format is RecordFormat.PERCEPTION:
        if not name or not frame.timestamp_micros > 0:
            raise ValueError(f"context.name is {name!r}, timestamp_micros {frame.timestamp_micros}, expected both")
        return RecordKey(name, frame.timestamp_micros, frame.timestamp_micros)
    segment, _, number = name.rpartition("-")
    if not segment or not (number.isascii() and number.isdigit()):
        raise ValueError(f"context.name is {name!r}, expected <segment>-<sequence number>")
    return RecordKey(segment, int(number), frame.timestamp_micros)


def parse_record(format: RecordFormat, payload: bytes) -> Any:
    """Parse a payload. Raises ValueError when it is no such message."""
    try:
        return (E2EDFrame if format is RecordFormat.E2E else Frame).FromString(payload)
    except DecodeError as error:
        raise ValueError(f"is no {format.value} record ({error})") from error


def detect_format(payload: bytes) -> RecordFormat | None:
    """Tell the formats apart: a perception frame has a top-level timestamp, an end-to-end one nests its name."""
    for format in (RecordFormat.PERCEPTION, RecordFormat.E2E):
        try:
            message = parse_record(format, payload)
            frame = message if format is RecordFormat.PERCEPTION else message.frame
            if (format is RecordFormat.E2E or frame.timestamp_micros > 0) and frame.context.name:
                return format
        except ValueError:
            continue
    return None


def index_file(path: Path, format: RecordFormat | None) -> FileIndex:
    """Scan one file; ``format`` None takes that of its first sound record.

    Raises FormatError when that record is of neither format, and OSError.
    """
    records, damage, unusable = [], [], []
    for offset, payload in scan_records(path, lambda error: damage.append(str(error))):
        if format is None:
            format = detect_format(payload)
        if format is None:
            raise FormatError(
                f"{path}: record at byte {offset} is neither an end-to-end (E2EDFrame) nor a perception (Frame) "
                "record; motion, sensor and v2 files cannot be imported"
            )
        try:
            key = record_key(format, parse_record(format, payload))
        except ValueError as error:
            unusable.append(f"{path}: record at byte {offset}: {error}")
            continue
        records.append(RecordRef(key, path, offset))
    return FileIndex(format, tuple(records), tuple(damage), tuple(unusable))


def load_or_index(path: Path, folder: Path, format: RecordFormat | None) -> FileIndex:
    """Take the stored index of a file from ``folder``, or make and store it."""
    stat = path.stat()
    identity: dict[str, Any] = {
        "version": _VERSION,
        "path": str(path.resolve()),
        "size": stat.st_size,
        "mtime_ns": stat.st_mtime_ns,
        "asked": None if format is None else format.value,
    }
    stored = folder / f"{hashlib.sha256(identity['path'].encode()).hexdigest()[:24]}.index"
    found = _load(stored, path, identity)
    if found is None:
        found = index_file(path, format)
        write_json_atomic(stored, {**identity, **_to_dict(found)}, indent=None)
    return found


def _to_dict(index: FileIndex) -> dict[str, object]:
    return {
        "format": None if index.format is None else index.format.value,
        "records": [[r.key.segment, r.key.order, r.key.timestamp_us, r.offset] for r in index.records],
        "damage": list(index.damage),
        "unusable": list(index.unusable),
    }


def _load(stored: Path, path: Path, identity: dict[str, object]) -> FileIndex | None:
    """Return the stored index, or None when there is none for exactly this file."""
    try:
        data = json.loads(stored.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return None
    if not isinstance(data, dict) or any(data.get(key) != value for key, value in identity.items()):
        return None
    return FileIndex(
        None if data["format"] is None else RecordFormat(data["format"]),
        tuple(RecordRef(RecordKey(s, order, time), path, offset) for s, order, time, offset in data["records"]),
        tuple(data["damage"]),
        tuple(data["unusable"]),
    )


@dataclass(frozen=True, slots=True)
class RecordIndex:
    """All segments of an import: records in order, without duplicates, by segment name in sorted order."""

    format: RecordFormat
    segments: dict[str, tuple[RecordRef, ...]]


def build_index(
    paths: Iterable[Path],
    folder: Path,
    format: RecordFormat | None,
    report: ImportReport,
    on_file: Callable[[Path], None],
) -> RecordIndex:
    """Index all files and group their records by segment; damage and duplicates go to ``report``.

    Raises FormatError when files hold different formats or no record could be read.
    """
    groups: dict[str, dict[int, RecordRef]] = {}
    formats: dict[RecordFormat, Path] = {}
    for path in paths:
        index = load_or_index(path, folder, format)
        if index.format is not None:
            formats.setdefault(index.format, path)
        report.damage += index.damage
        for message in index.unusable:
            report.skip("record", "cannot be placed", message)
        for ref in index.records:
            known = groups.setdefault(ref.key.segment, {}).setdefault(ref.key.order, ref)
            if known is not ref:
                report.skip("record", "there twice", str(ref))
        on_file(path)
    if len(formats) > 1:
        named = ", ".join(f"{path} ({format.value})" for format, path in formats.items())
        raise FormatError(f"the records are of different formats: {named}; import each format on its own")
    if not groups:
        reasons = "".join(
            f"\n  {message}" for message in [*report.damage[:5], *(s.first for s in report.skipped.values())]
        )
        raise FormatError(f"no record could be read{reasons}")
    segments = {name: tuple(refs[order] for order in sorted(refs)) for name, refs in sorted(groups.items())}
    return RecordIndex(next(iter(formats)), segments)

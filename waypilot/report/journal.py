"""``results.jsonl``: what happened in an evaluation, one line each, on the disk before anything else goes on."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

JOURNAL_FILE = "results.jsonl"


class Journal:
    """Appends records. One process writes; a line that a killed writer left half done is cut off on opening."""

    def __init__(self, path: Path) -> None:
        """Open for appending, make the file if there is none. Raises OSError."""
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = path.open("ab", buffering=0)
        whole = path.read_bytes().rfind(b"\n") + 1
        if whole < self._file.tell():
            self._file.truncate(whole)

    def add(self, record: Mapping[str, object]) -> None:
        """Write a record through to the disk. Raises OSError (the journal is as before) and ValueError for NaN."""
        line = json.dumps(record, separators=(",", ":"), allow_nan=False, ensure_ascii=False).encode() + b"\n"
        before = os.fstat(self._file.fileno()).st_size
        try:
            written = self._file.write(line)
            if written != len(line):
                raise OSError(28, "No space left on device", self._file.name)
            os.fsync(self._file.fileno())
        except OSError:
            self._file.truncate(before)
            raise

    def close(self) -> None:
        """End writing."""
        self._file.close()


def read_journal(path: Path) -> list[Mapping[str, object]]:
    """Read all whole lines; none when there is no file. Raises OSError and, for lines that are no JSON, ValueError."""
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        return []
    return [json.loads(line) for line in data[: data.rfind(b"\n") + 1].splitlines()]

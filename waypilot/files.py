"""Writing files so that a reader never sees half of one, whenever the writer dies."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path


def write_bytes_atomic(path: Path, data: bytes) -> None:
    """Replace ``path`` by ``data`` at once; parent folders are made. After a failure the old file still stands.

    The bytes reach the disk before the name does, so a power cut leaves the old file or the new one.
    Raises OSError when it cannot be written.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise


def write_text_atomic(path: Path, text: str) -> None:
    """Replace ``path`` by ``text`` in UTF-8 at once; see ``write_bytes_atomic``."""
    write_bytes_atomic(path, text.encode("utf-8"))


def write_json_atomic(path: Path, values: Mapping[str, object], indent: int | None = 2) -> None:
    """Replace ``path`` by JSON at once: keys in their order, floats by their shortest exact form.

    Raises ValueError for NaN and infinity, which JSON lacks.
    """
    separators = (",", ": ") if indent is not None else (",", ":")
    text = json.dumps(values, indent=indent, separators=separators, allow_nan=False, ensure_ascii=False)
    write_text_atomic(path, text + "\n")

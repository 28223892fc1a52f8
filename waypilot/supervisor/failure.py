"""``stack_failure.json``: why a run ended before its regular end, for whoever has to record it."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from waypilot.files import write_json_atomic

FAILURE_FILE = "stack_failure.json"


@dataclass(frozen=True, slots=True)
class Failure:
    """Which process ended and how. ``exit_code`` is negative for a signal and None when it is not known."""

    process: str
    reason: str
    exit_code: int | None
    last_log_line: str = ""

    @property
    def text(self) -> str:
        """All of it in one line; the last words only of a process that gave up by itself, since a kill explains all."""
        gave_up = self.exit_code is not None and self.exit_code > 0
        words = f": {self.last_log_line}" if gave_up and self.last_log_line else ""
        return f"{self.process} {self.reason}{words}"

    def write(self, output_dir: Path) -> None:
        """Put the file into the run's folder, atomically."""
        write_json_atomic(output_dir / FAILURE_FILE, asdict(self))


def read_failure(output_dir: Path) -> Failure | None:
    """Read the file of a run's folder; None when there is none or it is not one."""
    try:
        return Failure(**json.loads((output_dir / FAILURE_FILE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None

"""Runs stages one after the other and remembers which are done."""

from __future__ import annotations

import glob
import hashlib
import json
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from training.pipeline.stages import Stage
from waypilot.files import write_json_atomic
from waypilot.processes import end_with_parent

STATE_FORMAT = "waypilot.pipeline_state/1"


class PipelineError(RuntimeError):
    """A stage failed or cannot be run; the message says which and where to look."""


@dataclass(frozen=True, slots=True)
class StageRecord:
    """What is known of a stage: the digest of what it was made from, of what it made, and the seconds it took.

    ``made`` is None while the stage is not done; ``wall_s`` then is 0.
    """

    made_from: str
    made: str | None = None
    wall_s: float = 0.0


@dataclass(frozen=True, slots=True)
class StageRun:
    """A stage that is done now, and whether it was done before."""

    stage: Stage
    wall_s: float
    skipped: bool


class StageRunner:
    """Runs stages as subprocesses; ``state_path`` remembers what is done, ``log_dir`` gets a log per stage.

    Raises PipelineError when the state cannot be read.
    """

    def __init__(self, state_path: Path, log_dir: Path, timeout_s: float):
        self.state_path, self.log_dir, self.timeout_s = state_path, log_dir, timeout_s
        self._records = self._load()

    def log_path(self, stage: Stage) -> Path:
        """Where the stage's output goes."""
        return self.log_dir / f"{stage.name.replace(' ', '_').replace(':', '_')}.log"

    def run(self, stage: Stage) -> StageRun:
        """Run a stage unless command, inputs and outputs are what they were when it was done. Raises PipelineError."""
        made_from = _digest(stage.inputs, stage.command)
        record = self._records.get(stage.name)
        if record and record.made_from == made_from and record.made == _digest(stage.outputs):
            return StageRun(stage, record.wall_s, skipped=True)
        self._prepare(stage, record, made_from)
        self._remember(stage, StageRecord(made_from))
        begin = time.monotonic()
        self._execute(stage)
        wall_s = time.monotonic() - begin
        if missing := [pattern for pattern in stage.outputs if not glob.glob(pattern, recursive=True)]:
            raise PipelineError(f"{stage.name}: ended well but left no {missing[0]}; see {self.log_path(stage)}")
        self._remember(stage, StageRecord(made_from, _digest(stage.outputs), wall_s))
        return StageRun(stage, wall_s, skipped=False)

    def _prepare(self, stage: Stage, record: StageRecord | None, made_from: str) -> None:
        """Empty the stage's folder, unless it holds part of this very work. Never touches what is not the chain's."""
        if stage.folder is None or not stage.folder.exists():
            return
        if record is None:
            raise PipelineError(f"{stage.folder} is there, but was not made by this chain; choose another --out-dir")
        if not (stage.continues and record.made_from == made_from):
            shutil.rmtree(stage.folder)

    def _execute(self, stage: Stage) -> None:
        log = self.log_path(stage)
        log.parent.mkdir(parents=True, exist_ok=True)
        try:
            with log.open("wb") as output:
                done = subprocess.run(
                    [sys.executable, "-m", *stage.command],
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    timeout=self.timeout_s,
                    check=False,
                    preexec_fn=end_with_parent(),  # a killed chain must not leave a stage that goes on writing
                )
        except subprocess.TimeoutExpired as error:
            raise PipelineError(f"{stage.name}: not done after {self.timeout_s:g} s; see {log}") from error
        if done.returncode:
            tail = "\n".join(log.read_text(encoding="utf-8", errors="replace").splitlines()[-15:])
            raise PipelineError(f"{stage.name}: ended with exit code {done.returncode}; {log} ends with:\n{tail}")

    def _remember(self, stage: Stage, record: StageRecord) -> None:
        self._records[stage.name] = record
        stages = {name: asdict(known) for name, known in self._records.items()}
        write_json_atomic(self.state_path, {"format": STATE_FORMAT, "stages": stages})

    def _load(self) -> dict[str, StageRecord]:
        if not self.state_path.exists():
            return {}
        try:
            state = json.loads(self.state_path.read_text(encoding="utf-8"))
            if state["format"] != STATE_FORMAT:
                raise ValueError(f"format is {state['format']!r}, expected {STATE_FORMAT!r}")
            return {name: StageRecord(**record) for name, record in state["stages"].items()}
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise PipelineError(f"{self.state_path}: is no state of this chain ({error}); remove its folder") from error


def _digest(patterns: Iterable[str], words: Sequence[str] = ()) -> str:
    """SHA-256 of words and of the names and bytes of all files that the patterns match."""
    digest = hashlib.sha256(json.dumps(words).encode())
    for name in sorted({name for pattern in patterns for name in glob.glob(pattern, recursive=True)}):
        digest.update(json.dumps(name).encode())
        digest.update(hashlib.sha256(Path(name).read_bytes()).digest())
    return digest.hexdigest()

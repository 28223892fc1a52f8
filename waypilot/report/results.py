"""``results.json``: the record of one evaluation, true at every moment, whatever kills the run.

The file is replaced atomically when a scenario starts (entry ``crashed: interrupted before it ended``) and again when
it ends. The long series of a run stand in ``scenarios/<scenario>_seed<k>.json`` beside it. Two equal runs give equal
bytes, except for the fields named ``wall_clock``.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Literal, cast

from waypilot.config import ConfigError
from waypilot.files import write_json_atomic
from waypilot.metrics import ScenarioResult, aggregate, crashed_result, result_from_dict, result_to_dict, run_key
from waypilot.metrics.result import series_from_dict, series_to_dict
from waypilot.scenarios import Scenario

SCHEMA = "waypilot.results/1"
SERIES_DIR = "scenarios"
INTERRUPTED = "interrupted before it ended"
WALL_CLOCK = "wall_clock"
_REQUIRED = {"suite", "loop", "policy", "versions", "checkpoint", "config", "jobs", "aggregate", WALL_CLOCK}

__all__ = [
    "SCHEMA",
    "CheckpointInfo",
    "Job",
    "Results",
    "ResultsError",
    "ResultsWriter",
    "RunInfo",
    "ScenarioResult",
    "load_results",
    "without_wall_clock",
]


class ResultsError(ValueError):
    """A results file cannot be used, or an entry does not belong to it; the message says why."""


@dataclass(frozen=True, slots=True)
class CheckpointInfo:
    """Which learned policy drove: the file's name (no folders) and the SHA-256 of its bytes."""

    name: str
    sha256: str

    @staticmethod
    def of_file(path: Path) -> CheckpointInfo:
        """Read name and hash. Raises OSError when the file cannot be read."""
        return CheckpointInfo(path.name, hashlib.sha256(path.read_bytes()).hexdigest())


@dataclass(frozen=True, slots=True)
class RunInfo:
    """What an evaluation is about. Nothing in here may depend on the wall clock or on the machine.

    ``loop`` is the kind of loop that drove (``ros`` or ``in_process``), ``policy`` its name, ``versions`` those of
    waypilot, the carla client and the server, ``config`` what was configured, as plain values.
    """

    suite: str
    loop: Literal["ros", "in_process"]
    policy: str
    versions: Mapping[str, str]
    checkpoint: CheckpointInfo | None = None
    config: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Job:
    """One run that is planned: a scenario with a seed."""

    scenario: Scenario
    seed: int

    @property
    def key(self) -> str:
        """The name of this run's files."""
        return run_key(self.scenario.name, self.seed)


class ResultsWriter:
    """Writes results.json and the series beside it. Entries stand in the order of the jobs.

    The file exists from construction on. An earlier evaluation's file is replaced; of the runs started now, series
    and pictures left by it are removed.
    Raises ResultsError for jobs planned twice, OSError when the folder cannot be written.
    """

    def __init__(self, path: Path, info: RunInfo, jobs: Sequence[Job]) -> None:
        self.path = path
        self._info = info
        self._jobs = {job.key: job for job in jobs}
        if len(self._jobs) != len(jobs):
            raise ResultsError("a scenario is planned twice with the same seed, give it another seed")
        self._results: dict[str, ScenarioResult] = {}
        self._wall_clock: dict[str, object] = {}
        self._write()

    @property
    def results(self) -> tuple[ScenarioResult, ...]:
        """What is recorded so far, in the order of the jobs."""
        return tuple(self._results[key] for key in self._jobs if key in self._results)

    def start(self, scenario: Scenario, seed: int) -> None:
        """Record that a run begins: until it ends, the file says that it crashed."""
        key = self._key(scenario.name, seed)
        for leftover in (self._series_path(key), *self.picture_dir(scenario.name, seed).glob("*.jpg")):
            leftover.unlink(missing_ok=True)
        self._results[key] = crashed_result(scenario, seed, INTERRUPTED)
        self._write()

    def append(self, result: ScenarioResult) -> None:
        """Record how a run ended, in place of its provisional entry."""
        key = self._key(result.scenario, result.seed)
        if result.series is not None:
            write_json_atomic(self._series_path(key), series_to_dict(result.series), indent=None)
        self._results[key] = result
        self._write()

    def crash(self, scenario: Scenario, seed: int, what: str, wall_clock: Mapping[str, object] | None = None) -> None:
        """Record that a run broke, and why."""
        result = crashed_result(scenario, seed, what)
        self.append(dataclasses.replace(result, wall_clock=wall_clock or {}))

    def finish(self, wall_clock: Mapping[str, object]) -> None:
        """Record what is known only at the end: the measures of the wall clock over the whole evaluation."""
        self._wall_clock = dict(wall_clock)
        self._write()

    def picture_dir(self, scenario: str, seed: int) -> Path:
        """Return the folder whose JPEG pictures the report shows with this run."""
        return self.path.parent / SERIES_DIR / run_key(scenario, seed)

    def _key(self, scenario: str, seed: int) -> str:
        key = run_key(scenario, seed)
        if key not in self._jobs:
            raise ResultsError(f"{key} is not among the planned runs: {', '.join(self._jobs)}")
        return key

    def _series_path(self, key: str) -> Path:
        return self.path.parent / SERIES_DIR / f"{key}.json"

    def _write(self) -> None:
        info = asdict(self._info)
        document = {
            "schema": SCHEMA,
            **info,
            "jobs": [{"scenario": job.scenario.name, "seed": job.seed} for job in self._jobs.values()],
            "scenarios": [_entry(result) for result in self.results],
            "aggregate": asdict(aggregate(self.results)),
            WALL_CLOCK: self._wall_clock,
        }
        write_json_atomic(self.path, document)


@dataclass(frozen=True, slots=True)
class Results:
    """A results file as read. ``document`` is its whole content, ``results`` its entries with their series."""

    path: Path
    document: Mapping[str, object]
    results: tuple[ScenarioResult, ...]


def load_results(path: Path) -> Results:
    """Read a results file and the series it refers to.

    Raises ResultsError when a file is missing, is no such file, or is of another version.
    """
    document = _read_json(path)
    if document.get("schema") != SCHEMA:
        raise ResultsError(f"{path}: schema is {document.get('schema')!r}, this version of Waypilot reads {SCHEMA!r}")
    entries = document.get("scenarios")
    if not isinstance(entries, list):
        raise ResultsError(f"{path}: 'scenarios' must be a list")
    results = tuple(_load_entry(path, entry) for entry in entries)
    missing = sorted(_REQUIRED - document.keys())
    if missing:
        raise ResultsError(f"{path}: key {missing[0]!r} is missing")
    return Results(path, document, results)


def without_wall_clock(value: object) -> object:
    """Copy JSON values without any field named ``wall_clock``: what two equal runs must share."""
    if isinstance(value, Mapping):
        return {key: without_wall_clock(item) for key, item in value.items() if key != WALL_CLOCK}
    if isinstance(value, list):
        return [without_wall_clock(item) for item in value]
    return value


def _entry(result: ScenarioResult) -> dict[str, object]:
    entry = result_to_dict(result)
    entry["series"] = None if result.series is None else f"{SERIES_DIR}/{result.key}.json"
    return entry


def _load_entry(path: Path, entry: object) -> ScenarioResult:
    if not isinstance(entry, Mapping):
        raise ResultsError(f"{path}: expected an entry per scenario, got {entry!r}")
    try:
        result = result_from_dict({**entry, "series": None})
    except ConfigError as error:
        raise ResultsError(f"{path}: {error}") from error
    reference = entry.get("series")
    if reference is None:
        return result
    if reference != f"{SERIES_DIR}/{result.key}.json":
        raise ResultsError(
            f"{path}: {result.key} refers to series {reference!r}, expected {SERIES_DIR}/{result.key}.json"
        )
    series_path = path.parent / str(reference)
    try:
        return dataclasses.replace(result, series=series_from_dict(_read_json(series_path)))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise ResultsError(f"{series_path}: not a series: {error}") from error


def _read_json(path: Path) -> dict[str, object]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ResultsError(f"{path}: cannot be read: {error.strerror}") from error
    except ValueError as error:
        raise ResultsError(f"{path}: not JSON: {error}") from error
    if not isinstance(values, dict):
        raise ResultsError(f"{path}: expected a JSON object")
    return cast(dict[str, object], values)

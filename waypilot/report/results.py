"""``results.json``: the record of one evaluation, true at every moment, whatever kills the run; and how to read it.

Two equal runs give equal bytes, except for the fields named ``wall_clock``. Writing is in ``waypilot.report.writer``.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from waypilot.config import ConfigError
from waypilot.metrics import ScenarioResult, result_from_dict
from waypilot.metrics.result import series_from_dict
from waypilot.report.jobs import Job
from waypilot.report.journal import JOURNAL_FILE, read_journal
from waypilot.report.run_info import CheckpointInfo, RunInfo
from waypilot.report.state import (
    SCHEMA,
    SERIES_DIR,
    WALL_CLOCK,
    EvaluationState,
    ResultsError,
    require_schema,
    series_reference,
)
from waypilot.report.writer import Earlier, ResultsWriter

_REQUIRED = {"suite", "loop", "policy", "versions", "checkpoint", "config", "jobs", "aggregate", WALL_CLOCK}
_OUTCOME = ("scenario", "seed", "repeat", "status")

__all__ = [
    "SCHEMA",
    "SERIES_DIR",
    "CheckpointInfo",
    "Earlier",
    "Job",
    "Results",
    "ResultsError",
    "ResultsWriter",
    "RunInfo",
    "ScenarioResult",
    "load_results",
    "without_wall_clock",
]


@dataclass(frozen=True, slots=True)
class Results:
    """A results file as read. ``document`` is its whole content, ``results`` its entries with their series."""

    path: Path
    document: Mapping[str, object]
    results: tuple[ScenarioResult, ...]


def load_results(path: Path, with_series: bool = True) -> Results:
    """Read a results file, what its journal knows beyond it after a kill, and the series unless told not to.

    Raises ResultsError when a file is missing, is no such file, or is of another version.
    """
    document = _read_json(path)
    try:
        require_schema(document)
    except ResultsError as error:
        raise ResultsError(f"{path}: {error}") from error
    entries = document.get("scenarios")
    if not isinstance(entries, list):
        raise ResultsError(f"{path}: 'scenarios' must be a list")
    later = _later_document(path, entries)
    if later is not None:
        document, entries = later, cast(list[object], later["scenarios"])
    results = tuple(_load_entry(path, entry, with_series) for entry in entries)
    missing = sorted(_REQUIRED - document.keys())
    if missing:
        raise ResultsError(f"{path}: key {missing[0]!r} is missing")
    return Results(path, document, results)


def _later_document(path: Path, entries: list[object]) -> dict[str, object] | None:
    """Return what the journal says when it is ahead of the file: it knows other runs, or another end of one."""
    journal_path = path.with_name(JOURNAL_FILE)
    try:
        records = read_journal(journal_path)
        state = EvaluationState.replay(records) if records else None
    except ValueError as error:
        raise ResultsError(f"{journal_path}: {error}; remove it to read {path.name} as it is") from error
    in_file = [[entry.get(name) for name in _OUTCOME] for entry in entries if isinstance(entry, Mapping)]
    if state is None or in_file == [[getattr(result, name) for name in _OUTCOME] for result in state.results()]:
        return None
    return cast(dict[str, object], json.loads(json.dumps(state.document())))


def without_wall_clock(value: object) -> object:
    """Copy JSON values without any field named ``wall_clock``: what two equal runs must share."""
    if isinstance(value, Mapping):
        return {key: without_wall_clock(item) for key, item in value.items() if key != WALL_CLOCK}
    if isinstance(value, list):
        return [without_wall_clock(item) for item in value]
    return value


def _load_entry(path: Path, entry: object, with_series: bool) -> ScenarioResult:
    if not isinstance(entry, Mapping):
        raise ResultsError(f"{path}: expected an entry per scenario, got {entry!r}")
    try:
        result = result_from_dict({**entry, "series": None})
    except ConfigError as error:
        raise ResultsError(f"{path}: {error}") from error
    reference = entry.get("series")
    if reference is None:
        return result
    expected = series_reference(result.key)
    if reference != expected:
        raise ResultsError(f"{path}: {result.key} refers to series {reference!r}, expected {expected}")
    if not with_series:
        return result
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

"""Writes the record of an evaluation: the journal first, then the files made of it.

``results.jsonl`` gets a line for everything that happens, on the disk before anything else goes on. ``results.json`` is
replaced atomically: at every event of an evaluation of up to ``EAGER_RUNS`` runs; in larger ones after every hundredth
of the runs, since replacing a growing file for each run costs time that grows with the square of their number. Such a
file lags behind the journal and leaves out what is under way, but says nothing that is not true; ``load_results`` adds
what the journal knows. The series of a run stand in ``scenarios/<key>.json``.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any

from waypilot.files import write_json_atomic
from waypilot.metrics import ScenarioResult, crashed_result
from waypilot.metrics.result import run_title, series_to_dict
from waypilot.report.jobs import Job
from waypilot.report.journal import JOURNAL_FILE, Journal, read_journal
from waypilot.report.run_info import UNKNOWN, RunInfo, differing_fields
from waypilot.report.state import (
    SERIES_DIR,
    EvaluationState,
    Record,
    ResultsError,
    RunState,
    begin_record,
    crash_text,
    end_record,
    require_schema,
    retry_notes,
    series_reference,
)

EAGER_RUNS = 100
_MAX_NAMED = 4


class Earlier(Enum):
    """What to do with an earlier record in the same folder."""

    REPLACE = "new"
    #: Keep the runs that were judged; what is missing or crashed is to be driven.
    RESUME = "resume"
    #: Keep crashed runs as well: somebody goes on with this very evaluation.
    CONTINUE = "continue"


class ResultsWriter:
    """Keeps results.json, results.jsonl and the series. Entries stand in the order of the jobs.

    The files exist from construction on. Only one process may write in a folder.
    Raises ResultsError for jobs planned twice and for a record that cannot be gone on with (see ``Earlier``), OSError
    when the folder cannot be written.
    """

    def __init__(self, path: Path, info: RunInfo, jobs: Sequence[Job], earlier: Earlier = Earlier.REPLACE) -> None:
        self.path = path
        if len({job.key for job in jobs}) != len(jobs):
            raise ResultsError("a scenario is planned twice with the same seed and repeat, give it another seed")
        self._begin = begin = begin_record(info, jobs)
        self._state = EvaluationState(begin)
        self._unwritten = 0
        journal_path = path.with_name(JOURNAL_FILE)
        records = [] if earlier is Earlier.REPLACE else _earlier_records(path, journal_path)
        if records:
            self._take_over(records, begin, journal_path, earlier)
        else:
            journal_path.unlink(missing_ok=True)
            self._write()
            self._journal = Journal(journal_path)
            self._journal.add(begin)

    @property
    def results(self) -> tuple[ScenarioResult, ...]:
        """What is recorded so far, without series, in the order of the jobs."""
        return self._state.results()

    @property
    def planned(self) -> int:
        """How many runs are planned."""
        return len(self._state.runs)

    @property
    def open_jobs(self) -> tuple[Job, ...]:
        """The runs that have not ended, in order."""
        return tuple(run.job for run in self._state.runs.values() if not run.ended)

    def result(self, job: Job) -> ScenarioResult:
        """Return what is recorded of a run that was started. Raises ResultsError for others."""
        result = self._run(job.key).result
        if result is None:
            raise ResultsError(f"nothing is recorded of {job.key} yet")
        return result

    def attempts(self, job: Job) -> int:
        """How many attempts at this run were begun so far."""
        return self._run(job.key).attempts

    def broken_attempts(self, job: Job) -> int:
        """How many attempts at this run broke so far."""
        return len(self._run(job.key).broke)

    def is_under_way(self, job: Job) -> bool:
        """Whether an attempt at the run began and its outcome is not recorded."""
        return self._run(job.key).under_way

    def learn_server(self, version: str) -> None:
        """Record the server's version once it is known. Raises ResultsError when another one is recorded."""
        info = self._state.info
        begin = {**self._begin, "info": {**info, "versions": {**info["versions"], "carla_server": version}}}
        if _server(begin) != info["versions"]["carla_server"]:
            _refuse_other(self.path, {**self._begin, "info": info}, begin)
            self._add(begin)

    def start(self, job: Job) -> None:
        """Record that a run begins: until it ends, the record says that it crashed."""
        self._run(job.key)
        folder = self.picture_dir(job)
        for leftover in (self._series_path(job.key), *folder.glob("*.jpg"), *folder.glob("*.webm*")):
            leftover.unlink(missing_ok=True)
        self._add({"event": "start", "run": job.key})

    def broke(self, job: Job, what: str) -> None:
        """Record that an attempt at a run broke and is retried: its entry will say so."""
        self._run(job.key)
        self._add({"event": "broke", "run": job.key, "what": what})

    def append(self, result: ScenarioResult) -> None:
        """Record how a run ended, in place of its provisional entry."""
        run = self._run(result.key)
        if not result.crashed:
            result = dataclasses.replace(result, notes=(*result.notes, *retry_notes(run.broke)))
        if result.series is not None:
            write_json_atomic(self._series_path(result.key), series_to_dict(result.series), indent=None)
        self._add(end_record(result))

    def crash(self, job: Job, what: str, wall_clock: Mapping[str, object] | None = None) -> None:
        """Record that a run broke for good, and why; with the number of its attempts if there were several."""
        self._crash(job, crash_text([*self._run(job.key).broke, what]), wall_clock or {})

    def give_up(self, job: Job, otherwise: str) -> None:
        """Record as crashed a run that is not tried again: why its last attempt broke, ``otherwise`` if it had none."""
        self._crash(job, crash_text(self._run(job.key).broke or [otherwise]), {})

    def finish(self, wall_clock: Mapping[str, object]) -> None:
        """Record what is known only at the end: the measures of the wall clock over the whole evaluation."""
        self._add({"event": "finish", "wall_clock": dict(wall_clock)})
        self.flush()

    def flush(self) -> None:
        """Bring results.json up to date."""
        self._write()

    def picture_dir(self, job: Job) -> Path:
        """Return the folder whose JPEG pictures and video the report shows with this run."""
        return picture_dir(self.path.parent, job)

    def _crash(self, job: Job, text: str, wall_clock: Mapping[str, object]) -> None:
        result = crashed_result(job.scenario, job.seed, text)
        self.append(dataclasses.replace(result, repeat=job.repeat, wall_clock=wall_clock))

    def _take_over(self, records: Sequence[Record], begin: Record, journal_path: Path, earlier: Earlier) -> None:
        try:
            require_schema(records[0])
        except ResultsError as error:
            raise ResultsError(f"{journal_path}: {error}, so it cannot be resumed; start anew") from error
        last = [record for record in records if record["event"] == "begin"][-1]
        _refuse_other(self.path, last, begin)
        self._state = EvaluationState.replay(records)
        self._journal = Journal(journal_path)
        if _server(begin) not in (UNKNOWN, _server(last)):
            self._journal.add(begin)
            self._state.apply(begin)
        crashed = [key for key, run in self._state.runs.items() if run.ended and run.result and run.result.crashed]
        if crashed and earlier is Earlier.RESUME:
            self._add({"event": "forget", "runs": crashed})
        self._write()

    def _run(self, key: str) -> RunState:
        if key not in self._state.runs:
            raise ResultsError(f"{key} is not among the planned runs: {', '.join(self._state.runs)}")
        return self._state.runs[key]

    def _series_path(self, key: str) -> Path:
        return self.path.parent / series_reference(key)

    def _add(self, record: Record) -> None:
        self._journal.add(record)
        self._state.apply(record)
        total = len(self._state.runs)
        self._unwritten += record["event"] == "end"
        if total <= EAGER_RUNS or self._unwritten * EAGER_RUNS >= total:
            self._write(with_running=total <= EAGER_RUNS)

    def _write(self, with_running: bool = True) -> None:
        write_json_atomic(self.path, self._state.document(with_running))
        self._unwritten = 0


def picture_dir(folder: Path, job: Job) -> Path:
    """Return where the pictures of a run go in the folder of an evaluation."""
    return folder / SERIES_DIR / job.key


def _earlier_records(path: Path, journal_path: Path) -> Sequence[Record]:
    try:
        records = read_journal(journal_path)
    except ValueError as error:
        raise ResultsError(f"{journal_path}: damaged ({error}), so it cannot be resumed; start anew") from error
    if not records and path.exists() and '"status"' in path.read_text(encoding="utf-8"):
        raise ResultsError(f"{path} has no {journal_path.name} beside it, so it cannot be resumed; start anew")
    return records


def _server(begin: Record) -> object:
    return begin["info"]["versions"].get("carla_server", UNKNOWN)


def _refuse_other(path: Path, recorded: Record, now: Record) -> None:
    """Raise ResultsError when the recorded evaluation is not the one that is to go on."""
    known = recorded["definitions"].keys() & now["definitions"].keys()
    compared = {name: (recorded["definitions"][name], now["definitions"][name]) for name in sorted(known)}
    faults = [
        f"{where} was {before!r} and is {after!r} now"
        for part, (then, today) in {"": (recorded["info"], now["info"]), **compared}.items()
        for where, before, after in differing_fields(then, today, part)
        if UNKNOWN not in (before, after)
    ]
    faults += _other_runs(recorded["jobs"], now["jobs"])
    if faults:
        raise ResultsError(
            f"{path} records another evaluation, it cannot be resumed: {_first(faults, '; ')}. "
            "Resume with what it began with, or start anew, which replaces it"
        )


def _other_runs(recorded: Sequence[Mapping[str, Any]], now: Sequence[Mapping[str, Any]]) -> list[str]:
    """Say in which planned runs two evaluations differ."""
    then, today = ([run_title(**job) for job in jobs] for jobs in (recorded, now))
    gone, added = ([title for title in a if title not in b] for a, b in ((then, today), (today, then)))
    changes = ((gone, ("was planned that is not now", "were planned that are not now")),
               (added, ("is planned now that was not", "are planned now that were not")))  # fmt: skip
    faults = [
        (f"1 run {one}" if len(titles) == 1 else f"{len(titles)} runs {many}") + f" ({_first(titles, ' | ')})"
        for titles, (one, many) in changes
        if titles
    ]
    return faults or (["the planned runs stood in another order"] if then != today else [])


def _first(texts: Sequence[str], separator: str) -> str:
    more = f"{separator}and {len(texts) - _MAX_NAMED} more" if len(texts) > _MAX_NAMED else ""
    return separator.join(texts[:_MAX_NAMED]) + more

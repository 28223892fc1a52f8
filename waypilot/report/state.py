"""What is recorded of an evaluation: the state that the records of its journal lead to, one after the other.

The writer applies a record after writing it, a reader applies all of them: both see the same.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from waypilot.config import config_from_mapping, config_to_dict
from waypilot.metrics import ScenarioResult, aggregate, crashed_result, result_from_dict, result_to_dict
from waypilot.report.jobs import Job
from waypilot.report.run_info import RunInfo
from waypilot.scenarios import Scenario

SCHEMA = "waypilot.results/2"
SERIES_DIR = "scenarios"
INTERRUPTED = "interrupted before it ended"
WALL_CLOCK = "wall_clock"

Record = Mapping[str, Any]


class ResultsError(ValueError):
    """A results file cannot be used, or an entry does not belong to it; the message says why."""


@dataclass(slots=True)
class RunState:
    """One planned run. ``result`` has no series; ``attempts`` were begun, ``broke`` says how earlier ones broke."""

    job: Job
    result: ScenarioResult | None = None
    under_way: bool = False
    ended: bool = False
    has_series: bool = False
    attempts: int = 0
    broke: list[str] = field(default_factory=list)

    @property
    def entry(self) -> dict[str, object]:
        """The run's entry in results.json."""
        assert self.result is not None
        entry = result_to_dict(self.result)
        entry["series"] = series_reference(self.job.key) if self.has_series else None
        return entry


class EvaluationState:
    """All planned runs, by key and in their order, and what the evaluation is about."""

    def __init__(self, begin: Record) -> None:
        self.info: Mapping[str, Any] = {}
        self.wall_clock: Mapping[str, object] = {}
        scenarios = {name: config_from_mapping(Scenario, values) for name, values in begin["definitions"].items()}
        jobs = [Job(scenarios[job["scenario"]], job["seed"], job["repeat"]) for job in begin["jobs"]]
        self.runs = {job.key: RunState(job) for job in jobs}
        self.apply(begin)

    @staticmethod
    def replay(records: Sequence[Record]) -> EvaluationState:
        """Apply a whole journal. Raises ResultsError when it is none, or is of another version."""
        require_schema(records[0])
        try:
            state = EvaluationState(records[0])
            for record in records[1:]:
                state.apply(record)
        except (KeyError, TypeError, ValueError) as error:
            raise ResultsError(f"not a journal of an evaluation: {error}") from error
        return state

    def apply(self, record: Record) -> None:
        """Take one record in. Raises KeyError or ValueError for one that is none."""
        event = record["event"]
        if event == "begin":
            self.info = record["info"]
        elif event == "finish":
            self.wall_clock = record[WALL_CLOCK]
        elif event == "forget":
            for key in record["runs"]:
                self.runs[key] = RunState(self.runs[key].job)
        else:
            self._apply_to_run(event, self.runs[record["run"]], record)

    def _apply_to_run(self, event: str, run: RunState, record: Record) -> None:
        if event == "start":
            crashed = crashed_result(run.job.scenario, run.job.seed, INTERRUPTED)
            run.result = dataclasses.replace(crashed, repeat=run.job.repeat)
            run.under_way, run.ended, run.has_series = True, False, False
            run.attempts += 1
        elif event == "broke":
            run.broke.append(record["what"])
            run.under_way = False
        elif event == "end":
            run.has_series = record["entry"]["series"] is not None
            run.result = result_from_dict({**record["entry"], "series": None})
            run.under_way, run.ended = False, True
        else:
            raise ValueError(f"unknown event {event!r}")

    def results(self, with_running: bool = True) -> tuple[ScenarioResult, ...]:
        """Return what is recorded, without series, in the order of the jobs."""
        return tuple(run.result for run in self._recorded(with_running) if run.result is not None)

    def document(self, with_running: bool = True) -> dict[str, object]:
        """Return the content of results.json."""
        return {
            "schema": SCHEMA,
            **self.info,
            "jobs": [_plain_job(run.job) for run in self.runs.values()],
            "scenarios": [run.entry for run in self._recorded(with_running)],
            "aggregate": asdict(aggregate(self.results(with_running))),
            WALL_CLOCK: dict(self.wall_clock),
        }

    def _recorded(self, with_running: bool) -> Iterable[RunState]:
        return (run for run in self.runs.values() if run.ended or (with_running and run.result is not None))


def require_schema(found: object) -> None:
    """Raise ResultsError when a results file or the first record of a journal was written by another version."""
    schema = found.get("schema") if isinstance(found, Mapping) else None
    if schema != SCHEMA:
        raise ResultsError(f"schema is {schema!r}, this version of Waypilot reads {SCHEMA!r}")


def begin_record(info: RunInfo, jobs: Sequence[Job]) -> Record:
    """Return the first record of a journal: what the evaluation is about, what is planned, and its definition."""
    return {
        "event": "begin",
        "schema": SCHEMA,
        "info": asdict(info),
        "jobs": [_plain_job(job) for job in jobs],
        "definitions": {job.scenario.name: config_to_dict(job.scenario) for job in jobs},
    }


def end_record(result: ScenarioResult) -> Record:
    """Return the record of how a run ended; its series stand in a file of their own."""
    entry = result_to_dict(dataclasses.replace(result, series=None))
    entry["series"] = None if result.series is None else series_reference(result.key)
    return {"event": "end", "run": result.key, "entry": entry}


def series_reference(key: str) -> str:
    """Return the path of a run's series, relative to results.json."""
    return f"{SERIES_DIR}/{key}.json"


def _plain_job(job: Job) -> dict[str, object]:
    return {"scenario": job.scenario.name, "seed": job.seed, "repeat": job.repeat}


def crash_text(broke: Sequence[str]) -> str:
    """Say why a run crashed after these attempts."""
    return broke[-1] + (f" ({len(broke)} attempts)" if len(broke) > 1 else "")


def retry_notes(broke: Sequence[str]) -> tuple[str, ...]:
    """Say of a run that ended in the end which of its attempts broke."""
    return tuple(f"attempt {number} broke and was retried: {what}" for number, what in enumerate(broke, start=1))

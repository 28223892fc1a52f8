"""The order of events of an evaluation: prepare, drive, judge, record; and what to record when something breaks.

Knows no ROS: ``Stack`` is what it needs of the nodes.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from waypilot.metrics import ScenarioResult
from waypilot.metrics.completeness import missed_controls_note
from waypilot.report.results import Job, ResultsWriter


class ScenarioCrashedError(Exception):
    """The run of a scenario broke; the others can still be driven."""


class StackBrokenError(Exception):
    """The stack broke: nothing can be driven any more. The message says what is missing."""


@dataclass(frozen=True, slots=True)
class DriveReport:
    """A judged drive and how it went on the wall clock."""

    result: ScenarioResult
    frames: int
    missed_deadlines: int


class Stack(Protocol):
    """The nodes that drive. Every call is bounded in time and raises one of the errors above."""

    def drive(self, job: Job) -> DriveReport:
        """Drive one scenario to its end and have it judged."""
        ...


class Evaluation:
    """Drives the runs that a record lacks; what is recorded is true whenever the process is stopped."""

    def __init__(
        self,
        stack: Stack,
        writer: ResultsWriter,
        say: Callable[[str], None],
        breaks_until_end: int = 1,
        supervised: bool = False,
    ) -> None:
        """``breaks_until_end``: so many runs in a row must find the stack broken until the others are not tried.

        ``supervised``: a broken stack ends the evaluation, whoever started the stack decides what becomes of the rest.
        """
        self._stack = stack
        self._breaks_until_end = breaks_until_end
        self._supervised = supervised
        self._writer = writer
        self._say = say

    def run(self) -> bool:
        """Drive the runs in order; returns whether none crashed. A broken stack ends it: the rest counts as crashed."""
        started_s = time.monotonic()
        breaks = 0
        jobs = self._writer.open_jobs
        for number, job in enumerate(jobs, start=1):
            self._say(f"[{self._writer.planned - len(jobs) + number}/{self._writer.planned}] {job.title}: starts")
            self._writer.start(job)
            try:
                self._record(job, self._stack.drive(job))
                breaks = 0
            except ScenarioCrashedError as error:
                self._crash(job, error)
            except StackBrokenError as error:
                if self._supervised:
                    self._writer.broke(job, str(error))
                    self._say(f"{job.title}: broke: {error}")
                    return False
                self._crash(job, error)
                breaks += 1
                if breaks < self._breaks_until_end:
                    continue
                for left in jobs[number:]:
                    self._crash(left, f"not driven: {error}")
                break
        self._writer.finish({"duration_s": round(time.monotonic() - started_s, 3)})
        return not any(result.crashed for result in self._writer.results)

    def _record(self, job: Job, report: DriveReport) -> None:
        result = dataclasses.replace(report.result, repeat=job.repeat)
        if report.missed_deadlines:
            note = missed_controls_note(report.missed_deadlines, report.frames)
            result = dataclasses.replace(result, notes=(*result.notes, note))
        try:
            self._writer.append(result)
        except ValueError as error:
            self._crash(job, f"its result cannot be recorded: {error}")
        else:
            self._say(f"{job.title}: {result.status}")

    def _crash(self, job: Job, what: object) -> None:
        self._writer.crash(job, str(what))
        self._say(f"{job.title}: crashed: {what}")

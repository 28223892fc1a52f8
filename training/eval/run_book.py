"""Keeps the book of an evaluation: what is still to drive, how runs ended, which are tried again."""

from __future__ import annotations

from collections import deque
from typing import Protocol

from waypilot.metrics import ScenarioResult
from waypilot.report.jobs import Job
from waypilot.report.writer import ResultsWriter


class EvaluationListener(Protocol):
    """Hears how an evaluation goes on; for progress displays."""

    def runs_planned(self, total: int, ended: int) -> None:
        """Say how many runs there are, and how many of them an earlier evaluation has driven."""
        ...

    def run_started(self, job: Job) -> None:
        """Say that a run begins, perhaps again."""
        ...

    def route_driven(self, job: Job, share: float) -> None:
        """Say how much of the route of a run is driven, 0 to 1."""
        ...

    def run_broke(self, job: Job, what: str) -> None:
        """Say that an attempt at a run broke and is repeated."""
        ...

    def run_ended(self, result: ScenarioResult) -> None:
        """Say that a run has ended."""
        ...


class RunBook:
    """Hands out runs and records every outcome at once. A run that broke is the next one to be handed out."""

    def __init__(self, writer: ResultsWriter, listener: EvaluationListener, retries: int) -> None:
        """Retry a run ``retries`` times when the simulator, or the process that drove, was lost."""
        self._writer = writer
        self._listener = listener
        self._retries = retries
        self._waiting = deque(writer.open_jobs)
        listener.runs_planned(writer.planned, writer.planned - len(self._waiting))

    @property
    def waiting(self) -> int:
        """How many runs wait to be handed out."""
        return len(self._waiting)

    def next(self) -> Job:
        """Hand a run out; it counts as under way. Raises IndexError when none waits."""
        job = self._waiting.popleft()
        self._writer.start(job)
        self._listener.run_started(job)
        return job

    def route_driven(self, job: Job, share: float) -> None:
        """Pass on how much of a route is driven."""
        self._listener.route_driven(job, share)

    def ended(self, job: Job, result: ScenarioResult) -> None:
        """Record how a run ended; as crashed, when the result is none that can be recorded."""
        try:
            self._writer.append(result)
        except ValueError as error:
            self.crashed(job, f"its result cannot be recorded: {error}")
        else:
            self._listener.run_ended(result)

    def crashed(self, job: Job, what: str) -> None:
        """Record a run that broke for a reason of its own: it would break again."""
        self._writer.crash(job, what)
        self._tell_crash(job)

    def lost(self, job: Job, what: str) -> None:
        """Record that a run lost its simulator or its process; it is tried again if it may."""
        if self._writer.broken_attempts(job) >= self._retries:
            self.crashed(job, what)
            return
        self._writer.broke(job, what)
        self._listener.run_broke(job, what)
        self._waiting.appendleft(job)

    def give_up_waiting(self, cause: str) -> None:
        """Record that what still waits is not driven any more."""
        while self._waiting:
            job = self._waiting.popleft()
            self._writer.give_up(job, f"not driven: {cause}")
            self._tell_crash(job)

    def _tell_crash(self, job: Job) -> None:
        self._listener.run_ended(self._writer.result(job))

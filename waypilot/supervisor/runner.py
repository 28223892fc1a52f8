"""Starts the processes of a run, watches them, ends all of them together, and says why.

Regular end: the process marked ``ends_run`` exits and its code is the run's. Failure: any other process ends. Then
``stack_failure.json`` tells what happened, the ``ends_run`` process (the evaluator) gets SIGINT and some seconds to
record it, and everything is ended: SIGINT, SIGTERM, SIGKILL.
"""

from __future__ import annotations

import dataclasses
import signal
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from waypilot.supervisor.child import Child, describe_exit
from waypilot.supervisor.command import command_line
from waypilot.supervisor.failure import FAILURE_FILE, Failure
from waypilot.supervisor.table import ProcessSpec

FAILURE_EXIT_CODE = 1
_POLL_S = 0.05


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait, in seconds of wall time, before the next stronger measure.

    The last two are waited for twice: for the processes that use others, then for the others (``ends_last``).
    Raises ValueError when a failed run could take 10 s or longer to end.
    """

    record_s: float = 3.0
    interrupt_s: float = 2.0
    terminate_s: float = 1.0

    def __post_init__(self) -> None:
        if min(self.record_s, self.interrupt_s, self.terminate_s) < 0 or self.total_s >= 10.0:
            raise ValueError(f"a failed run must be over within 10 s, these waits add up to {self.total_s} s")

    @property
    def total_s(self) -> float:
        """Longest time from a failure to the end of the last process."""
        return self.record_s + 2.0 * (self.interrupt_s + self.terminate_s)


class Supervisor:
    """Runs one set of processes to its end."""

    def __init__(
        self,
        specs: Sequence[ProcessSpec],
        output_dir: Path,
        environment: Mapping[str, str],
        report: Callable[[str], None] = print,
        patience: Patience | None = None,
    ) -> None:
        """Write logs to ``output_dir/logs``, pass ``environment`` to every process, progress lines to ``report``."""
        self._specs = specs
        self._output_dir = output_dir
        self._environment = dict(environment)
        self._report = report
        self._patience = patience or Patience()
        self._children: dict[str, Child] = {}
        self._signal: signal.Signals | None = None

    def run(self) -> int:
        """Run until the end; returns the exit code. Nothing that was started is left when this returns.

        Raises TableError or OSError when a process cannot be started.
        """
        (self._output_dir / FAILURE_FILE).unlink(missing_ok=True)
        previous = {number: signal.signal(number, self._note_signal) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            self._start_all()
            return self._watch()
        finally:
            self._end_all()
            for number, handler in previous.items():
                signal.signal(number, handler)

    @property
    def stopped(self) -> bool:
        """Whether somebody told the run to end (SIGINT, SIGTERM)."""
        return self._signal is not None

    def last_words(self, exit_code: int) -> str:
        """Say how the process that ends the run did so, with this code, and what it said last."""
        return self._final_child().describe_end(exit_code)

    def _note_signal(self, number: int, _frame: FrameType | None) -> None:
        self._signal = signal.Signals(number)

    def _start_all(self) -> None:
        commands = [(spec.name, command_line(spec, self._output_dir / "parameters")) for spec in self._specs]
        for name, command in commands:
            log_path = self._output_dir / "logs" / f"{name}.log"
            self._children[name] = Child(name, command, log_path, self._environment)
        self._report(f"started {', '.join(self._children)}; logs in {self._output_dir / 'logs'}")

    def _watch(self) -> int:
        follow = _LogFollower(self._final_child().log_path, self._report)
        while True:
            exit_code = self._final_child().exit_code()
            follow.report_new_lines()
            if exit_code is not None:
                return self._regular_end(exit_code)
            failure = self._failure()
            if failure is not None:
                return self._end_after(failure, follow)
            time.sleep(_POLL_S)

    def _final_child(self) -> Child:
        return next(self._children[spec.name] for spec in self._specs if spec.ends_run)

    def _regular_end(self, exit_code: int) -> int:
        if exit_code < 0:
            self._record(Failure(self._final_child().name, describe_exit(exit_code), exit_code))
            return FAILURE_EXIT_CODE
        return exit_code

    def _failure(self) -> Failure | None:
        if self._signal is not None:
            return Failure("supervisor", f"was stopped by {self._signal.name}", None)
        final = self._final_child()  # its end is no failure, also if it ends between two looks: the next one sees it
        for child in self._children.values():
            exit_code = child.exit_code()
            if exit_code is not None and child is not final:
                return Failure(child.name, describe_exit(exit_code), exit_code)
        return None

    def _end_after(self, failure: Failure, follow: _LogFollower) -> int:
        self._record(failure)
        final = self._final_child()
        final.send(signal.SIGINT)
        self._wait_for([final], self._patience.record_s)
        follow.report_new_lines()
        return max(final.exit_code() or 0, FAILURE_EXIT_CODE)

    def _record(self, failure: Failure) -> None:
        """Write ``stack_failure.json`` and say the same on the terminal."""
        if failure.process in self._children:
            words = self._children[failure.process].last_log_line()
            failure = dataclasses.replace(failure, last_log_line=words)
        failure.write(self._output_dir)
        self._report(f"run ends: {failure.text}")

    def _end_all(self) -> None:
        """End what still runs: first those who use the others, then the others."""
        for last in (False, True):
            names = [spec.name for spec in self._specs if spec.ends_last is last]
            self._end([self._children[name] for name in names if name in self._children])

    def _end(self, children: Sequence[Child]) -> None:
        """End these, ever more firmly; their groups are killed in any case, for grandchildren."""
        steps = ((signal.SIGINT, self._patience.interrupt_s), (signal.SIGTERM, self._patience.terminate_s))
        for number, patience_s in steps:
            running = [child for child in children if child.exit_code() is None]
            for child in running:
                child.send(number)
            self._wait_for(running, patience_s)
        for child in children:
            if child.exit_code() is None:
                waited_s = self._patience.interrupt_s + self._patience.terminate_s
                self._report(
                    f"{child.name} was told to end and did not within {waited_s:g} s, as happens while a process still "
                    f"starts: it is killed; its log is {child.log_path}"
                )
            child.kill_group()

    def _wait_for(self, children: Sequence[Child], patience_s: float) -> None:
        deadline = time.monotonic() + patience_s
        while time.monotonic() < deadline and any(child.exit_code() is None for child in children):
            time.sleep(_POLL_S)


class _LogFollower:
    """Passes on the progress lines of a log file as they are written."""

    def __init__(self, path: Path, report: Callable[[str], None]) -> None:
        self._path = path
        self._report = report
        self._offset = 0

    def report_new_lines(self) -> None:
        with self._path.open("rb") as log:
            log.seek(self._offset)
            *complete, _rest = log.read().split(b"\n")
        for line in complete:
            self._offset += len(line) + 1
            self._report(line.decode(errors="replace"))

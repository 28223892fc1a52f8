"""One evaluation through ROS: the stack is started, and started again for what a broken one left undriven."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path

from waypilot.report.writer import Earlier
from waypilot.supervisor.failure import read_failure
from waypilot.supervisor.record import SUPERVISED, RunRecord
from waypilot.supervisor.reserve import claim_domain
from waypilot.supervisor.resolve import AUTOMATIC, resolve
from waypilot.supervisor.runner import Supervisor
from waypilot.supervisor.table import Scalar, StackTable, TableError

BAD_ARGUMENTS_EXIT_CODE = 2
CRASHED_EXIT_CODE = 1


def run_evaluation(
    table: StackTable, values: Mapping[str, Scalar], earlier: Earlier, retries: int, report: Callable[[str], None]
) -> int:
    """Drive everything; returns 0 when every run was driven, 1 when something crashed, 2 for unusable parameters.

    Raises TableError or OSError when the record cannot be opened or the stack not be started.
    """
    record = RunRecord(resolve(values), earlier, retries)
    if not record.writer.open_jobs:
        report("every run is recorded already, there is nothing to drive")
        return 0 if record.complete() else CRASHED_EXIT_CODE
    wanted = str(values["domain_id"])
    claim = claim_domain(int(os.environ.get("ROS_DOMAIN_ID", "1"))) if wanted == AUTOMATIC else None
    try:
        return _Lives(table, values, record, report).run(wanted if claim is None else str(claim.domain_id))
    finally:
        if claim is not None:
            claim.release()


def run_unjudged(table: StackTable, values: Mapping[str, Scalar], report: Callable[[str], None]) -> int:
    """Run processes among which nobody keeps a record, until one ends or a signal comes; returns the exit code.

    The ROS domain is the environment's unless one is given: these nodes work with others.
    """
    resolved = resolve(values)
    domain_id = str(values["domain_id"])
    environment = dict(os.environ)
    if domain_id != AUTOMATIC:
        environment["ROS_DOMAIN_ID"] = domain_id
    return Supervisor(table.processes(resolved), _output_dir(resolved), environment, report=report).run()


class _Lives:
    """The lives of the stack, one after the other, until nothing is left to drive."""

    def __init__(
        self, table: StackTable, values: Mapping[str, Scalar], record: RunRecord, report: Callable[[str], None]
    ) -> None:
        self._table = table
        self._values = {**values, "record": SUPERVISED}
        self._record = record
        self._report = report

    def run(self, domain_id: str) -> int:
        number = 1
        while True:
            exit_code, reason, final = self._live(domain_id)
            again = self._record.settle(reason, final)
            if not again:
                break
            left = len(self._record.writer.open_jobs)
            self._report(f"{reason}; starting the stack again for {left} runs (logs so far: logs_{number})")
            self._keep_logs(number)
            number += 1
        if exit_code == BAD_ARGUMENTS_EXIT_CODE:
            self._record.complete()
            return exit_code
        return 0 if self._record.complete() else CRASHED_EXIT_CODE

    def _live(self, domain_id: str) -> tuple[int, str, bool]:
        """Run the stack once; returns its exit code, why it ended, and whether that is final."""
        values = resolve(self._values)
        output_dir = _output_dir(values)
        environment = {**os.environ, "ROS_DOMAIN_ID": domain_id, "ROS_LOG_DIR": str(output_dir / "logs" / "ros")}
        environment.setdefault("ROS_AUTOMATIC_DISCOVERY_RANGE", "LOCALHOST")
        environment["PYTHONUNBUFFERED"] = "1"
        try:
            supervisor = Supervisor(self._table.processes(values), output_dir, environment, report=self._report)
            exit_code = supervisor.run()
        except (TableError, OSError) as error:
            self._record.settle(str(error), final=True)
            self._record.complete()
            raise
        failure = read_failure(output_dir)
        reason = supervisor.last_words(exit_code) if failure is None else failure.text
        return exit_code, reason, supervisor.stopped or exit_code == BAD_ARGUMENTS_EXIT_CODE

    def _keep_logs(self, number: int) -> None:
        logs = _output_dir(resolve(self._values)) / "logs"
        if logs.exists():
            logs.rename(logs.with_name(f"logs_{number}"))


def _output_dir(values: Mapping[str, Scalar]) -> Path:
    return Path(str(values["output_dir"]))

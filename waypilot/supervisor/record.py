"""``results.json`` of a run before its evaluator is up, and in case it never comes up.

The evaluator keeps the record from its first moment on. Before that (it imports for seconds) the run can already fail,
and then somebody has to say so: an earlier run's results must not pass for this one's.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping
from pathlib import Path

from waypilot.report.jobs import Job, plan_jobs
from waypilot.report.page import write_report
from waypilot.report.results import CheckpointInfo, ResultsWriter, RunInfo
from waypilot.report.run_info import UNKNOWN
from waypilot.scenarios import ScenarioError, available_suites, load_suite, select
from waypilot.supervisor.failure import read_failure
from waypilot.supervisor.table import Scalar, TableError

DEFAULT_SUITE = "standard"
RESULTS_FILE = "results.json"
REPORT_FILE = "report.html"
#: As seeds or repeats: those of the suite.
OF_SUITE = "suite"


def plan_runs(scenarios: str, seeds: str, repeats: str) -> tuple[str, tuple[Job, ...]]:
    """Return the suite's name and every run asked for; ``suite`` for seeds or repeats means what the suite says.

    Raises ValueError, which names the argument, when there is no such scenario or seed.
    """
    try:
        is_suite = scenarios in available_suites() or Path(scenarios).is_file()
        suite = scenarios if is_suite else DEFAULT_SUITE
        names = () if is_suite else tuple(name.strip() for name in scenarios.split(","))
        chosen = select(load_suite(suite), names)
    except ScenarioError as error:
        raise ValueError(f"scenarios: {error}") from error
    wanted_seeds = None if seeds == OF_SUITE else [_whole_number("seeds", word) for word in seeds.split(",")]
    wanted_repeats = None if repeats == OF_SUITE else _whole_number("repeats", repeats)
    return Path(suite).stem, plan_jobs(chosen, wanted_seeds, wanted_repeats)


def _whole_number(name: str, text: str) -> int:
    if not text.strip().isdecimal():
        raise ValueError(f"{name}: {text!r} is no whole number of at least 0")
    return int(text)


def run_info(suite: str, policy: str, checkpoint: str, lock_step: bool, carla_server: str) -> RunInfo:
    """Say what a run through ROS is about. Raises OSError when the checkpoint cannot be read."""
    expert = policy == "expert"
    return RunInfo(
        suite=suite,
        loop="ros",
        policy="expert" if expert else "waypoint",
        versions={
            "waypilot": importlib.metadata.version("waypilot"),
            "carla_client": importlib.metadata.version("carla"),
            "carla_server": carla_server,
        },
        checkpoint=None if expert else CheckpointInfo.of_file(Path(checkpoint)),
        config={"lock_step": lock_step},
    )


class RunRecord:
    """Writes, before anything is started, that every run was interrupted, and corrects that if nobody else did."""

    def __init__(self, values: Mapping[str, Scalar]) -> None:
        """Begin the record of a run with these (resolved) arguments.

        Raises TableError when scenarios or seeds do not exist, OSError when checkpoint or folder cannot be used.
        """
        self._output_dir = Path(str(values["output_dir"]))
        try:
            suite, self._jobs = plan_runs(str(values["scenarios"]), str(values["seeds"]), str(values["repeats"]))
            info = run_info(
                suite, str(values["policy"]), str(values["checkpoint"]), bool(values["lock_step"]), carla_server=UNKNOWN
            )
            self._writer = ResultsWriter(self._output_dir / RESULTS_FILE, info, self._jobs)
        except ValueError as error:
            raise TableError(str(error)) from error
        for job in self._jobs:
            self._writer.start(job)
        self._begun = self._writer.path.read_bytes()

    def complete(self) -> None:
        """After the run: if the evaluator never took the record over, say why of every scenario, and make the page."""
        if self._writer.path.read_bytes() != self._begun:
            return
        failure = read_failure(self._output_dir)
        reason = failure.text if failure else "the evaluator ended before it began, see logs/evaluator.log"
        for job in self._jobs:
            self._writer.crash(job, reason)
        write_report(self._writer.path, self._output_dir / REPORT_FILE)

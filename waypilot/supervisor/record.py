"""The record of a run through ROS, for as long as no evaluator keeps it.

The supervisor opens the record, so that a run that fails before its evaluator is up leaves the truth as well, and an
earlier run's results do not pass for this one's. After every life of the stack it settles what the evaluator could not:
which run broke, whether it is tried again, what is not driven any more.
"""

from __future__ import annotations

import importlib.metadata
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path

from waypilot.report.jobs import Job, plan_jobs
from waypilot.report.page import write_report
from waypilot.report.results import CheckpointInfo, ResultsWriter, RunInfo
from waypilot.report.run_info import UNKNOWN
from waypilot.report.writer import Earlier
from waypilot.scenarios import ScenarioError, available_suites, load_suite, select
from waypilot.supervisor.table import ProcessSpec, Scalar, TableError

DEFAULT_SUITE = "standard"
RESULTS_FILE = "results.json"
REPORT_FILE = "report.html"
#: Name of the process that drives and judges.
EVALUATOR = "evaluator"
#: As seeds or repeats: those of the suite.
OF_SUITE = "suite"
SUPERVISED = "supervised"
#: What may become of an earlier record, as the evaluator's parameter.
RECORDS = {"new": Earlier.REPLACE, "resume": Earlier.RESUME, SUPERVISED: Earlier.CONTINUE}


def keeps_record(specs: Sequence[ProcessSpec]) -> bool:
    """Whether these processes judge drives, so that the run has a record."""
    return any(spec.name == EVALUATOR for spec in specs)


def plan_runs(scenarios: str, seeds: str, repeats: str, runs: str = "") -> tuple[str, tuple[Job, ...]]:
    """Return the suite's name and every run asked for; ``suite`` for seeds or repeats means what the suite says.

    ``runs`` is a file with the keys of those to drive, if not all. Raises ValueError, which names the argument, when
    there is no such scenario, seed, run or file.
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
    jobs = plan_jobs(chosen, wanted_seeds, wanted_repeats)
    return Path(suite).stem, _only(jobs, Path(runs)) if runs else jobs


def _only(jobs: tuple[Job, ...], path: Path) -> tuple[Job, ...]:
    try:
        wanted = path.read_text(encoding="utf-8").split()
    except OSError as error:
        raise ValueError(f"runs: {error}") from error
    unknown = sorted(set(wanted) - {job.key for job in jobs})
    if unknown:
        raise ValueError(f"runs: {path} names {unknown[0]}, which is not planned")
    return tuple(job for job in jobs if job.key in set(wanted))


def _whole_number(name: str, text: str) -> int:
    if not text.strip().isdecimal():
        raise ValueError(f"{name}: {text!r} is no whole number of at least 0")
    return int(text)


def run_info(
    suite: str, policy: str, checkpoint: str, lock_step: bool, carla_server: str, delta_checkpoint: str = ""
) -> RunInfo:
    """Say what a run through ROS is about; ``delta_checkpoint`` is empty where no delta head corrects the plan.

    Raises ValueError when a checkpoint cannot be read.
    """
    expert = policy == "expert"
    learned = None if expert else _info_of("checkpoint", checkpoint)
    delta = _info_of("delta_checkpoint", delta_checkpoint) if delta_checkpoint and not expert else None
    return RunInfo(
        suite=suite,
        loop="ros",
        policy="expert" if expert else "waypoint" if delta is None else "waypoint_delta",
        versions={
            "waypilot": importlib.metadata.version("waypilot"),
            "carla_client": importlib.metadata.version("carla"),
            "carla_server": carla_server,
        },
        checkpoint=learned,
        config={"lock_step": lock_step, "delta_checkpoint": None if delta is None else asdict(delta)},
    )


def _info_of(name: str, path: str) -> CheckpointInfo:
    try:
        return CheckpointInfo.of_file(Path(path))
    except OSError as error:
        raise ValueError(f"{name}: {error}") from error


class RunRecord:
    """Opens the record of a run and keeps it true between the lives of the stack."""

    def __init__(self, values: Mapping[str, Scalar], earlier: Earlier = Earlier.REPLACE, retries: int = 0) -> None:
        """Begin (or go on with) the record of a run with these (resolved) arguments.

        Raises TableError when scenarios, seeds, runs or the checkpoint cannot be used or the record is of another
        evaluation, OSError when nothing can be written.
        """
        self._output_dir = Path(str(values["output_dir"]))
        self._retries = retries
        self._failed_starts = 0
        try:
            suite, self._jobs = plan_runs(*(str(values[name]) for name in ("scenarios", "seeds", "repeats", "runs")))
            self._info = run_info(
                suite,
                str(values["policy"]),
                str(values["checkpoint"]),
                bool(values["lock_step"]),
                UNKNOWN,
                str(values["delta_checkpoint"]),
            )
            self.writer = self._open(earlier)
        except ValueError as error:
            raise TableError(str(error)) from error
        self._remember()

    def settle(self, reason: str, final: bool = False) -> bool:
        """After a life of the stack that ended for ``reason``: returns whether to start it again.

        A run that broke is tried again up to the number of retries; so is a stack that did not get as far as a run,
        which says nothing about runs of earlier lives. ``final``: nothing is tried again.
        """
        self.writer = writer = self._open(Earlier.CONTINUE)
        begun = [job for job in self._jobs if writer.attempts(job) > self._attempts[job.key]]
        for job in begun:
            if writer.is_under_way(job):
                writer.broke(job, reason)
        advanced = bool(begun) or len(writer.open_jobs) < self._open_runs
        self._failed_starts = 0 if advanced else self._failed_starts + 1
        give_up_all = final or self._failed_starts > self._retries
        for job in writer.open_jobs:
            if give_up_all or writer.broken_attempts(job) > self._retries:
                writer.give_up(job, reason if not advanced and give_up_all else f"not driven: {reason}")
        self._remember()
        return bool(writer.open_jobs)

    def _remember(self) -> None:
        """Note how things stand, to tell later what a life of the stack has changed."""
        self._open_runs = len(self.writer.open_jobs)
        self._attempts = {job.key: self.writer.attempts(job) for job in self._jobs}

    def complete(self) -> bool:
        """Bring files and page up to date; returns whether every run was driven."""
        self.writer.flush()
        write_report(self.writer.path, self._output_dir / REPORT_FILE)
        return not self.writer.open_jobs and not any(result.crashed for result in self.writer.results)

    def _open(self, earlier: Earlier) -> ResultsWriter:
        return ResultsWriter(self._output_dir / RESULTS_FILE, self._info, self._jobs, earlier)

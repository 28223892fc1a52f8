"""Several stacks side by side behind one command: each a supervisor of its own, with its own ports and ROS domain.

Every worker drives its share of the runs in a folder of its own, ``workers/<k>``. What stands in its journal is taken
over into the one record of the evaluation as it comes. A worker that dies costs its current run an attempt and is
replaced.
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import FrameType
from typing import Any

from rich.console import Console

from waypilot.metrics import result_from_dict
from waypilot.metrics.result import series_from_dict
from waypilot.report.jobs import Job
from waypilot.report.journal import JOURNAL_FILE
from waypilot.report.progress import ProgressDisplay
from waypilot.report.results import ResultsError, load_results
from waypilot.report.run_info import UNKNOWN
from waypilot.report.state import SERIES_DIR, series_reference
from waypilot.report.summary import print_summary
from waypilot.report.writer import Earlier
from waypilot.supervisor.child import Child
from waypilot.supervisor.record import RunRecord
from waypilot.supervisor.resolve import AUTOMATIC, resolve
from waypilot.supervisor.table import Scalar, TableError

_POLL_S = 0.2
_END_S = 15.0


@dataclass(slots=True)
class _Worker:
    """One supervisor, or those that came one after the other, with the runs that are left to it."""

    number: int
    folders: Path
    port: str
    jobs: list[Job]
    life: int = 0
    child: Child | None = None
    read_to: int = 0
    under_way: Job | None = None
    failed_starts: int = 0

    @property
    def folder(self) -> Path:
        """Its folder in this life: what is left of the one before may still write in the earlier one."""
        return self.folders / (str(self.number) if self.life == 1 else f"{self.number}_{self.life}")


def run_workers(table: Path, values: Mapping[str, Scalar], earlier: Earlier, workers: int, retries: int) -> int:
    """Drive everything with several stacks; returns 0 when every run was driven, 1 when something crashed.

    Raises TableError when the arguments do not fit several stacks, OSError when nothing can be written.
    """
    ports = _ports(values, workers)
    record = RunRecord(resolve({**values, "port": ports[0]}), earlier, retries)
    front = _Front(table, values, record, retries)
    begun_s = time.monotonic()
    console = Console(width=None if sys.stdout.isatty() else 100)
    try:
        with ProgressDisplay(console) as display:
            stopped = front.run(ports, display)
    except ResultsError as error:  # a worker found another simulator than the record, or another worker, has
        raise TableError(str(error)) from error
    record.writer.finish({"duration_s": round(time.monotonic() - begun_s, 3), "workers": workers})
    clean = record.complete()
    print_summary(load_results(record.writer.path, with_series=False), console)
    console.print(f"results: {record.writer.path}", markup=False, highlight=False, soft_wrap=True)
    return 0 if clean and not stopped else 1


def _ports(values: Mapping[str, Scalar], workers: int) -> list[str]:
    ports = str(values["port"]).split(",")
    if ports == [AUTOMATIC] and values["simulator"] == "carla_lite":
        return workers * ports
    if len(ports) != workers:
        raise TableError(
            f"port:={values['port']} with --workers {workers}: every worker needs a simulator of its own, give as many "
            "ports separated by commas"
        )
    return ports


class _Front:
    """Starts the workers and takes over what they record."""

    def __init__(self, table: Path, values: Mapping[str, Scalar], record: RunRecord, retries: int) -> None:
        self._table = table
        self._values = values
        self._writer = record.writer
        self._output_dir = record.writer.path.parent
        self._retries = retries
        self._signal: signal.Signals | None = None
        self._jobs = {job.key: job for job in record.writer.open_jobs}

    def run(self, ports: Sequence[str], display: ProgressDisplay) -> bool:
        """Drive until no run is left; returns whether somebody stopped it. No worker is left when this returns."""
        self._display = display
        jobs = self._writer.open_jobs
        display.runs_planned(self._writer.planned, self._writer.planned - len(jobs))
        shares = [list(jobs[k :: len(ports)]) for k in range(len(ports))]
        folder = self._output_dir / "workers"
        for left in folder.glob("*"):  # of an evaluation that was killed
            self._take_pictures(left)
        shutil.rmtree(folder, ignore_errors=True)
        workers = [
            _Worker(k, folder, port, share) for k, (port, share) in enumerate(zip(ports, shares, strict=True)) if share
        ]
        previous = {number: signal.signal(number, self._note_signal) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            for worker in workers:
                self._start(worker)
            while any(worker.child for worker in workers) and self._signal is None:
                for worker in workers:
                    self._follow(worker)
                time.sleep(_POLL_S)
        finally:
            self._end([worker for worker in workers if worker.child is not None])
            for number, handler in previous.items():
                signal.signal(number, handler)
        for worker in workers:
            self._take_over(worker)
            if self._signal is not None:
                for job in worker.jobs:
                    self._give_up(job, f"not driven: stopped by {self._signal.name}")
            self._take_pictures(worker.folder)
        return self._signal is not None

    def _note_signal(self, number: int, _frame: FrameType | None) -> None:
        self._signal = signal.Signals(number)

    def _start(self, worker: _Worker) -> None:
        worker.life += 1
        worker.folder.mkdir(parents=True)
        worker.read_to, worker.under_way = 0, None
        runs = worker.folder / "runs.txt"
        runs.write_text("".join(f"{job.key}\n" for job in worker.jobs), encoding="utf-8")
        own = {"output_dir": worker.folder, "port": worker.port, "runs": runs, "record": "new", "domain_id": AUTOMATIC}
        words = [f"{name}:={value}" for name, value in {**self._values, **own}.items()]
        command = [
            sys.executable,
            "-m",
            "waypilot.supervisor",
            str(self._table),
            "--retries",
            str(self._retries),
            *words,
        ]
        log = self._output_dir / "logs" / f"worker_{worker.folder.name}.log"
        worker.child = Child(f"worker {worker.number}", command, log, os.environ)

    def _follow(self, worker: _Worker) -> None:
        """Take over what is new; replace the worker when it ended without having driven its share."""
        child = worker.child
        if child is None:
            return
        exit_code = child.exit_code()  # before reading: what it wrote at the end is read then
        self._take_over(worker)
        if exit_code is None:
            return
        child.kill_group()
        worker.child = None
        if worker.jobs:
            self._settle(worker, child.describe_end(exit_code))
        self._take_pictures(worker.folder)
        if worker.jobs:
            self._start(worker)

    def _settle(self, worker: _Worker, reason: str) -> None:
        """Decide what becomes of the runs of a worker that ended."""
        job = worker.under_way
        worker.failed_starts = 0 if job else worker.failed_starts + 1
        if job is not None:
            self._writer.broke(job, reason)
            self._display.run_broke(job, reason)
            if self._writer.broken_attempts(job) <= self._retries:
                # Or a later evaluation in the folder would take them for those of the attempt that ended.
                shutil.rmtree(worker.folder / SERIES_DIR / job.key, ignore_errors=True)
            else:
                worker.jobs.remove(job)
                self._give_up(job, reason)
        if worker.failed_starts > self._retries:
            for left in worker.jobs:
                self._give_up(left, f"not driven: {reason}")
            worker.jobs = []

    def _give_up(self, job: Job, reason: str) -> None:
        self._writer.give_up(job, reason)
        self._display.run_ended(self._writer.result(job))

    def _take_over(self, worker: _Worker) -> None:
        for record in self._new_records(worker):
            event = record["event"]
            if event == "begin" and record["info"]["versions"]["carla_server"] != UNKNOWN:
                self._writer.learn_server(record["info"]["versions"]["carla_server"])
            elif event == "start":
                worker.under_way = self._jobs[record["run"]]
                self._writer.start(worker.under_way)
                self._display.run_started(worker.under_way)
            elif event == "end":
                self._adopt(worker, self._jobs[record["run"]], record["entry"])

    def _new_records(self, worker: _Worker) -> list[Mapping[str, Any]]:
        try:
            with (worker.folder / JOURNAL_FILE).open("rb") as journal:
                journal.seek(worker.read_to)
                data = journal.read()
        except FileNotFoundError:
            return []
        whole = data[: data.rfind(b"\n") + 1]
        worker.read_to += len(whole)
        return [json.loads(line) for line in whole.splitlines()]

    def _adopt(self, worker: _Worker, job: Job, entry: Mapping[str, Any]) -> None:
        """Take a finished run over: entry and series."""
        result = result_from_dict({**entry, "series": None})
        if entry["series"] is not None:
            series = json.loads((worker.folder / series_reference(job.key)).read_text(encoding="utf-8"))
            result = replace(result, series=series_from_dict(series))
        self._take_pictures(worker.folder, but=job.key)  # whose video is completed after the run is recorded
        worker.under_way = None
        worker.jobs.remove(job)
        self._writer.append(result)
        self._display.run_ended(self._writer.result(job))

    def _take_pictures(self, folder: Path, but: str = "") -> None:
        """Move pictures and videos of finished runs to those of the whole evaluation, unless those are there."""
        unfinished = {job.key for job in self._writer.open_jobs} | {but}
        for pictures in list((folder / SERIES_DIR).glob("*")):
            if pictures.is_dir() and pictures.name not in unfinished:
                place = self._output_dir / SERIES_DIR / pictures.name
                place.mkdir(parents=True, exist_ok=True)
                if not any(place.iterdir()):  # else they are of the attempt that ended, these are of one that broke
                    pictures.replace(place)

    def _end(self, workers: Sequence[_Worker]) -> None:
        """End workers that still run; each ends its own processes first."""
        for worker in workers:
            assert worker.child is not None
            worker.child.send(signal.SIGTERM)
        deadline_s = time.monotonic() + _END_S
        for worker in workers:
            assert worker.child is not None
            while worker.child.exit_code() is None and time.monotonic() < deadline_s:
                time.sleep(_POLL_S)
            worker.child.kill_group()
            worker.child = None

"""The evaluator: drives scenarios through the stack one after the other and writes results and report.

Exit codes: 0 every scenario ran to its end (completed or failed), 1 something crashed or could not be written, 2 wrong
parameters.
"""

from __future__ import annotations

import contextlib
import itertools
import signal
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import rclpy
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions
from rich.console import Console

from waypilot.report.page import write_report
from waypilot.report.results import Job, ResultsWriter, RunInfo, load_results
from waypilot.report.run_info import UNKNOWN
from waypilot.report.summary import print_summary
from waypilot.rig import DEFAULT_RIG
from waypilot.supervisor.failure import read_failure
from waypilot.supervisor.record import (
    DEFAULT_SUITE,
    OF_SUITE,
    RECORDS,
    REPORT_FILE,
    RESULTS_FILE,
    SUPERVISED,
    plan_runs,
    run_info,
)
from waypilot_ros.evaluation import Evaluation, Stack, StackBrokenError
from waypilot_ros.parameters import declare_config, parameter, refuse_unknown_parameters
from waypilot_ros.picture_recorder import PictureRecorder
from waypilot_ros.recorded_stack import RecordedStack
from waypilot_ros.stack_client import PatienceConfig, StackClient
from waypilot_ros.video_recorder import VideoRecorder

CRASHED_EXIT_CODE = 1
BAD_PARAMETERS_EXIT_CODE = 2
#: After a signal: how long to wait for the supervisor's word on what happened.
FAILURE_FILE_WAIT_S = 0.5

#: Where nodes are restarted: how many runs in a row may find the stack broken until the others are not tried.
BREAKS_WITH_RESTARTS = 2

#: The signals that came; they must not end the process before a crash is recorded.
_signals: list[signal.Signals] = []


@dataclass(frozen=True, slots=True)
class EvaluatorConfig:
    """What is driven, by whom, and where the results go."""

    scenarios: str = parameter(DEFAULT_SUITE, "a suite's name or file, or names of standard scenarios, by commas")
    seeds: str = parameter(OF_SUITE, "seeds by commas; 'suite': those of the suite file")
    repeats: str = parameter(OF_SUITE, "how often each scenario is driven with each seed; 'suite': as the file says")
    runs: str = parameter("", "file with the names of the runs to drive, one a line; empty: all that are planned")
    record: str = parameter(
        "new",
        "an earlier record in output_dir: 'new' replaces it, 'resume' drives what is missing or crashed, "
        "'supervised' goes on with the one the supervisor keeps",
    )
    output_dir: str = parameter("", "folder for results.json and report.html")
    policy: str = parameter("checkpoint", "who drives, for the record: 'checkpoint' or 'expert'")
    checkpoint: str = parameter("", "checkpoint of the learned policy, for the record")
    delta_checkpoint: str = parameter("", "delta head on top of it, for the record; empty: none")
    lock_step: bool = parameter(True, "how the bridge keeps time, for the record")
    nodes_restart: bool = parameter(
        False, "somebody restarts nodes that die: a run that loses one is a crash, and the next one is tried"
    )
    record_bags: bool = parameter(False, "have the recorder node write a bag of every drive to <output_dir>/bags")
    picture_topic: str = parameter("/carla/ego_vehicle/front/image", "camera whose pictures the report shows")
    picture_interval_s: float = parameter(4.0, "simulated time between two pictures", 0.1, 1000.0)
    video: bool = parameter(True, "film the drives with the planned waypoints, for the report")

    def __post_init__(self) -> None:
        if self.policy not in ("checkpoint", "expert"):
            raise ValueError(f"policy is {self.policy!r}, expected 'checkpoint' or 'expert'")
        if self.record not in RECORDS:
            raise ValueError(f"record is {self.record!r}, expected one of: {', '.join(RECORDS)}")
        if not self.output_dir:
            raise ValueError("output_dir is empty, give a folder for the results")


class EvaluatorNode(Node):
    """Holds the parameters and the connections to the other nodes."""

    def __init__(self) -> None:
        super().__init__("evaluator")
        self.config = config = declare_config(self, EvaluatorConfig)
        self.patience = declare_config(self, PatienceConfig, "patience")
        refuse_unknown_parameters(self)
        self.suite, self.jobs = plan_runs(config.scenarios, config.seeds, config.repeats, config.runs)
        self.output_dir = Path(self.config.output_dir)
        self.pictures = PictureRecorder(self, self.config.picture_topic, self.config.picture_interval_s)
        film = self.config.video
        self._video = VideoRecorder(self, DEFAULT_RIG[0], self.config.picture_topic) if film else None
        self._stack = StackClient(self, self.patience, self.stop_reason, self._start_pictures, _say)
        self._writer: ResultsWriter

    def open_record(self) -> None:
        """Ask the stack what drives and open the record.

        Raises ValueError when the record is of another evaluation, OSError when it cannot be written.
        """
        self._writer = ResultsWriter(
            self.output_dir / RESULTS_FILE, self._run_info(), self.jobs, RECORDS[self.config.record]
        )

    def evaluate(self) -> bool:
        """Drive everything, write results and report; returns whether nothing crashed. Raises OSError."""
        stack, writer = self._stack, self._writer
        breaks_until_end = BREAKS_WITH_RESTARTS if self.config.nodes_restart else 1
        supervised = self.config.record == SUPERVISED
        driving: Stack = RecordedStack(self, stack, self._bag_path) if self.config.record_bags else stack
        clean = Evaluation(driving, writer, _say, breaks_until_end, supervised).run()
        if self._video is not None:
            self._video.stop()
        with contextlib.suppress(StackBrokenError):
            stack.release()
        if writer.open_jobs:
            return False
        report_path = self.output_dir / REPORT_FILE
        write_report(writer.path, report_path)
        print_summary(load_results(writer.path, with_series=False), Console(width=100))
        _say(f"results: {writer.path}")
        _say(f"report:  {report_path}")
        return clean

    def stop_reason(self) -> str | None:
        """Say why to give up (a signal came), as precisely as is known, or None."""
        if not _signals:
            return None
        deadline_s = time.monotonic() + FAILURE_FILE_WAIT_S
        while time.monotonic() < deadline_s:
            failure = read_failure(self.output_dir)
            if failure is not None:
                return failure.text
            time.sleep(0.05)
        return f"stopped by {_signals[0].name}"

    def _start_pictures(self, job: Job) -> None:
        folder = self._writer.picture_dir(job)
        self.pictures.start(folder)
        if self._video is not None:
            self._video.start(folder)

    def _bag_path(self, job: Job) -> Path:
        """Name a drive's bag as its pictures; what an earlier run left there is not touched."""
        wanted = self.output_dir / "bags" / self._writer.picture_dir(job).name
        taken = (wanted.with_name(f"{wanted.name}_again{number}") for number in itertools.count(1))
        return wanted if not wanted.exists() else next(path for path in taken if not path.exists())

    def _run_info(self) -> RunInfo:
        config = self.config
        try:
            server = self._stack.server_version()
        except StackBrokenError:
            # The first scenario will say why; here only the version is unknown.
            server = UNKNOWN
        return run_info(self.suite, config.policy, config.checkpoint, config.lock_step, server, config.delta_checkpoint)


def _say(line: str) -> None:
    print(line, flush=True)


def main() -> int:
    """Evaluate; returns the exit code."""
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda caught, _frame: _signals.append(signal.Signals(caught)))
    rclpy.init(args=sys.argv, signal_handler_options=SignalHandlerOptions.NO)
    try:
        try:
            node = EvaluatorNode()
            node.open_record()
        except ValueError as error:
            return _fail(error, BAD_PARAMETERS_EXIT_CODE)
        return 0 if node.evaluate() else CRASHED_EXIT_CODE
    except OSError as error:
        return _fail(error, CRASHED_EXIT_CODE)
    finally:
        rclpy.try_shutdown()


def _fail(error: Exception, exit_code: int) -> int:
    print(f"evaluator: {error}", file=sys.stderr)
    return exit_code

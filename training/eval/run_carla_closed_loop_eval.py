"""Closed-loop evaluation through the genuine carla client, without ROS.

``python -m training.eval.run_carla_closed_loop_eval --policy expert --smoke --output-dir out/eval`` starts its own
carla_lite and drives the standard suite; ``--checkpoint model.pt --host H --port P`` evaluates a network on any server.

Exit codes: 0 all runs were driven (completed or failed), 1 something crashed, 2 the command line cannot be used.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import logging
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from rich.console import Console

from carla_lite.maps import own_town_xodr
from carla_lite.wire.process import ServerError, ServerProcess
from training.eval.drivers import WaypointBCModelWrapper
from training.eval.evaluator import CARLAClosedLoopEvaluator, ClosedLoopMetrics, ScenarioConfig
from training.eval.progress import ProgressDisplay
from waypilot.drivers import Driver, ExpertDriver
from waypilot.metrics import ScenarioResult
from waypilot.report.jobs import plan_jobs
from waypilot.report.junit import write_junit
from waypilot.report.page import write_report
from waypilot.report.results import CheckpointInfo, ResultsWriter, RunInfo, load_results
from waypilot.report.summary import print_summary
from waypilot.rig import DEFAULT_RIG
from waypilot.scenarios import load_suite, select
from waypilot_carla import SessionConfig, SimulatorError, SimulatorSession
from waypilot_carla.connection import exit_process

__all__ = [
    "CARLAClosedLoopEvaluator",
    "ClosedLoopMetrics",
    "ScenarioConfig",
    "ScenarioResult",
    "WaypointBCModelWrapper",
    "evaluate",
    "main",
]

EXIT_CRASHED = 1
EXIT_USAGE = 2
EXIT_INTERRUPTED = 130


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an evaluation ended. After a lost simulator the process must end through ``exit_process``."""

    exit_code: int
    simulator_lost: bool = False


def parse_arguments(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Read the command line; exits with code 2 when it cannot be used."""
    parser = argparse.ArgumentParser(
        prog="python -m training.eval.run_carla_closed_loop_eval",
        description="Drive scenarios in closed loop through the carla client, without ROS, and judge the driving.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    who = parser.add_mutually_exclusive_group(required=True)
    who.add_argument("--checkpoint", type=Path, metavar="PT", help="the learned policy to evaluate")
    who.add_argument("--policy", choices=["expert"], help="evaluate a built-in policy instead")
    parser.add_argument("--delta-checkpoint", type=Path, metavar="PT", help="delta head that refines --checkpoint")
    parser.add_argument("--output-dir", type=Path, required=True, help="folder of results.json and report.html")
    parser.add_argument("--suite", default="standard", help="name or YAML file of the scenarios")
    parser.add_argument("--scenarios", nargs="+", default=[], metavar="NAME", help="only these of the suite")
    parser.add_argument("--seeds", nargs="+", type=_seed, metavar="N", help="instead of those of the suite")
    parser.add_argument("--repeats", type=int, metavar="N", help="drives per seed, instead of those of the suite")
    parser.add_argument("--host", default="127.0.0.1", help="where the simulator runs")
    parser.add_argument("--port", type=int, default=2000, help="its RPC port")
    parser.add_argument("--smoke", action="store_true", help="start carla_lite for this evaluation; ignores host, port")
    parser.add_argument("--timeout-s", type=float, default=5.0, help="longest wait for one answer of the simulator")
    parser.add_argument("--no-pictures", action="store_true", help="save no camera pictures")
    parser.add_argument("--no-video", action="store_true", help="save no videos of the drives")
    parser.add_argument("--junit", type=Path, metavar="XML", help="write JUnit XML for a CI system, too")
    parser.add_argument("--verbose", action="store_true", help="show tracebacks of crashed runs")
    options = parser.parse_args(arguments)
    if options.delta_checkpoint is not None and options.checkpoint is None:
        parser.error("--delta-checkpoint refines a --checkpoint, give that too")
    return options


def evaluate(options: argparse.Namespace, console: Console) -> Outcome:
    """Run the evaluation that the command line describes."""
    try:
        jobs = plan_jobs(select(load_suite(options.suite), options.scenarios), options.seeds, options.repeats)
        driver = make_driver(options.checkpoint, options.delta_checkpoint)
        config = SessionConfig(
            host=options.host,
            port=options.port,
            timeout_s=options.timeout_s,
            cameras=driver.cameras or DEFAULT_RIG,
        )
    except (ValueError, OSError) as error:
        console.print(f"error: {error}", markup=False, highlight=False)
        return Outcome(EXIT_USAGE)
    try:
        with ExitStack() as stack:
            if options.smoke:
                server = stack.enter_context(ServerProcess(map=jobs[0].scenario.map))
                config = replace(config, host=server.host, port=server.port)
            session = stack.enter_context(SimulatorSession(config, own_town_xodr))
            return _drive(options, console, session, driver, jobs)
    except (SimulatorError, ServerError, OSError) as error:
        console.print(f"error: {error}", markup=False, highlight=False)
        return Outcome(EXIT_CRASHED)


def make_driver(checkpoint: Path | None, delta_checkpoint: Path | None) -> Driver:
    """Make the expert, or load a checkpoint; raises CheckpointError (a ValueError) when it cannot be used."""
    return ExpertDriver() if checkpoint is None else WaypointBCModelWrapper(checkpoint, delta_checkpoint)


def _drive(
    options: argparse.Namespace,
    console: Console,
    session: SimulatorSession,
    driver: Driver,
    jobs: Sequence[ScenarioConfig],
) -> Outcome:
    writer = ResultsWriter(options.output_dir / "results.json", _run_info(options, session, driver), jobs)
    evaluator = CARLAClosedLoopEvaluator(
        session, driver, writer, pictures=not options.no_pictures, video=not options.no_video
    )
    interrupted = False
    try:
        with ProgressDisplay(len(jobs), console) as display:
            evaluator.run(jobs, display)
    except KeyboardInterrupt:
        interrupted = True
        console.print("interrupted: the scenario under way counts as crashed, those before it are kept")
    results = writer.results
    session.close()
    page = writer.path.with_name("report.html")
    write_report(writer.path, page)
    loaded = load_results(writer.path)
    if options.junit is not None:
        write_junit(loaded, options.junit)
    print_summary(loaded, console)
    console.print(f"results: {writer.path}\nreport:  {page}", markup=False, highlight=False)
    crashed = any(result.crashed for result in results) or len(results) < len(jobs)
    return Outcome(EXIT_INTERRUPTED if interrupted else EXIT_CRASHED if crashed else 0, session.lost)


def _run_info(options: argparse.Namespace, session: SimulatorSession, driver: Driver) -> RunInfo:
    return RunInfo(
        suite=Path(options.suite).stem,
        loop="in_process",
        policy=driver.name,
        versions={
            "waypilot": importlib.metadata.version("waypilot"),
            "carla_client": session.client_version,
            "carla_server": session.server_version,
        },
        checkpoint=None if options.checkpoint is None else CheckpointInfo.of_file(options.checkpoint),
    )


def _seed(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a seed, give whole numbers of at least 0")
    return int(text)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    return _main(arguments).exit_code


def _main(arguments: Sequence[str] | None = None) -> Outcome:
    options = parse_arguments(arguments)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    if options.verbose:  # ours only: numba alone would write thousands of lines
        logging.getLogger("training").setLevel(logging.DEBUG)
    return evaluate(options, Console())


if __name__ == "__main__":
    outcome = _main()
    if outcome.simulator_lost:
        exit_process(outcome.exit_code)
    sys.exit(outcome.exit_code)

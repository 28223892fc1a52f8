"""Closed-loop evaluation through the genuine carla client, without ROS.

``python -m training.eval.run_carla_closed_loop_eval --policy expert --smoke --output-dir out/eval`` starts its own
carla_lite and drives the standard suite; ``--checkpoint model.pt --host H --port P`` evaluates a network on any server.
Running many, resuming, retrying: docs/evaluation.md.

Exit codes: 0 all runs were driven (completed or failed), 1 something crashed or could not be written, 2 the command
line cannot be used, 130 interrupted.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from rich.console import Console

from training.eval.drivers import WaypointBCModelWrapper
from training.eval.evaluator import CARLAClosedLoopEvaluator, ClosedLoopMetrics, ScenarioConfig
from training.eval.ray_runner import drive_on_ray
from training.eval.run_book import RunBook
from training.eval.worker_pool import PoolConfig, WorkerPool
from training.eval.workplace import Identity, UnavailableError, UnusableError, WorkplaceConfig
from waypilot.config import config_to_dict
from waypilot.control.follower import FollowerConfig
from waypilot.metrics import ScenarioResult
from waypilot.report.jobs import Job, plan_jobs
from waypilot.report.junit import write_junit
from waypilot.report.page import write_report
from waypilot.report.progress import ProgressDisplay
from waypilot.report.results import CheckpointInfo, ResultsError, ResultsWriter, RunInfo, load_results
from waypilot.report.summary import print_summary
from waypilot.report.writer import Earlier
from waypilot.scenarios import load_suite, select
from waypilot_carla import SessionConfig

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
class Plan:
    """What the command line asks for, checked: every run, a workplace per worker, what it is about."""

    jobs: tuple[Job, ...]
    workplaces: tuple[WorkplaceConfig, ...]
    pool: PoolConfig
    checkpoint: CheckpointInfo | None
    delta_checkpoint: CheckpointInfo | None


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
    parser.add_argument(
        "--scenarios",
        nargs="+",
        default=[],
        metavar="NAME",
        help="only these of the suite; listed by python -m waypilot.scenarios",
    )
    parser.add_argument("--seeds", nargs="+", type=_seed, metavar="N", help="instead of those of the suite")
    parser.add_argument("--repeats", type=int, metavar="N", help="drives per seed, instead of those of the suite")
    parser.add_argument("--host", default="127.0.0.1", help="where the simulator runs")
    parser.add_argument("--port", type=int, nargs="+", default=[2000], help="its RPC port; one per worker")
    parser.add_argument("--smoke", action="store_true", help="start carla_lite for this evaluation; ignores host, port")
    parser.add_argument("--timeout-s", type=float, default=5.0, help="longest wait for one answer of the simulator")
    _add_scale_arguments(parser)
    parser.add_argument("--no-pictures", action="store_true", help="save no camera pictures")
    parser.add_argument("--no-video", action="store_true", help="save no videos of the drives")
    parser.add_argument("--junit", type=Path, metavar="XML", help="write JUnit XML for a CI system, too")
    parser.add_argument("--verbose", action="store_true", help="show tracebacks of crashed runs")
    options = parser.parse_args(arguments)
    if options.delta_checkpoint is not None and options.checkpoint is None:
        parser.error("--delta-checkpoint refines a --checkpoint, give that too")
    return options


def _add_scale_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--workers", type=int, metavar="N", help="simulators side by side (default: one per port)")
    parser.add_argument(
        "--ray", metavar="ADDRESS", help="drive as tasks of a Ray cluster (local: start one); needs --smoke"
    )
    parser.add_argument("--run-timeout-s", type=float, default=1800.0, help="with --ray: longest wall time of one run")
    parser.add_argument("--resume", action="store_true", help="drive what an earlier evaluation in the folder did not")
    parser.add_argument("--retries", type=int, default=1, metavar="N", help="of a run that lost its simulator")
    parser.add_argument(
        "--silence-s", type=float, default=180.0, help="a worker without a sign of life for so long is ended"
    )


def evaluate(options: argparse.Namespace, console: Console) -> int:
    """Run the evaluation that the command line describes; returns the exit code."""
    try:
        return _drive(options, make_plan(options), console)
    except UnusableError as error:
        return _fail(console, error, EXIT_USAGE)
    except (UnavailableError, OSError) as error:
        return _fail(console, error, EXIT_CRASHED)


def make_plan(options: argparse.Namespace) -> Plan:
    """Check what the command line asks for. Raises UnusableError, which says what is wrong."""
    try:
        return _plan(options)
    except ValueError as error:
        raise UnusableError(str(error)) from error


def _plan(options: argparse.Namespace) -> Plan:
    if options.retries < 0:
        raise ValueError(f"--retries is {options.retries}, give 0 or more")
    if options.ray is not None and (not options.smoke or options.workers is not None):
        raise ValueError("--ray goes with --smoke and without --workers: every task starts its own carla_lite")
    jobs = plan_jobs(select(load_suite(options.suite), options.scenarios), options.seeds, options.repeats)
    workers = _workers(options)
    sessions = [
        SessionConfig(host=options.host, port=port, timeout_s=options.timeout_s)
        for port in (options.port * workers if options.smoke else options.port)[:workers]
    ]
    workplaces = tuple(
        WorkplaceConfig(
            session,
            own_server=options.smoke,
            town=jobs[0].scenario.map,
            checkpoint=options.checkpoint,
            delta_checkpoint=options.delta_checkpoint,
            output_dir=options.output_dir.absolute(),
            pictures=not options.no_pictures,
            video=not options.no_video,
        )
        for session in sessions
    )
    pool = PoolConfig(
        silence_timeout_s=options.silence_s, start_attempts=max(options.retries, 1), verbose=options.verbose
    )
    return Plan(jobs, workplaces, pool, _info_of(options.checkpoint), _info_of(options.delta_checkpoint))


def _workers(options: argparse.Namespace) -> int:
    workers = (1 if options.smoke else len(options.port)) if options.workers is None else options.workers
    if workers < 1:
        raise ValueError(f"--workers is {workers}, give 1 or more")
    if not options.smoke and workers != len(options.port):
        raise ValueError(
            f"--workers is {workers}, but {len(options.port)} ports are given: every worker needs a simulator of its "
            "own, give a --port for each, or --smoke, which starts them"
        )
    return int(workers)


def _info_of(checkpoint: Path | None) -> CheckpointInfo | None:
    try:
        return None if checkpoint is None else CheckpointInfo.of_file(checkpoint)
    except OSError as error:
        raise ValueError(f"the checkpoint {error.filename} cannot be read: {error.strerror}") from error


def _drive(options: argparse.Namespace, plan: Plan, console: Console) -> int:
    begun_s = time.perf_counter()
    writers: list[ResultsWriter] = []
    interrupted = False
    with ProgressDisplay(console) as display:

        def open_book(identity: Identity) -> RunBook:
            info = _run_info(options, plan, identity)
            earlier = Earlier.RESUME if options.resume else Earlier.REPLACE
            try:
                writers.append(ResultsWriter(options.output_dir / "results.json", info, plan.jobs, earlier))
            except ResultsError as error:
                raise UnusableError(str(error)) from error
            return RunBook(writers[0], display, options.retries)

        try:
            if options.ray is not None:
                drive_on_ray(options.ray, plan.workplaces[0], open_book, options.run_timeout_s)
            else:
                WorkerPool(plan.workplaces, open_book, plan.pool, replace_lost=options.retries > 0).run()
        except KeyboardInterrupt:
            interrupted = True
            console.print("interrupted: the runs under way count as crashed, those before are kept; --resume goes on")
    if not writers:
        return EXIT_INTERRUPTED
    writer = writers[0]
    writer.finish({"duration_s": round(time.perf_counter() - begun_s, 3), "workers": len(plan.workplaces)})
    _show(writer.path, options.junit, console)
    crashed = bool(writer.open_jobs) or any(result.crashed for result in writer.results)
    return EXIT_INTERRUPTED if interrupted else EXIT_CRASHED if crashed else 0


def _show(path: Path, junit: Path | None, console: Console) -> None:
    page = path.with_name("report.html")
    write_report(path, page)
    results = load_results(path, with_series=False)
    if junit is not None:
        write_junit(results, junit)
    print_summary(results, console)
    console.print(f"results: {path}\nreport:  {page}", markup=False, highlight=False, soft_wrap=True)


def _run_info(options: argparse.Namespace, plan: Plan, identity: Identity) -> RunInfo:
    delta = plan.delta_checkpoint
    return RunInfo(
        suite=Path(options.suite).stem,
        loop="in_process",
        policy=identity.policy,
        versions={"waypilot": importlib.metadata.version("waypilot"), **identity.versions},
        checkpoint=plan.checkpoint,
        config={
            "fixed_delta_s": plan.workplaces[0].session.fixed_delta_s,
            "follower": config_to_dict(FollowerConfig()),
            "delta_checkpoint": None if delta is None else asdict(delta),
        },
    )


def _fail(console: Console, error: Exception, code: int) -> int:
    console.print(f"error: {error}", markup=False, highlight=False, soft_wrap=True)
    return code


def _seed(text: str) -> int:
    if not text.isdecimal():
        raise argparse.ArgumentTypeError(f"{text!r} is not a seed, give whole numbers of at least 0")
    return int(text)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code."""
    return evaluate(parse_arguments(arguments), Console())


if __name__ == "__main__":
    sys.exit(main())

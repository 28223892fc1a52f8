"""Record drives of the expert (or of a learned policy that the expert labels) through a CARLA server.

    python -m training.data.collect_carla --out out/episodes/expert --town Lite02 Lite03 --episodes 40 --seed 1 --jobs 2

Starts its own carla_lite unless --host or --port is given. Drives that are already there are skipped, so an
interrupted run is continued by the same command.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

from carla_lite.maps import own_town_xodr
from carla_lite.wire.process import ServerError, ServerProcess
from training.data.collect_jobs import collect_in_jobs
from training.data.collecting import CollectConfig, collect
from training.data.drive_plan import DrivePlanConfig
from training.data.recorder import RecorderConfig
from training.models.checkpoint import CheckpointError
from waypilot.expert import ExpertConfig
from waypilot.scenarios import EVALUATION_TOWNS
from waypilot_carla import SessionConfig, SimulatorError, SimulatorSession
from waypilot_carla.connection import exit_process


@dataclass(frozen=True, slots=True)
class Order:
    """What the command line asks for: one configuration per town, the server (None: an own one), and processes."""

    towns: tuple[CollectConfig, ...]
    server: SessionConfig | None
    jobs: int


def parse_arguments(argv: Sequence[str] | None) -> Order:
    """Read the command line; exits with code 2 when it cannot be used."""
    parser = _parser()
    options = parser.parse_args(argv)
    reserved = sorted(EVALUATION_TOWNS.intersection(options.town))
    if reserved and not options.allow_evaluation_towns:
        parser.error(
            f"{', '.join(reserved)}: policies are evaluated there, so nothing may be trained on it; "
            "record in Lite02, Lite03, generate:SEED, signals:SEED or country:SEED, or add --allow-evaluation-towns"
        )
    if options.jobs < 1:
        parser.error(f"--jobs is {options.jobs}, expected 1 or more")
    own_server = options.host is None and options.port is None
    if options.jobs > 1 and not own_server:
        parser.error("--jobs starts a carla_lite per process; a server that runs already serves one process")
    if options.jobs > 1 and options.share != (0, 1):
        parser.error("--jobs shares the drives among processes of its own; give it or --share")
    try:
        recorder = RecorderConfig(
            every=options.every,
            max_drive_s=options.max_drive_s,
            expert_share=options.expert_share,
            expert=ExpertConfig(line_gap_m=options.line_gap_m),
        )
        drives = DrivePlanConfig(vehicles=options.traffic, encounters=options.encounters, late_green=options.late_green)
        first = CollectConfig(
            *(options.out, options.town[0], options.episodes, options.seed, options.driver, options.share),
            drives,
            recorder,
        )
        server = SessionConfig(host=options.host or "127.0.0.1", port=2000 if options.port is None else options.port)
    except ValueError as error:
        parser.error(str(error))
    towns = tuple(replace(first, town=town) for town in dict.fromkeys(options.town))
    return Order(towns, None if own_server else server, options.jobs)


def main(argv: Sequence[str] | None = None) -> int:
    """Collect; returns 0, or 1 with a message when something stood in the way."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    arguments = list(sys.argv[1:] if argv is None else argv)
    order = parse_arguments(arguments)
    if order.jobs == 1:
        return max(_collect_alone(config, order.server) for config in order.towns)
    # Of a repeated option the last one counts.
    done = [
        collect_in_jobs(config, [*arguments, "--town", config.town, "--jobs", "1"], order.jobs)
        for config in order.towns
    ]
    return 0 if all(done) else 1


def _collect_alone(config: CollectConfig, server: SessionConfig | None) -> int:
    """Collect in one town by this process; returns the exit code."""
    lost = False
    try:
        with ExitStack() as stack:
            if server is None:
                own = stack.enter_context(ServerProcess(map=config.town))
                server = SessionConfig(host=own.host, port=own.port)
            session = stack.enter_context(SimulatorSession(server, own_town_xodr))
            try:
                collect(config, session, session.spawn_poses(config.town))
            finally:
                lost = session.lost
    except (SimulatorError, ServerError, CheckpointError, ValueError, OSError) as error:
        logging.error("%s", error)
        if lost:
            exit_process(1)
        return 1
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m training.data.collect_carla",
        description="Record labelled drives as episodes.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    recorder = RecorderConfig()
    parser.add_argument("--out", type=Path, required=True, help="folder that gets one folder per drive")
    parser.add_argument(
        *("--town", "--towns"),
        nargs="+",
        required=True,
        help="Lite02, Lite03, generate:SEED, signals:SEED, country:SEED, or maps of the server",
    )
    parser.add_argument("--episodes", type=int, default=20, help="drives to have in the end, in each town")
    parser.add_argument("--seed", type=int, default=0, help="everything random follows from it")
    parser.add_argument("--jobs", type=int, default=1, help="processes, each with a carla_lite of its own")
    parser.add_argument("--share", type=_k_of_n, default="0/1", metavar="K/N", help="only the drives K, K+N, K+2N, ...")
    parser.add_argument("--driver", default="expert", help="expert, or checkpoint:PATH (DAgger)")
    parser.add_argument("--expert-share", type=float, default=recorder.expert_share, help="beta of DAgger")
    parser.add_argument("--traffic", type=int, default=0, help="vehicles that drive around (Traffic Manager)")
    parser.add_argument(
        "--encounters", type=float, default=0.0, help="share of drives that meet somebody to brake for, or nearly"
    )
    parser.add_argument(
        "--late-green",
        type=float,
        default=0.0,
        help="share of the other drives whose lights are red until it has waited",
    )
    parser.add_argument("--every", type=int, default=recorder.every, help="record every n-th frame (20 Hz)")
    parser.add_argument("--max-drive-s", type=float, default=recorder.max_drive_s, help="longest drive")
    parser.add_argument(
        "--line-gap-m",
        type=float,
        default=recorder.expert.line_gap_m,
        help="how far before a stop line the expert waits; at about 3 its camera still sees a lamp beside the line",
    )
    parser.add_argument("--host", help="where a server runs already (default: start a carla_lite)")
    parser.add_argument("--port", type=int, help="its RPC port (default: 2000 when --host is given)")
    parser.add_argument(
        "--allow-evaluation-towns", action="store_true", help="record where policies are evaluated, too"
    )
    return parser


def _k_of_n(text: str) -> tuple[int, int]:
    """Read K/N; argparse makes a message of a ValueError."""
    number, _, count = text.partition("/")
    return int(number), int(count)


if __name__ == "__main__":
    sys.exit(main())

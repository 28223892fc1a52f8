"""Record drives of the expert (or of a learned policy that the expert labels) through a CARLA server.

    python -m training.data.collect_carla --out out/episodes/lite02 --town Lite02 --episodes 40 --seed 1

Starts its own carla_lite unless --host or --port is given. Drives that are already there are skipped, so an
interrupted run is continued by the same command. Several processes may collect with different seeds.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from carla_lite.maps import own_town_xodr
from carla_lite.wire.process import ServerError, ServerProcess
from training.data.drive_plan import DrivePlanConfig, plan_drive
from training.data.recorder import DriveSession, RecordedDrive, RecorderConfig, record_drive
from training.models.checkpoint import CheckpointError
from training.rl.waypoint_policy_torch import WaypointPolicyConfig, WaypointPolicyTorch
from waypilot.geometry import SE2
from waypilot.policy import Policy
from waypilot.rig import DEFAULT_RIG
from waypilot_carla import SessionConfig, SimulatorError, SimulatorSession
from waypilot_carla.connection import exit_process
from waypilot_carla.route_planner import RouteNotFoundError

_MAX_ATTEMPTS = 20
_CHECKPOINT = "checkpoint:"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CollectConfig:
    """What to collect. ``driver`` is ``expert`` or ``checkpoint:PATH`` (DAgger: it drives, the expert labels)."""

    out: Path
    town: str
    episodes: int
    seed: int
    driver: str = "expert"
    drives: DrivePlanConfig = field(default_factory=DrivePlanConfig)
    recorder: RecorderConfig = field(default_factory=RecorderConfig)

    def __post_init__(self) -> None:
        if self.episodes < 1:
            raise ValueError(f"episodes is {self.episodes}, expected 1 or more")
        if self.seed < 0:
            raise ValueError(f"seed is {self.seed}, expected 0 or more")
        if self.driver != "expert" and not self.driver.startswith(_CHECKPOINT):
            raise ValueError(f"driver is {self.driver!r}, expected 'expert' or '{_CHECKPOINT}PATH'")

    def folder(self, index: int) -> Path:
        """Where drive number ``index`` goes."""
        return self.out / f"{self.town.replace(':', '_')}_{self.seed}_{index:05d}"


def collect(config: CollectConfig, session: DriveSession, spawn_poses: Sequence[SE2]) -> list[RecordedDrive]:
    """Record the drives that are not there yet, with a progress bar; return what was recorded.

    Raises SimulatorError when the simulator is lost, and ValueError when the town is too small for the drives asked.
    """
    learner = make_learner(config.driver)
    missing = [index for index in range(config.episodes) if not config.folder(index).exists()]
    drives = []
    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task(config.town, total=config.episodes, completed=config.episodes - len(missing))
        for index in missing:
            drive = _record(config, session, spawn_poses, index, learner)
            drives.append(drive)
            progress.advance(task)
            _log.info(
                "%s: %d frames, ended by %s, up to %.2f m off the route",
                drive.path.parent.name,
                drive.frames,
                drive.ended_by,
                drive.worst_lateral_m,
            )
    return drives


def make_learner(driver: str) -> Policy | None:
    """Load the policy that drives; None for the expert. Raises CheckpointError, also for other cameras than ours."""
    if driver == "expert":
        return None
    path = driver.removeprefix(_CHECKPOINT)
    learner = WaypointPolicyTorch(WaypointPolicyConfig(checkpoint=path))
    wanted, mounted = ([(c.name, c.width_px, c.height_px) for c in rig] for rig in (learner.cameras, DEFAULT_RIG))
    if wanted != mounted:
        raise CheckpointError(f"{path}: was trained with the cameras {wanted}, drives are recorded with {mounted}")
    return learner


def _record(
    config: CollectConfig, session: DriveSession, spawn_poses: Sequence[SE2], index: int, learner: Policy | None
) -> RecordedDrive:
    for attempt in range(_MAX_ATTEMPTS):
        plan = plan_drive(config.town, spawn_poses, config.seed, index, attempt, config.drives)
        try:
            return record_drive(session, plan, config.folder(index), DEFAULT_RIG, config.recorder, learner)
        except RouteNotFoundError as error:
            _log.info("drive %d, attempt %d: %s", index, attempt, error)
    raise ValueError(
        f"no route in {_MAX_ATTEMPTS} attempts for drive {index} of {config.town}; is its road network whole?"
    )


def parse_arguments(argv: Sequence[str] | None) -> tuple[CollectConfig, SessionConfig, bool]:
    """Read the command line: what to collect, where, and whether to start a carla_lite for it."""
    parser = argparse.ArgumentParser(
        prog="python -m training.data.collect_carla",
        description="Record labelled drives as episodes.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    parser.add_argument("--out", type=Path, required=True, help="folder that gets one folder per drive")
    parser.add_argument("--town", required=True, help="Lite02, Lite03, generate:SEED, or a map of the server")
    parser.add_argument("--episodes", type=int, default=20, help="drives to have in the end")
    parser.add_argument("--seed", type=int, default=0, help="everything random follows from it")
    parser.add_argument("--driver", default="expert", help="expert, or checkpoint:PATH (DAgger)")
    parser.add_argument("--expert-share", type=float, default=RecorderConfig().expert_share, help="beta of DAgger")
    parser.add_argument("--every", type=int, default=RecorderConfig().every, help="record every n-th frame (20 Hz)")
    parser.add_argument("--max-drive-s", type=float, default=RecorderConfig().max_drive_s, help="longest drive")
    parser.add_argument("--host", help="where a server runs already (default: start a carla_lite)")
    parser.add_argument("--port", type=int, help="its RPC port (default: 2000 when --host is given)")
    options = parser.parse_args(argv)
    try:
        recorder = RecorderConfig(
            every=options.every, max_drive_s=options.max_drive_s, expert_share=options.expert_share
        )
        config = CollectConfig(
            options.out, options.town, options.episodes, options.seed, options.driver, recorder=recorder
        )
        session = SessionConfig(host=options.host or "127.0.0.1", port=2000 if options.port is None else options.port)
    except ValueError as error:
        parser.error(str(error))
    return config, session, options.host is None and options.port is None


def main(argv: Sequence[str] | None = None) -> int:
    """Collect; returns 0, or 1 with a message when something stood in the way."""
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    config, session_config, own_server = parse_arguments(argv)
    lost = False
    try:
        with ExitStack() as stack:
            if own_server:
                server = stack.enter_context(ServerProcess(map=config.town))
                session_config = replace(session_config, host=server.host, port=server.port)
            session = stack.enter_context(SimulatorSession(session_config, own_town_xodr))
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


if __name__ == "__main__":
    sys.exit(main())

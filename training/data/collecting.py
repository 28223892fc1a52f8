"""Recording the drives of one town that are not there yet."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from training.data.drive_plan import DrivePlanConfig, plan_drive
from training.data.recorder import DriveSession, RecordedDrive, RecorderConfig, record_drive
from training.models.checkpoint import CheckpointError
from training.rl.waypoint_policy_torch import WaypointPolicyConfig, WaypointPolicyTorch
from waypilot.geometry import SE2
from waypilot.policy import Policy
from waypilot.rig import DEFAULT_RIG
from waypilot_carla import SetupError

_MAX_ATTEMPTS = 20
_CHECKPOINT = "checkpoint:"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class CollectConfig:
    """What to collect. ``driver`` is ``expert`` or ``checkpoint:PATH`` (DAgger: it drives, the expert labels).

    ``share`` (k, n) takes the drives k, k + n, k + 2n, ...: n processes with k = 0 to n - 1 make all of them.
    """

    out: Path
    town: str
    episodes: int
    seed: int
    driver: str = "expert"
    share: tuple[int, int] = (0, 1)
    drives: DrivePlanConfig = field(default_factory=DrivePlanConfig)
    recorder: RecorderConfig = field(default_factory=RecorderConfig)

    def __post_init__(self) -> None:
        if self.episodes < 1:
            raise ValueError(f"episodes is {self.episodes}, expected 1 or more")
        if self.seed < 0:
            raise ValueError(f"seed is {self.seed}, expected 0 or more")
        if self.driver != "expert" and not self.driver.startswith(_CHECKPOINT):
            raise ValueError(f"driver is {self.driver!r}, expected 'expert' or '{_CHECKPOINT}PATH'")
        if not 0 <= self.share[0] < self.share[1]:
            raise ValueError(f"share is {self.share[0]}/{self.share[1]}, expected k/n with 0 <= k < n")

    def folder(self, index: int) -> Path:
        """Where drive number ``index`` goes."""
        return self.out / f"{self.town.replace(':', '_')}_{self.seed}_{index:05d}"

    def missing(self) -> list[int]:
        """Numbers of the drives of this share that are not there yet."""
        return [
            index for index in range(self.share[0], self.episodes, self.share[1]) if not self.folder(index).exists()
        ]


def collect(config: CollectConfig, session: DriveSession, spawn_poses: Sequence[SE2]) -> list[RecordedDrive]:
    """Record the drives that are not there yet, with a progress bar; return what was recorded.

    Raises SimulatorError when the simulator is lost, and ValueError when the town is too small for the drives asked.
    """
    learner = make_learner(config.driver)
    missing = config.missing()
    total = len(range(config.share[0], config.episodes, config.share[1]))
    drives = []
    with Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task(config.town, total=total, completed=total - len(missing))
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
    refused = ""
    for attempt in range(_MAX_ATTEMPTS):
        plan = plan_drive(config.town, spawn_poses, config.seed, index, attempt, config.drives)
        try:
            return record_drive(session, plan, config.folder(index), DEFAULT_RIG, config.recorder, learner)
        except SetupError as error:
            refused = str(error)
            _log.info("drive %d, attempt %d: %s", index, attempt, error)
    raise ValueError(
        f"drive {index} of {config.town} cannot be set up, {_MAX_ATTEMPTS} attempts; the last one: {refused}"
    )

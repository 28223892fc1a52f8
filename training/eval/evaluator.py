"""Drives planned runs on one simulator with one driver and judges them."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path

from training.eval.loop import ClosedLoop, DriveRecord
from training.eval.pictures import PictureBook
from waypilot.control.follower import FollowerConfig
from waypilot.drivers import Driver
from waypilot.metrics import Metric, ScenarioResult, evaluate
from waypilot.metrics.completeness import missed_controls_note
from waypilot.observation import ObservationConfig
from waypilot.report.jobs import Job
from waypilot.report.video import DriveVideo
from waypilot.report.writer import picture_dir
from waypilot.rig import DEFAULT_RIG
from waypilot.types import NANOSECONDS_PER_SECOND
from waypilot_carla import SimulatorSession

_LOG = logging.getLogger(__name__)

ScenarioConfig = Job
"""One planned run: a scenario, a seed and which repeat."""


@dataclass(frozen=True, slots=True)
class ClosedLoopMetrics:
    """The figures that one looks at first; all others are in ``ScenarioResult.metrics``."""

    route_completion: Metric
    collisions: Metric
    lateral_deviation_mean: Metric
    duration: Metric

    @staticmethod
    def of(result: ScenarioResult) -> ClosedLoopMetrics:
        """Pick them from a result."""
        return ClosedLoopMetrics(*(result.metric(name) for name in ClosedLoopMetrics.__slots__))


class CARLAClosedLoopEvaluator:
    """Drives planned runs on one session. Pictures and videos go below ``output_dir``; None saves none."""

    def __init__(
        self,
        session: SimulatorSession,
        driver: Driver,
        output_dir: Path | None = None,
        follower: FollowerConfig | None = None,
        pictures: bool = True,
        video: bool = True,
    ) -> None:
        self._session = session
        self._driver = driver
        self._output_dir = output_dir
        self._follower = follower or FollowerConfig()
        self._pictures = pictures
        self._films = video

    def evaluate(self, job: ScenarioConfig, on_frame: Callable[[float], None] = lambda _share: None) -> ScenarioResult:
        """Drive one run to its end and judge it; ``on_frame`` hears the driven share of the route after every frame.

        Raises SimulatorError when the simulator fails, and whatever the policy raises.
        """
        begun_s = time.perf_counter()
        prepared = self._session.prepare(job.scenario, job.seed)
        prepared_s = time.perf_counter() - begun_s
        policy = self._driver.policy_for(job.scenario)
        policy.reset(prepared.route, job.seed)
        observation = ObservationConfig(self._driver.cameras, privileged=self._driver.privileged)
        loop = ClosedLoop(
            self._session,
            job.scenario,
            prepared.route,
            prepared.scene,
            policy,
            observation,
            self._follower,
            job.seed,
        )
        folder = None if self._output_dir is None else picture_dir(self._output_dir, job)
        pictures = PictureBook(folder) if folder is not None and self._pictures else None
        with self._video(folder) as video:  # completed also when the drive breaks: then it is looked at most
            record = loop.run(pictures, on_frame, video)
        for what, count in (record.safe_stops + record.camera_faults).items():
            _LOG.warning("%s: %s (%d frames)", job.key, what, count)
        result = evaluate(record.log, prepared.route, job.scenario, record.termination, job.seed)
        if record.missed_controls:
            note = missed_controls_note(record.missed_controls, record.frames)
            result = replace(result, notes=(*result.notes, note))
        return replace(result, repeat=job.repeat, wall_clock=wall_clock(loop, record, prepared_s))

    def _video(self, folder: Path | None) -> AbstractContextManager[DriveVideo | None]:
        if folder is None or not self._films:
            return nullcontext()
        return closing(DriveVideo(folder, (self._driver.cameras or DEFAULT_RIG)[0]))


def wall_clock(loop: ClosedLoop, record: DriveRecord, prepared_s: float) -> Mapping[str, object]:
    """Figures about the speed of the loop; they differ from run to run."""
    egos = record.log.egos(record.termination.stamp_ns)
    simulated_s = (egos[-1].stamp_ns - egos[0].stamp_ns) / NANOSECONDS_PER_SECOND
    drove_s = loop.stopwatch.total_s
    return {
        "prepare_s": round(prepared_s, 3),
        "drive_s": round(drove_s, 3),
        "frames": record.frames,
        "fps": round(record.frames / drove_s, 1),
        "real_time_factor": round(simulated_s / drove_s, 2),
        "per_frame_ms": {name: round(ms, 3) for name, ms in loop.stopwatch.per_frame_ms(record.frames).items()},
    }

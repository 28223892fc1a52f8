"""Drives scenarios one after the other and records how each went, whatever happens to the simulator."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from training.eval.loop import ClosedLoop, DriveRecord
from training.eval.pictures import PictureBook
from waypilot.control.follower import FollowerConfig
from waypilot.drivers import Driver
from waypilot.metrics import Metric, ScenarioResult, evaluate
from waypilot.metrics.completeness import missed_controls_note
from waypilot.report.results import Job, ResultsWriter
from waypilot.report.video import DriveVideo
from waypilot.rig import DEFAULT_RIG
from waypilot.types import NANOSECONDS_PER_SECOND
from waypilot_carla import SimulatorSession

_LOG = logging.getLogger(__name__)

ScenarioConfig = Job
"""One planned run: a scenario and a seed."""


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


class EvaluationListener(Protocol):
    """Hears how an evaluation goes on; for progress displays."""

    def run_started(self, job: ScenarioConfig) -> None:
        """Say that a run begins."""
        ...

    def route_driven(self, share: float) -> None:
        """Say how much of the route is driven, 0 to 1."""
        ...

    def run_ended(self, result: ScenarioResult) -> None:
        """Say that a run has ended."""
        ...


class CARLAClosedLoopEvaluator:
    """Drives planned runs on one session and writes every outcome to the results file at once."""

    def __init__(
        self,
        session: SimulatorSession,
        driver: Driver,
        writer: ResultsWriter,
        follower: FollowerConfig | None = None,
        pictures: bool = True,
        video: bool = True,
    ) -> None:
        self._session = session
        self._driver = driver
        self._writer = writer
        self._follower = follower or FollowerConfig()
        self._pictures = pictures
        self._films = video

    def run(self, jobs: Sequence[ScenarioConfig], listener: EvaluationListener) -> tuple[ScenarioResult, ...]:
        """Drive all runs. One that breaks is recorded as crashed; when the simulator is lost, so are those after it."""
        for number, job in enumerate(jobs, start=1):
            self._writer.start(job)
            listener.run_started(job)
            try:
                self._writer.append(self._run_one(job, listener))
            except Exception as error:
                _LOG.debug("%s broke", job.key, exc_info=True)
                self._writer.crash(job, f"{type(error).__name__}: {error}")
            listener.run_ended(self._writer.results[-1])
            if self._session.lost:
                self._crash_undriven(jobs[number:], self._writer.results[-1], listener)
                break
        return self._writer.results

    def _crash_undriven(
        self, jobs: Sequence[ScenarioConfig], cause: ScenarioResult, listener: EvaluationListener
    ) -> None:
        for job in jobs:
            self._writer.crash(job, f"not driven: {cause.scenario} {cause.status}")
            listener.run_ended(self._writer.results[-1])

    def _run_one(self, job: ScenarioConfig, listener: EvaluationListener) -> ScenarioResult:
        begun_s = time.perf_counter()
        prepared = self._session.prepare(job.scenario, job.seed)
        prepared_s = time.perf_counter() - begun_s
        policy = self._driver.policy_for(job.scenario)
        policy.reset(prepared.route, job.seed)
        loop = ClosedLoop(
            self._session,
            job.scenario,
            prepared.route,
            prepared.scene,
            policy,
            self._driver.cameras,
            self._follower,
            job.seed,
        )
        folder = self._writer.picture_dir(job)
        pictures = PictureBook(folder) if self._pictures else None
        with self._video(folder) as video:  # completed also when the drive breaks: then it is looked at most
            record = loop.run(pictures, listener.route_driven, video)
        for what, count in (record.safe_stops + record.camera_faults).items():
            _LOG.warning("%s: %s (%d frames)", job.key, what, count)
        result = evaluate(record.log, prepared.route, job.scenario, record.termination, job.seed)
        if record.missed_controls:
            note = missed_controls_note(record.missed_controls, record.frames)
            result = replace(result, notes=(*result.notes, note))
        return replace(result, repeat=job.repeat, wall_clock=wall_clock(loop, record, prepared_s))

    def _video(self, folder: Path) -> AbstractContextManager[DriveVideo | None]:
        camera = (self._driver.cameras or DEFAULT_RIG)[0]
        return closing(DriveVideo(folder, camera)) if self._films else nullcontext()


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

"""Recording one drive: the expert labels every frame, the expert or a learned policy drives, noise disturbs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from training.data.drive_plan import DrivePlan
from training.data.perturbation import SteeringNoise, SteeringNoiseConfig
from waypilot.config import config_to_dict
from waypilot.control.follower import TimedPlan, WaypointFollower
from waypilot.episodes import Episode, EpisodeFrame, EpisodeWriter, RouteAhead, WaypointSource
from waypilot.expert import ExpertConfig, ExpertPolicy
from waypilot.expert.route_watch import RouteWatch
from waypilot.observation import ObservationBuilder, ObservationConfig
from waypilot.policy import Policy
from waypilot.rig import CameraSpec
from waypilot.route import RouteProjection
from waypilot.scenarios import Scenario
from waypilot.types import NANOSECONDS_PER_SECOND, Control, Observation, RgbImage, Trajectory
from waypilot_carla.frame import LateEvents, PreparedScenario, SimulatorFrame


class DriveSession(Protocol):
    """What recording needs of ``waypilot_carla.SimulatorSession``."""

    def prepare(self, scenario: Scenario, seed: int) -> PreparedScenario:
        """Set the scenario up."""

    def tick(self) -> SimulatorFrame:
        """Advance by one step."""

    def apply(self, control: Control) -> None:
        """Command the vehicle for the next step."""

    def finish(self) -> LateEvents:
        """End the scenario."""


@dataclass(frozen=True, slots=True)
class RecorderConfig:
    """How a drive is recorded.

    Every ``every``-th frame is kept. The drive ends ``end_margin_m`` before the end of the route (beyond it the
    expert's plan no longer follows a road), after ``max_drive_s``, at a collision, or ``max_lateral_m`` off the
    route. With a learned driver, who drives is drawn anew every ``turn_s`` seconds: the expert with probability
    ``expert_share`` (the beta of DAgger, Ross et al. 2011).
    """

    every: int = 4
    max_drive_s: float = 40.0
    end_margin_m: float = 45.0
    max_lateral_m: float = 3.5
    expert_share: float = 0.3
    turn_s: float = 3.0
    noise: SteeringNoiseConfig = field(default_factory=SteeringNoiseConfig)
    expert: ExpertConfig = field(default_factory=ExpertConfig)

    def __post_init__(self) -> None:
        for name in ("every", "max_drive_s", "end_margin_m", "max_lateral_m", "turn_s"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} is {getattr(self, name)}, expected a positive number")
        if not 0.0 <= self.expert_share <= 1.0:
            raise ValueError(f"expert_share is {self.expert_share}, expected 0 to 1")


@dataclass(frozen=True, slots=True)
class RecordedDrive:
    """How a recorded drive ended: ``goal``, ``time``, ``off_route`` or ``collision``, and where its file is."""

    path: Path
    frames: int
    ended_by: str
    worst_lateral_m: float


def record_drive(
    session: DriveSession,
    plan: DrivePlan,
    folder: Path,
    cameras: tuple[CameraSpec, ...],
    config: RecorderConfig,
    learner: Policy | None = None,
) -> RecordedDrive:
    """Drive ``plan`` and write it as an episode to ``folder``.

    Raises SimulatorError when the scenario cannot be set up or the simulator is lost; then nothing is left behind.
    """
    prepared = session.prepare(plan.scenario, plan.seed)
    writer = EpisodeWriter(folder, _header(plan, folder.name, cameras, config, learner))
    try:
        drive = _Drive(prepared, plan, cameras, config, learner)
        while drive.ended_by is None:
            frame = session.tick()
            session.apply(drive.step(frame, writer))
        session.finish()
        return RecordedDrive(writer.finish(), writer.frame_count, drive.ended_by, drive.worst_lateral_m)
    except BaseException:
        writer.discard()
        raise


class _Drive:
    """One drive under way."""

    def __init__(
        self,
        prepared: PreparedScenario,
        plan: DrivePlan,
        cameras: tuple[CameraSpec, ...],
        config: RecorderConfig,
        learner: Policy | None,
    ):
        self._route = prepared.route
        self._config, self._learner = config, learner
        self._builder = ObservationBuilder(self._route, ObservationConfig(cameras, privileged=True), prepared.scene)
        self._watch = None if prepared.scene is None else RouteWatch(self._route, prepared.scene)
        self._expert = ExpertPolicy(config.expert)
        self._expert.reset(self._route, plan.seed)
        if learner is not None:
            learner.reset(self._route, plan.seed)
        self._follower = WaypointFollower()
        self._noise = SteeringNoise(config.noise, plan.seed)
        self._turns = np.random.default_rng((plan.seed, 1))
        self._turn_ends_s, self._expert_drives = 0.0, True
        self._start_ns: int | None = None
        self._steps = 0
        self.ended_by: str | None = None
        self.worst_lateral_m = 0.0

    def step(self, frame: SimulatorFrame, writer: EpisodeWriter) -> Control:
        """Record one frame and answer with the (disturbed) command."""
        self._start_ns = frame.stamp_ns if self._start_ns is None else self._start_ns
        time_s = (frame.stamp_ns - self._start_ns) / NANOSECONDS_PER_SECOND
        images = {name: rgb_from_bgra(image) for name, image in frame.images_bgra.items()}
        observation = self._builder.build(frame.ego, images, frame.surroundings)
        label = self._expert.plan(observation).final
        pose = frame.ego.pose_map_from_base_link.planar
        wanted = self._follower.step(frame.ego, TimedPlan(self._driven(observation, label, time_s), pose)).control
        self.ended_by = self._end(frame, time_s)
        if self._steps % self._config.every == 0 and self.ended_by is None:
            writer.add_frame(_frame(observation, wanted, label, self._ahead(frame), self._start_ns), images)
        self._steps += 1
        return self._noise.disturb(wanted, time_s, frame.ego.speed_mps)

    def _driven(self, observation: Observation, label: Trajectory, time_s: float) -> Trajectory:
        if self._learner is None:
            return label
        if time_s >= self._turn_ends_s:
            self._turn_ends_s = time_s + self._config.turn_s
            self._expert_drives = bool(self._turns.random() < self._config.expert_share)
        if self._expert_drives:
            return label
        return self._learner.plan(replace(observation, scene=None, surroundings=None)).final

    def _ahead(self, frame: SimulatorFrame) -> RouteAhead | None:
        if self._watch is None or frame.surroundings is None:
            return None
        return self._watch.look(frame.surroundings, self._place.s_m)

    @property
    def _place(self) -> RouteProjection:
        projection = self._builder.projection
        assert projection is not None
        return projection

    def _end(self, frame: SimulatorFrame, time_s: float) -> str | None:
        projection = self._place
        self.worst_lateral_m = max(self.worst_lateral_m, projection.distance_m)
        if frame.collisions:
            return "collision"
        if projection.distance_m > self._config.max_lateral_m:
            return "off_route"
        if projection.s_m > self._route.length_m - self._config.end_margin_m:
            return "goal"
        return "time" if time_s >= self._config.max_drive_s else None


def rgb_from_bgra(image: RgbImage) -> RgbImage:
    """Reorder (H, W, 4) BGRA to (H, W, 3) RGB."""
    return np.ascontiguousarray(image[:, :, 2::-1])


def _frame(
    observation: Observation, control: Control, label: Trajectory, ahead: RouteAhead | None, start_ns: int
) -> EpisodeFrame:
    return EpisodeFrame(
        # Counted from the drive's start: the episode must not depend on what the server did before.
        ego=replace(observation.ego, stamp_ns=observation.ego.stamp_ns - start_ns),
        command=observation.command,
        target_point_m=observation.target_point_m,
        control=control,
        images={},
        waypoints_m=label.waypoints_m,
        ahead=ahead,
    )


def _header(
    plan: DrivePlan, name: str, cameras: tuple[CameraSpec, ...], config: RecorderConfig, learner: Policy | None
) -> Episode:
    recorder: Mapping[str, Any] = {
        "driver": "expert" if learner is None else learner.name,
        "scenario": config_to_dict(plan.scenario),
        "config": config_to_dict(config),
    }
    return Episode(
        episode_id=name,
        source="carla_expert" if learner is None else "carla_dagger",
        town=plan.scenario.map,
        route_id=plan.route_id,
        weather=plan.weather_name,
        weather_parameters=config_to_dict(plan.scenario.weather),  # type: ignore[arg-type]
        seed=plan.seed,
        cameras=cameras,
        waypoint_dt_ns=round(config.expert.waypoint_interval_s * NANOSECONDS_PER_SECOND),
        waypoint_source=WaypointSource.EXPERT_PLAN,
        frames=(),
        recorder=recorder,
    )

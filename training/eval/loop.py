"""The closed loop itself, one scenario from frame 0 to its end, in the order of docs/architecture.md, "One frame".

Simulated time only: the same simulator, policy and seed give the same record, however fast it runs.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from training.eval.pictures import PictureBook
from training.eval.stopwatch import Stopwatch
from waypilot.control.follower import FollowerConfig, TimedPlan, WaypointFollower
from waypilot.metrics import DriveLog, ScenarioMonitor, Termination
from waypilot.observation import ObservationBuilder, ObservationConfig
from waypilot.policy import Policy
from waypilot.report.video import DriveVideo
from waypilot.rig import CameraSpec
from waypilot.route import Route
from waypilot.scenarios import Scenario
from waypilot.surroundings import SceneInfo
from waypilot.types import Control, Observation, RgbImage, Trajectory
from waypilot_carla.frame import LateEvents, SimulatorFrame


class Simulator(Protocol):
    """What the loop asks of a prepared simulator; ``waypilot_carla.SimulatorSession`` is one."""

    def tick(self) -> SimulatorFrame:
        """Do one step."""
        ...

    def apply(self, control: Control) -> None:
        """Command the vehicle."""
        ...

    def finish(self) -> LateEvents:
        """Brake, and return the events that were still on their way."""
        ...


@dataclass(slots=True)
class DriveRecord:
    """One finished drive. ``safe_stops`` counts the frames on which the follower refused the plan, by reason."""

    log: DriveLog
    termination: Termination
    frames: int
    safe_stops: Counter[str] = field(default_factory=Counter)
    camera_faults: Counter[str] = field(default_factory=Counter)


class ClosedLoop:
    """Drives one prepared scenario. Use a new one for every drive."""

    def __init__(
        self,
        simulator: Simulator,
        scenario: Scenario,
        route: Route,
        scene: SceneInfo | None,
        policy: Policy,
        cameras: tuple[CameraSpec, ...],
        follower: FollowerConfig,
    ) -> None:
        self.log = DriveLog(scene=scene)
        self.stopwatch = Stopwatch()
        self.frames = 0
        self._simulator = simulator
        self._policy = policy
        self._monitor = ScenarioMonitor(scenario, route)
        self._observations = ObservationBuilder(route, ObservationConfig(cameras))
        self._follower = WaypointFollower(follower)
        self._safe_stops: Counter[str] = Counter()

    def run(
        self, pictures: PictureBook | None, on_frame: Callable[[float], None], video: DriveVideo | None = None
    ) -> DriveRecord:
        """Drive until the scenario ends; ``on_frame`` hears the share of the route driven after every frame.

        Raises SimulatorLost when the simulator fails, and whatever the policy raises.
        """
        termination: Termination | None = None
        while termination is None:
            frame = self._tick()
            termination = self._monitor.update(frame.ego)
            if pictures is not None:
                self._picture(pictures, frame)
            plan = self._answer(frame) if termination is None else None
            if video is not None:
                self._film(video, frame, plan)
            on_frame(self._monitor.route_completion)
        self._collect_late_events(pictures, termination)
        return DriveRecord(self.log, termination, self.frames, self._safe_stops, self._observations.faults)

    def _tick(self) -> SimulatorFrame:
        with self.stopwatch.stage("tick"):
            frame = self._simulator.tick()
        self.frames += 1
        self.log.add_ego(frame.ego)
        if frame.surroundings is not None:
            self.log.add_surroundings(frame.surroundings)
        self._add_events(frame)
        return frame

    def _answer(self, frame: SimulatorFrame) -> Trajectory:
        with self.stopwatch.stage("policy"):
            observation = self._observe(frame)
            plan = self._policy.plan(observation)
        self.log.add_plan(frame.stamp_ns, plan.final)
        with self.stopwatch.stage("control"):
            timed = TimedPlan(plan.final, frame.ego.pose_map_from_base_link.planar)
            output = self._follower.step(frame.ego, timed)
        self.log.add_control(frame.stamp_ns, output.control)
        if output.safe_stop_reason is not None:
            self._safe_stops[output.safe_stop_reason] += 1
        with self.stopwatch.stage("tick"):
            self._simulator.apply(output.control)
        return plan.final

    def _observe(self, frame: SimulatorFrame) -> Observation:
        images: Mapping[str, RgbImage] = {name: bgra[:, :, 2::-1] for name, bgra in frame.images_bgra.items()}
        return self._observations.build(frame.ego, images)

    def _collect_late_events(self, pictures: PictureBook | None, termination: Termination) -> None:
        late = self._simulator.finish()
        self._add_events(late)
        if pictures is not None:
            for event in (*late.collisions, *late.lane_invasions):
                pictures.add_infraction(min(event.stamp_ns, termination.stamp_ns))

    def _add_events(self, events: SimulatorFrame | LateEvents) -> None:
        for collision in events.collisions:
            self.log.add_collision(collision)
        for invasion in events.lane_invasions:
            self.log.add_lane_invasion(invasion)

    def _film(self, video: DriveVideo, frame: SimulatorFrame, plan: Trajectory | None) -> None:
        image = frame.images_bgra.get(video.camera.name)
        if image is not None:
            with self.stopwatch.stage("video"):
                video.add(frame.stamp_ns, image[:, :, :3], plan)

    def _picture(self, pictures: PictureBook, frame: SimulatorFrame) -> None:
        image = next(iter(frame.images_bgra.values()), None)
        if image is None:
            return
        pictures.add_frame(self.frames - 1, frame.stamp_ns, image, self._monitor.route_completion)
        for event in (*frame.collisions, *frame.lane_invasions):
            pictures.add_infraction(event.stamp_ns)

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
from waypilot.alerts import CONTROLLER, POLICY, WATCHDOG, Alert
from waypilot.control.follower import FollowerConfig, TimedPlan, WaypointFollower
from waypilot.control.watchdog import CommandWatchdog
from waypilot.faults import CommandFaults, PlanFaults, SensedFrame, SensorFaults
from waypilot.geometry import SE2
from waypilot.metrics import DriveLog, ScenarioMonitor, Termination
from waypilot.observation import ObservationBuilder, ObservationConfig
from waypilot.policy import Policy
from waypilot.report.video import DriveVideo
from waypilot.route import Route
from waypilot.scenarios import Scenario
from waypilot.surroundings import SceneInfo, Surroundings
from waypilot.types import CollisionEvent, Control, EgoState, LaneInvasionEvent, Plan, RgbImage, Trajectory
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
    """One finished drive. ``safe_stops`` counts the frames on which the vehicle was made to stop, by reason.

    ``missed_controls`` counts the frames before the last that were not answered by a command of their own.
    """

    log: DriveLog
    termination: Termination
    frames: int
    safe_stops: Counter[str] = field(default_factory=Counter)
    camera_faults: Counter[str] = field(default_factory=Counter)
    missed_controls: int = 0


class ClosedLoop:
    """Drives one prepared scenario. Use a new one for every drive."""

    def __init__(
        self,
        simulator: Simulator,
        scenario: Scenario,
        route: Route,
        scene: SceneInfo | None,
        policy: Policy,
        observation: ObservationConfig,
        follower: FollowerConfig,
        seed: int = 0,
    ) -> None:
        """Drive as the scenario asks, its faults included; ``seed`` is what their chance follows from."""
        self.log = DriveLog(scene=scene)
        self.stopwatch = Stopwatch()
        self.frames = 0
        self._simulator = simulator
        self._policy = policy
        self._monitor = ScenarioMonitor(scenario, route)
        self._observations = ObservationBuilder(route, observation, scene)
        self._follower = WaypointFollower(follower)
        self._safe_stops: Counter[str] = Counter()
        self._missed_controls = 0
        self._sensor_faults = SensorFaults(scenario.faults, seed)
        self._plan_faults = PlanFaults(scenario.faults)
        self._command_faults = CommandFaults(scenario.faults)
        self._watchdog = CommandWatchdog()
        # Where the vehicle was, as it was told: a plan that comes late starts there.
        self._reported: dict[int, SE2] = {}

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
        return DriveRecord(
            self.log, termination, self.frames, self._safe_stops, self._observations.faults, self._missed_controls
        )

    def _tick(self) -> SimulatorFrame:
        with self.stopwatch.stage("tick"):
            frame = self._simulator.tick()
        self.frames += 1
        self.log.add_ego(frame.ego)
        if frame.surroundings is not None:
            self.log.add_surroundings(frame.surroundings)
        self._add_events(frame)
        return frame

    def _answer(self, frame: SimulatorFrame) -> Trajectory | None:
        sensed = self._sensor_faults.apply(frame.ego, frame.images_bgra)
        self._reported[frame.stamp_ns] = sensed.ego.pose_map_from_base_link.planar
        with self.stopwatch.stage("policy"):
            plan = self._plan(sensed, frame.surroundings)
        with self.stopwatch.stage("control"):
            command = None if plan is None else self._command(sensed.ego, plan)
            arrived = self._command_faults.apply(frame.stamp_ns, command)
            answer = self._watchdog.answer(frame.stamp_ns, arrived)
        self._missed_controls += arrived is None or arrived[0] != frame.stamp_ns
        self._alert(WATCHDOG, frame.stamp_ns, answer.stop_reason)
        with self.stopwatch.stage("tick"):
            self._simulator.apply(answer.control)
        return None if plan is None or plan.final.stamp_ns != frame.stamp_ns else plan.final

    def _plan(self, sensed: SensedFrame, surroundings: Surroundings | None) -> Plan | None:
        """Plan on what is left of the frame; what comes may be an older plan, or none."""
        images: Mapping[str, RgbImage] = {
            name: bgra[:, :, 2::-1]
            for name, (stamp_ns, bgra) in sensed.images.items()
            if stamp_ns == sensed.ego.stamp_ns
        }
        observation = self._observations.build(sensed.ego, images, surroundings)
        for fault in self._observations.latest_faults:
            self.log.add_alert(Alert(observation.stamp_ns, POLICY, f"camera {fault}"))
        plan = self._plan_faults.apply(observation.stamp_ns, self._policy.plan(observation))
        if plan is not None:
            self.log.add_plan(plan.final.stamp_ns, plan.final)
        return plan

    def _command(self, ego: EgoState, plan: Plan) -> Control:
        output = self._follower.step(ego, TimedPlan(plan.final, self._reported[plan.final.stamp_ns]))
        self.log.add_control(ego.stamp_ns, output.control)
        self._alert(CONTROLLER, ego.stamp_ns, output.safe_stop_reason)
        return output.control

    def _alert(self, source: str, stamp_ns: int, stop_reason: str | None) -> None:
        if stop_reason is not None:
            self.log.add_alert(Alert(stamp_ns, source, stop_reason, safe_stop=True))
            self._safe_stops[stop_reason.partition(":")[0]] += 1

    def _collect_late_events(self, pictures: PictureBook | None, termination: Termination) -> None:
        late = self._simulator.finish()
        self._add_events(late)
        if pictures is not None:
            events: tuple[CollisionEvent | LaneInvasionEvent, ...] = (*late.collisions, *late.lane_invasions)
            for event in events:
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
        events: tuple[CollisionEvent | LaneInvasionEvent, ...] = (*frame.collisions, *frame.lane_invasions)
        for event in events:
            pictures.add_infraction(event.stamp_ns)

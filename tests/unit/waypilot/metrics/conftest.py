"""Tiny worlds for the metrics: a straight road of 100 m along +x, goal at its end, 20 frames per second.

``World`` knows the vehicle alone; ``observed_world`` also what is around it, given frame by frame.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import pytest

from waypilot.geometry import SE2, Pose
from waypilot.metrics import DriveLog, Metric, ScenarioMonitor, ScenarioResult, Termination, evaluate
from waypilot.route import Route
from waypilot.scenarios import WEATHER_PRESETS, Scenario
from waypilot.surroundings import (
    ActorState,
    Footprint,
    LightState,
    Point,
    RoadSample,
    RoadType,
    SceneInfo,
    SignalKind,
    StopLine,
    Surroundings,
)
from waypilot.types import ActorKind, CollisionEvent, Control, EgoState, Trajectory

STEP_NS = 50_000_000
START_NS = 7_000_000_000
EGO = Footprint(half_length_m=2.0, half_width_m=1.0)


@dataclass
class World:
    """A road, a scenario on it and a log. ``frames`` counts what was driven; frame i is stamped START + i * STEP."""

    scenario: Scenario
    route: Route
    log: DriveLog = field(default_factory=DriveLog)
    start_ns: int = START_NS
    frames: int = 0
    look: Callable[[EgoState], Surroundings] | None = None

    def stamp(self, frame: int) -> int:
        return self.start_ns + frame * STEP_NS

    def ego(self, frame: int, x_m: float, y_m: float = 0.0, speed_mps: float = 8.0, yaw_rad: float = 0.0) -> EgoState:
        pose = Pose.from_xyz_rpy(x_m, y_m, 0.0, yaw_rad=yaw_rad)
        return EgoState(self.stamp(frame), pose, (speed_mps, 0.0, 0.0), (0.0, 0.0, 0.0))

    def drive(self, xs_m: Sequence[float], y_m: float = 0.0, speed_mps: float = 8.0, yaw_rad: float = 0.0) -> World:
        """Add one frame per x, with a control and a plan to go straight on at this speed."""
        for x_m in xs_m:
            stamp = self.stamp(self.frames)
            ego = self.ego(self.frames, float(x_m), y_m, speed_mps, yaw_rad)
            self.log.add_ego(ego)
            if self.look is not None:
                self.log.add_surroundings(self.look(ego))
            self.log.add_control(stamp, Control(throttle=0.5))
            self.log.add_plan(stamp, straight_plan(stamp, speed_mps))
            self.frames += 1
        return self

    def hit(self, frame: int, actor_id: int, kind: ActorKind = ActorKind.VEHICLE, impulse_ns: float = 100.0) -> World:
        self.log.add_collision(CollisionEvent(self.stamp(frame), actor_id, kind, (impulse_ns, 0.0, 0.0)))
        return self

    def result(self, status: str = "completed", reason: str = "goal reached") -> ScenarioResult:
        """Judge the frames driven so far."""
        end = Termination(status, reason, self.stamp(self.frames - 1))
        return evaluate(self.log, self.route, self.scenario, end, seed=3)

    def metric(self, name: str) -> Metric:
        return self.result().metric(name)

    def value(self, name: str) -> float:
        metric = self.metric(name)
        assert metric.valid, metric
        return metric.value

    def kinds(self) -> list[str]:
        return [infraction.kind for infraction in self.result().infractions]

    def time_s(self, ego: EgoState) -> float:
        return (ego.stamp_ns - self.start_ns) / 1e9

    def observe(
        self,
        lines: Sequence[StopLine] = (),
        lights: Callable[[float], LightState] = lambda _: LightState.GREEN,
        actors: Callable[[float], Sequence[ActorState]] = lambda _: (),
        road: Callable[[Point], RoadSample | None] = lambda at: lane_of_road(at),
    ) -> World:
        """Let the log see surroundings: lights and actors by the time (s), the road by the vehicle's place."""
        self.log = DriveLog(scene=SceneInfo(EGO, tuple(lines)))
        shown = sorted({line.signal_id for line in lines if line.kind is SignalKind.TRAFFIC_LIGHT})

        def look(ego: EgoState) -> Surroundings:
            time_s, pose = self.time_s(ego), ego.pose_map_from_base_link
            states = tuple((signal, lights(time_s)) for signal in shown)
            return Surroundings(ego.stamp_ns, tuple(actors(time_s)), states, road((pose.x_m, pose.y_m)))

        self.look = look
        return self

    def monitor(self, **changes: object) -> ScenarioMonitor:
        return ScenarioMonitor(dataclasses.replace(self.scenario, **changes), self.route)


def lane_of_road(at: Point) -> RoadSample:
    """Two lanes of 4 m along the x axis: ours around y = 0, the oncoming one around y = 4, grass beyond."""
    y_m = at[1]
    corners = tuple(_road_type(y_m + side) for side in (1.0, -1.0, -1.0, 1.0))
    if _road_type(y_m) is RoadType.OFF_ROAD:
        return RoadSample(RoadType.OFF_ROAD, 0, 0, False, 0.0, None, None, corners, 10.0)
    oncoming = y_m > 2.0
    heading_rad, offset_m = (np.pi, 4.0 - y_m) if oncoming else (0.0, y_m)
    return RoadSample(RoadType.DRIVING, 1, 1 if oncoming else -1, False, 4.0, offset_m, heading_rad, corners, 10.0)


def _road_type(y_m: float) -> RoadType:
    return RoadType.DRIVING if -2.0 <= y_m <= 6.0 else RoadType.OFF_ROAD


def stop_line(x_m: float, kind: SignalKind = SignalKind.TRAFFIC_LIGHT, signal_id: int = 7) -> StopLine:
    """A line across our lane."""
    return StopLine(signal_id, kind, (x_m, 2.0), (x_m, -2.0), 0.0)


def car(x_m: float, y_m: float = 0.0, vx_mps: float = 0.0, vy_mps: float = 0.0, actor_id: int = 11) -> ActorState:
    """Another car, as large as our own, pointing along +x."""
    pose = SE2(x_m, y_m, 0.0)
    return ActorState(actor_id, ActorKind.VEHICLE, "vehicle.test", pose, (vx_mps, vy_mps), 2.0, 1.0)


def walker(x_m: float, y_m: float, vy_mps: float = 0.0, actor_id: int = 12) -> ActorState:
    """A pedestrian of 0.5 m by 0.5 m."""
    pose = SE2(x_m, y_m, 0.0)
    return ActorState(actor_id, ActorKind.PEDESTRIAN, "walker.test", pose, (0.0, vy_mps), 0.25, 0.25)


def straight_plan(stamp_ns: int, speed_mps: float, left_m: float = 0.0) -> Trajectory:
    ahead_m = speed_mps * 0.25 * np.arange(1, 21)
    return Trajectory(stamp_ns, 250_000_000, np.stack([ahead_m, np.full(20, left_m)], axis=-1))


@pytest.fixture
def make_world() -> Callable[..., World]:
    def make(start_ns: int = START_NS, **scenario_changes: object) -> World:
        scenario = Scenario("tiny", "Tiny", WEATHER_PRESETS["clear"], SE2(0.0, 0.0, 0.0), (100.0, 0.0))
        route = Route(np.stack([np.arange(101.0), np.zeros(101)], axis=-1))
        return World(dataclasses.replace(scenario, **scenario_changes), route, start_ns=start_ns)

    return make


@pytest.fixture
def world(make_world: Callable[..., World]) -> World:
    return make_world()


@pytest.fixture
def make_plan() -> Callable[..., Trajectory]:
    return straight_plan

"""Tiny worlds for the metrics: a straight road of 100 m along +x, goal at its end, 20 frames per second."""

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
from waypilot.types import ActorKind, CollisionEvent, Control, EgoState, Trajectory

STEP_NS = 50_000_000
START_NS = 7_000_000_000


@dataclass
class World:
    """A road, a scenario on it and a log. ``frames`` counts what was driven; frame i is stamped START + i * STEP."""

    scenario: Scenario
    route: Route
    log: DriveLog = field(default_factory=DriveLog)
    start_ns: int = START_NS
    frames: int = 0

    def stamp(self, frame: int) -> int:
        return self.start_ns + frame * STEP_NS

    def ego(self, frame: int, x_m: float, y_m: float = 0.0, speed_mps: float = 8.0, yaw_rad: float = 0.0) -> EgoState:
        pose = Pose.from_xyz_rpy(x_m, y_m, 0.0, yaw_rad=yaw_rad)
        return EgoState(self.stamp(frame), pose, (speed_mps, 0.0, 0.0), (0.0, 0.0, 0.0))

    def drive(self, xs_m: Sequence[float], y_m: float = 0.0, speed_mps: float = 8.0, yaw_rad: float = 0.0) -> World:
        """Add one frame per x, with a control and a plan to go straight on at this speed."""
        for x_m in xs_m:
            stamp = self.stamp(self.frames)
            self.log.add_ego(self.ego(self.frames, float(x_m), y_m, speed_mps, yaw_rad))
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

    def monitor(self, **changes: object) -> ScenarioMonitor:
        return ScenarioMonitor(dataclasses.replace(self.scenario, **changes), self.route)


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

"""The expert drives a toy car in small worlds; the drive is judged by the same metrics as everywhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import pytest

from tests.unit.waypilot.control.conftest import STEP_NS, ToyCar
from tests.unit.waypilot.metrics.conftest import EGO, lane_of_road
from waypilot.control.follower import TimedPlan, WaypointFollower
from waypilot.expert import ExpertPolicy
from waypilot.geometry import SE2
from waypilot.metrics import DriveLog, ScenarioMonitor, ScenarioResult, evaluate
from waypilot.observation import ObservationBuilder, ObservationConfig
from waypilot.route import Route
from waypilot.scenarios import WEATHER_PRESETS, Scenario, TerminationRules
from waypilot.surroundings import ActorState, LightState, SceneInfo, SignalKind, StopLine, Surroundings

Actors = Callable[[float], Sequence[ActorState]]


def drive(
    actors: Actors = lambda _: (),
    lines: Sequence[StopLine] = (),
    lights: Callable[[float], LightState] = lambda _: LightState.GREEN,
    route: Route | None = None,
    speed_mps: float = 8.0,
    privileged: bool = True,
) -> ScenarioResult:
    """Drive 120 m along +x from ``speed_mps``, until the goal is reached or the car has stood for 10 s."""
    route = route or Route(np.stack([np.arange(121.0), np.zeros(121)], axis=-1))
    goal = (float(route.points_m[-1, 0]), float(route.points_m[-1, 1]))
    rules = TerminationRules(blocked_after_s=10.0)
    scenario = Scenario("tiny", "Tiny", WEATHER_PRESETS["clear"], SE2(0.0, 0.0, 0.0), goal, rules=rules)
    scene = SceneInfo(EGO, tuple(lines))
    car, expert, follower = ToyCar(speed_mps=speed_mps), ExpertPolicy(), WaypointFollower()
    expert.reset(route, seed=0)
    builder = ObservationBuilder(route, ObservationConfig((), privileged=privileged), scene)
    monitor, log = ScenarioMonitor(scenario, route), DriveLog(scene=scene)
    shown = sorted({line.signal_id for line in lines if line.kind is SignalKind.TRAFFIC_LIGHT})
    termination, step = None, 0
    while termination is None:
        ego, time_s = car.ego(step * STEP_NS), step * STEP_NS / 1e9
        states = tuple((signal, lights(time_s)) for signal in shown)
        around = Surroundings(ego.stamp_ns, tuple(actors(time_s)), states, lane_of_road((car.x_m, car.y_m)))
        log.add_ego(ego)
        log.add_surroundings(around)
        plan = expert.plan(builder.build(ego, {}, around)).final
        log.add_plan(ego.stamp_ns, plan)
        control = follower.step(ego, TimedPlan(plan, ego.pose_map_from_base_link.planar)).control
        log.add_control(ego.stamp_ns, control)
        car.step(control)
        termination, step = monitor.update(ego), step + 1
    return evaluate(log, route, scenario, termination, seed=0)


@pytest.fixture(scope="session")
def drive_expert() -> Callable[..., ScenarioResult]:
    return drive

"""A vehicle of its own, written independently of carla_lite, and the loop expert -> follower -> vehicle."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import pytest

from waypilot.control.follower import FollowerConfig, TimedPlan, WaypointFollower
from waypilot.expert import ExpertConfig, ExpertPolicy
from waypilot.geometry import Pose, wrap_angle
from waypilot.route import Route, RouteTracker
from waypilot.types import Control, EgoState, Observation, RouteCommand

STEP_S = 0.05
STEP_NS = 50_000_000


@dataclass
class ToyCar:
    """Single track with a rear axle that does not slip, understeer, drag, a lagging engine and slow, late steering.

    The reference point sits ``rear_m`` ahead of the rear axle. Steering and pedals arrive ``delay_steps`` late.
    """

    x_m: float = 0.0
    y_m: float = 0.0
    yaw_rad: float = 0.0
    speed_mps: float = 0.0
    wheelbase_m: float = 3.0
    rear_m: float = 1.45
    understeer_s2pm: float = 0.003
    throttle_mps2: float = 5.0
    brake_mps2: float = 7.0
    delay_steps: int = 1
    steer_lag_s: float = 0.1
    engine_lag_s: float = 0.15
    wheel_rad: float = 0.0
    drive_mps2: float = 0.0
    yaw_rate_radps: float = 0.0
    _pending: deque[Control] = field(default_factory=deque)

    def step(self, control: Control) -> None:
        self._pending.append(control)
        if len(self._pending) > self.delay_steps:
            self._move(self._pending.popleft())

    def _move(self, control: Control) -> None:
        factor = float(np.interp(abs(self.speed_mps) * 3.6, [0, 20, 60, 120], [1.0, 0.9, 0.8, 0.7]))
        asked = -control.steer * math.radians(70.0) * factor
        substeps = 5
        dt = STEP_S / substeps
        for _ in range(substeps):
            self.wheel_rad += (asked - self.wheel_rad) * dt / self.steer_lag_s
            self.drive_mps2 += (control.throttle * self.throttle_mps2 - self.drive_mps2) * dt / self.engine_lag_s
            v = self.speed_mps
            engine_drag = 0.25 if control.throttle == 0.0 else 0.0
            resist = (0.15 + engine_drag + 0.0006 * v * v + control.brake * self.brake_mps2) * dt
            v += self.drive_mps2 * dt
            self.speed_mps = max(v - resist, 0.0)
            v = self.speed_mps
            self.yaw_rate_radps = v * math.tan(self.wheel_rad) / (self.wheelbase_m + self.understeer_s2pm * v * v)
            left = self.yaw_rate_radps * self.rear_m
            c, s = math.cos(self.yaw_rad), math.sin(self.yaw_rad)
            self.x_m += (c * v - s * left) * dt
            self.y_m += (s * v + c * left) * dt
            self.yaw_rad = wrap_angle(self.yaw_rad + self.yaw_rate_radps * dt)

    def ego(self, stamp_ns: int) -> EgoState:
        pose = Pose.from_xyz_rpy(self.x_m, self.y_m, 0.0, yaw_rad=self.yaw_rad)
        velocity = (self.speed_mps, self.yaw_rate_radps * self.rear_m, 0.0)
        return EgoState(stamp_ns, pose, velocity, (0.0, 0.0, self.yaw_rate_radps))


@dataclass
class Drive:
    """What happened, one value per step."""

    s_m: list[float] = field(default_factory=list)
    lateral_m: list[float] = field(default_factory=list)
    speed_mps: list[float] = field(default_factory=list)
    steer: list[float] = field(default_factory=list)
    wheel_rad: list[float] = field(default_factory=list)
    reasons: list[str | None] = field(default_factory=list)


def observe(ego: EgoState) -> Observation:
    return Observation(ego.stamp_ns, ego, RouteCommand.LANE_FOLLOW, (0.0, 0.0))


def drive_route(
    route: Route,
    car: ToyCar,
    expert_config: ExpertConfig | None = None,
    follower_config: FollowerConfig | None = None,
    plan_every: int = 1,
    plan_latency: int = 0,
    max_steps: int = 4000,
    disturb: Callable[[int, ToyCar], None] = lambda step, car: None,
) -> Drive:
    """Drive until the end of the route; a plan is made every ``plan_every`` steps and used ``plan_latency`` later."""
    expert = ExpertPolicy(expert_config)
    expert.reset(route, seed=0)
    follower, tracker, log = WaypointFollower(follower_config), RouteTracker(route), Drive()
    made: deque[tuple[int, TimedPlan]] = deque()
    current: TimedPlan | None = None
    for step in range(max_steps):
        disturb(step, car)
        ego = car.ego(step * STEP_NS)
        place = tracker.update(car.x_m, car.y_m)
        if place.s_m > route.length_m:
            break
        if step % plan_every == 0:
            plan = expert.plan(observe(ego)).final
            made.append((step + plan_latency, TimedPlan(plan, ego.pose_map_from_base_link.planar)))
        while made and made[0][0] <= step:
            current = made.popleft()[1]
        output = follower.step(ego, current)
        car.step(output.control)
        log.s_m.append(place.s_m)
        log.lateral_m.append(place.lateral_m)
        log.speed_mps.append(car.speed_mps)
        log.steer.append(output.control.steer)
        log.wheel_rad.append(car.wheel_rad)
        log.reasons.append(output.safe_stop_reason)
    return log


@pytest.fixture(scope="session")
def toy_car() -> type[ToyCar]:
    return ToyCar


@pytest.fixture(scope="session")
def drive() -> Callable[..., Drive]:
    return drive_route

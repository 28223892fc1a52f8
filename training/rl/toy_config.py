"""Configuration of the toy environment, and its form that compiled code takes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, NamedTuple


class ToyParameters(NamedTuple):
    """Plain numbers for the kernels of ``toy_dynamics``; SI units, names as in ``ToyEnvConfig``."""

    waypoints: int
    spacing_min_m: float
    spacing_max_m: float
    max_turn_rad: float
    start_lateral_m: float
    start_heading_rad: float
    start_speed_min_mps: float
    start_speed_max_mps: float
    plan_dt_s: float
    substeps: int
    substep_s: float
    max_steps: int
    lookahead_s: float
    min_lookahead_m: float
    max_curvature_per_m: float
    speed_time_constant_s: float
    max_acceleration_mps2: float
    max_deceleration_mps2: float
    speed_limit_mps: float
    hit_radius_m: float
    off_route_m: float
    progress_reward_per_m: float
    time_penalty_per_s: float
    waypoint_bonus: float
    goal_bonus: float


@dataclass(frozen=True, slots=True)
class ToyEnvConfig:
    """Physics and reward of the toy environment.

    **Route.** ``waypoints`` points, ``spacing_min_m`` to ``spacing_max_m`` apart; the direction changes at each by up
    to ``max_turn_rad``. The car starts at the route's origin, up to ``start_lateral_m`` beside it and turned by up to
    ``start_heading_rad``, at a speed between ``start_speed_min_mps`` and ``start_speed_max_mps``.

    **Plan.** An action is a plan of ``num_waypoints`` points, ``plan_dt_s`` apart. One environment step follows it for
    one ``plan_dt_s``, in ``substeps`` equal sub-steps.

    **Car.** Kinematic bicycle of the given ``wheelbase_m`` and ``max_steer_rad``. A pure-pursuit controller steers at
    the plan's point ``lookahead_s`` ahead (never nearer than ``min_lookahead_m``) and approaches the plan's speed
    there with ``speed_time_constant_s``, within the acceleration limits and 0..``speed_limit_mps``.

    **Reward.** ``progress_reward_per_m`` for each metre by which the way to go shrinks, minus ``time_penalty_per_s``,
    plus ``waypoint_bonus`` for every waypoint hit within ``hit_radius_m`` and ``goal_bonus`` for the last one.

    **End.** Terminated when the last waypoint is hit or passed, or the car is more than ``off_route_m`` beside the
    route; truncated after ``max_steps`` steps.
    """

    waypoints: int = 8
    spacing_min_m: float = 8.0
    spacing_max_m: float = 12.0
    max_turn_rad: float = math.radians(30.0)
    start_lateral_m: float = 1.0
    start_heading_rad: float = 0.2
    start_speed_min_mps: float = 3.0
    start_speed_max_mps: float = 8.0
    num_waypoints: int = 20
    plan_dt_s: float = 0.25
    substeps: int = 5
    max_steps: int = 80
    lookahead_s: float = 0.75
    min_lookahead_m: float = 2.5
    wheelbase_m: float = 3.0
    max_steer_rad: float = 0.6
    speed_time_constant_s: float = 0.5
    max_acceleration_mps2: float = 3.0
    max_deceleration_mps2: float = 6.0
    speed_limit_mps: float = 8.0
    hit_radius_m: float = 1.0
    off_route_m: float = 5.0
    progress_reward_per_m: float = 0.1
    time_penalty_per_s: float = 0.4
    waypoint_bonus: float = 0.5
    goal_bonus: float = 5.0

    def __post_init__(self) -> None:
        for name in ("waypoints", "num_waypoints", "substeps", "max_steps"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}, expected 1 or more")
        for name in (
            "spacing_min_m",
            "plan_dt_s",
            "lookahead_s",
            "min_lookahead_m",
            "wheelbase_m",
            "speed_time_constant_s",
            "max_acceleration_mps2",
            "max_deceleration_mps2",
            "speed_limit_mps",
            "hit_radius_m",
            "off_route_m",
        ):
            if not getattr(self, name) > 0.0:
                raise ValueError(f"{name} is {getattr(self, name)}, expected a positive number")
        for name in ("start_lateral_m", "start_heading_rad", "time_penalty_per_s", "waypoint_bonus", "goal_bonus"):
            if getattr(self, name) < 0.0:
                raise ValueError(f"{name} is {getattr(self, name)}, expected 0 or more")
        if self.spacing_max_m < self.spacing_min_m:
            raise ValueError(f"spacing_max_m is {self.spacing_max_m}, expected at least {self.spacing_min_m}")
        if not 0.0 <= self.max_turn_rad < math.pi / 2.0:
            raise ValueError(f"max_turn_rad is {self.max_turn_rad}, expected 0 to below pi/2: the route must go on")
        if not 0.0 < self.max_steer_rad < math.pi / 2.0:
            raise ValueError(f"max_steer_rad is {self.max_steer_rad}, expected between 0 and pi/2")
        if not 0.0 <= self.start_speed_min_mps <= self.start_speed_max_mps <= self.speed_limit_mps:
            raise ValueError("start speeds must satisfy 0 <= start_speed_min_mps <= start_speed_max_mps <= the limit")
        if self.lookahead_s + self.plan_dt_s > self.num_waypoints * self.plan_dt_s:
            raise ValueError(
                f"the plan reaches {self.num_waypoints * self.plan_dt_s:g} s, but the controller looks "
                f"{self.lookahead_s:g} s ahead for {self.plan_dt_s:g} s: plan further or look less far"
            )

    @property
    def horizon_s(self) -> float:
        """How far a plan reaches in time."""
        return self.num_waypoints * self.plan_dt_s

    def parameters(self) -> ToyParameters:
        """Put together what the kernels need."""
        derived = {
            "substep_s": self.plan_dt_s / self.substeps,
            "max_curvature_per_m": math.tan(self.max_steer_rad) / self.wheelbase_m,
        }
        values: dict[str, Any] = {name: derived.get(name, getattr(self, name, None)) for name in ToyParameters._fields}
        return ToyParameters(**values)

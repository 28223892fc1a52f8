"""The waypoint follower: plans in, vehicle commands out, and a safe stop whenever there is no plan to follow."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np

from waypilot.control.lateral import LateralConfig, LateralController
from waypilot.control.longitudinal import LongitudinalConfig, LongitudinalController, planned_speed
from waypilot.control.plan_check import PlanCheckConfig, refusal
from waypilot.control.safe_stop import SafeStop, SafeStopConfig
from waypilot.geometry import SE2, FloatArray
from waypilot.types import NANOSECONDS_PER_SECOND, Control, EgoState, Trajectory


@dataclass(frozen=True, slots=True)
class FollowerConfig:
    """Everything adjustable about the follower. ``max_step_s`` bounds the time one step may integrate over."""

    lateral: LateralConfig = field(default_factory=LateralConfig)
    longitudinal: LongitudinalConfig = field(default_factory=LongitudinalConfig)
    plan_check: PlanCheckConfig = field(default_factory=PlanCheckConfig)
    safe_stop: SafeStopConfig = field(default_factory=SafeStopConfig)
    max_step_s: float = 0.2

    def __post_init__(self) -> None:
        if not self.max_step_s > 0.0:
            raise ValueError(f"max_step_s is {self.max_step_s}, expected a positive time")


@dataclass(frozen=True, slots=True)
class TimedPlan:
    """A plan and the vehicle's pose at the plan's stamp, so that it can be followed from a later pose."""

    trajectory: Trajectory
    pose_map_from_base_link: SE2


@dataclass(frozen=True, slots=True)
class ControlOutput:
    """The command for this step; ``safe_stop_reason`` is None while a plan is followed."""

    control: Control
    safe_stop_reason: str | None


class WaypointFollower:
    """Follows the latest plan.

    Time comes from the ego stamps: a repeated stamp is answered without integrating anything (rates and integrals
    stand still), a stamp before the last one means a new run and resets the follower first.
    """

    def __init__(self, config: FollowerConfig | None = None) -> None:
        self.config = config or FollowerConfig()
        self._lateral = LateralController(self.config.lateral)
        self._longitudinal = LongitudinalController(self.config.longitudinal)
        self._safe_stop = SafeStop(self.config.safe_stop)
        self._last_stamp_ns: int | None = None

    def reset(self) -> None:
        """Forget everything: wheels straight, no integral, no stop under way."""
        self._lateral.reset()
        self._longitudinal.reset()
        self._safe_stop.release()
        self._last_stamp_ns = None

    def step(self, ego: EgoState, plan: TimedPlan | None) -> ControlOutput:
        """Command for the vehicle in state ``ego``; ``plan`` is the newest one there is, of about this stamp or older.

        Brakes to a halt, with the reason given, while the plan is missing, stale, from the future, invalid or absurd,
        or the ego state is not finite; follows again with the first good plan.
        """
        dt_s = self._advance(ego.stamp_ns)
        if not _is_finite(ego):
            return self._stop(0.0, dt_s, "ego state is not finite")
        reason = refusal(plan.trajectory if plan else None, ego.stamp_ns, self.config.plan_check)
        if plan is None or reason is not None:
            return self._stop(ego.speed_mps, dt_s, reason or "no plan")
        if not _is_finite_pose(plan.pose_map_from_base_link):
            return self._stop(ego.speed_mps, dt_s, "invalid plan: its pose is not finite")
        return ControlOutput(self._follow(ego, plan, dt_s), None)

    def _advance(self, stamp_ns: int) -> float:
        if self._last_stamp_ns is not None and stamp_ns < self._last_stamp_ns:
            self.reset()
        last_ns = stamp_ns if self._last_stamp_ns is None else self._last_stamp_ns
        self._last_stamp_ns = stamp_ns
        return min((stamp_ns - last_ns) / NANOSECONDS_PER_SECOND, self.config.max_step_s)

    def _follow(self, ego: EgoState, plan: TimedPlan, dt_s: float) -> Control:
        self._safe_stop.release()
        age_s = (ego.stamp_ns - plan.trajectory.stamp_ns) / NANOSECONDS_PER_SECOND
        window = self.config.longitudinal
        wanted_mps = planned_speed(plan.trajectory, age_s + window.window_start_s, age_s + window.window_end_s)
        steer = self._lateral.follow(_path_from_here(ego, plan), ego.speed_mps, dt_s)
        throttle, brake = self._longitudinal.follow(wanted_mps, ego.speed_mps, dt_s)
        return Control(throttle=throttle, steer=steer, brake=brake)

    def _stop(self, speed_mps: float, dt_s: float, reason: str) -> ControlOutput:
        self._longitudinal.reset()
        brake = self._safe_stop.brake(dt_s)
        wanted_rad = self._lateral.wheel_angle_rad if self._safe_stop.holds_steer else 0.0
        steer = self._lateral.turn_wheels(wanted_rad, speed_mps, dt_s)
        return ControlOutput(Control(steer=steer, brake=brake), reason)


def _path_from_here(ego: EgoState, plan: TimedPlan) -> FloatArray:
    """Give the plan's start and waypoints, (N + 1, 2), in the present base_link."""
    path = np.vstack([np.zeros((1, 2)), plan.trajectory.waypoints_m])
    here_from_plan = ego.pose_map_from_base_link.planar.inverse().compose(plan.pose_map_from_base_link)
    return here_from_plan.transform_points(path)


def _is_finite(ego: EgoState) -> bool:
    return _is_finite_pose(ego.pose_map_from_base_link.planar) and all(map(math.isfinite, ego.linear_velocity_mps))


def _is_finite_pose(pose: SE2) -> bool:
    return all(map(math.isfinite, (pose.x_m, pose.y_m, pose.yaw_rad)))

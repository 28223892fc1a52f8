"""The waypoint follower: plans in, vehicle commands out, and a safe stop whenever there is no plan to follow."""

from __future__ import annotations

import math
from dataclasses import dataclass, field

from waypilot.control.lateral import LateralConfig, LateralController
from waypilot.control.longitudinal import LongitudinalConfig, LongitudinalController
from waypilot.control.odometry_check import OdometryCheck, OdometryCheckConfig
from waypilot.control.plan_check import PlanCheck, PlanCheckConfig
from waypilot.control.plan_course import PlanCourse
from waypilot.control.safe_stop import SafeStop, SafeStopConfig
from waypilot.geometry import SE2
from waypilot.types import NANOSECONDS_PER_SECOND, Control, EgoState, Trajectory


@dataclass(frozen=True, slots=True)
class FollowerConfig:
    """Everything adjustable about the follower. ``max_step_s`` bounds the time one step may integrate over.

    A plan that is refused is bridged by the last good one while that is at most ``bridge_s`` old. After a safe stop,
    plans must have been good for ``recover_s`` before one is followed again.
    """

    lateral: LateralConfig = field(default_factory=LateralConfig)
    longitudinal: LongitudinalConfig = field(default_factory=LongitudinalConfig)
    plan_check: PlanCheckConfig = field(default_factory=PlanCheckConfig)
    safe_stop: SafeStopConfig = field(default_factory=SafeStopConfig)
    odometry_check: OdometryCheckConfig = field(default_factory=OdometryCheckConfig)
    max_step_s: float = 0.2
    bridge_s: float = 0.2
    recover_s: float = 0.25

    def __post_init__(self) -> None:
        for name in ("bridge_s", "recover_s"):
            if not getattr(self, name) >= 0.0:
                raise ValueError(f"{name} is {getattr(self, name)}, expected zero or more seconds")
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
        self._odometry = OdometryCheck(self.config.odometry_check)
        self._plan_check = PlanCheck(self.config.plan_check)
        self._course: PlanCourse | None = None
        self._last_stamp_ns: int | None = None
        self._good: TimedPlan | None = None
        self._stopped = False
        self._good_since_ns: int | None = None
        self._throttle = 0.0

    def reset(self) -> None:
        """Forget everything: wheels straight, no integral, no stop under way."""
        self._lateral.reset()
        self._longitudinal.reset()
        self._safe_stop.release()
        self._odometry.reset()
        self._last_stamp_ns = None
        self._good = None
        self._stopped = False
        self._good_since_ns = None
        self._throttle = 0.0

    def step(self, ego: EgoState, plan: TimedPlan | None) -> ControlOutput:
        """Command for the vehicle in state ``ego``; ``plan`` is the newest one there is, of about this stamp or older.

        Brakes to a halt, with the reason given, while the plan is missing, stale, from the future, invalid or absurd
        (longer than the last good one bridges), or the ego state is not finite or frozen. Follows again once plans have
        been good for a while.
        """
        dt_s = self._advance(ego.stamp_ns)
        if not _is_finite(ego):
            self._good_since_ns = None
            return self._stop(0.0, dt_s, "ego state is not finite")
        frozen = self._odometry.refusal(ego, self._throttle)
        reason = frozen or self._refusal(ego, plan)
        if reason is not None:
            self._good_since_ns = None
        followed = plan if reason is None else None if frozen else self._bridge(ego)
        reason = reason or self._distrust(ego)
        if followed is None or (reason is not None and self._stopped):
            return self._stop(ego.speed_mps, dt_s, reason or "no plan")
        if reason is None:
            self._good = followed
        return ControlOutput(self._follow(ego, followed, dt_s), None)

    def _refusal(self, ego: EgoState, plan: TimedPlan | None) -> str | None:
        reason = self._plan_check.refusal(plan.trajectory if plan else None, ego.stamp_ns)
        if reason is None and plan is not None and not _is_finite_pose(plan.pose_map_from_base_link):
            reason = "invalid plan: its pose is not finite"
        return reason

    def _bridge(self, ego: EgoState) -> TimedPlan | None:
        """Return the last good plan if it is fresh enough to go on with for a moment."""
        if self._good is None:
            return None
        age_s = (ego.stamp_ns - self._good.trajectory.stamp_ns) / NANOSECONDS_PER_SECOND
        return self._good if age_s <= self.config.bridge_s else None

    def _distrust(self, ego: EgoState) -> str | None:
        """Say that a good plan is not followed yet because the stop before it is too recent."""
        if not self._stopped:
            return None
        if self._good_since_ns is None:
            self._good_since_ns = ego.stamp_ns
        waited_s = (ego.stamp_ns - self._good_since_ns) / NANOSECONDS_PER_SECOND
        return None if waited_s >= self.config.recover_s else "plans have just become good again"

    def _advance(self, stamp_ns: int) -> float:
        if self._last_stamp_ns is not None and stamp_ns < self._last_stamp_ns:
            self.reset()
        last_ns = stamp_ns if self._last_stamp_ns is None else self._last_stamp_ns
        self._last_stamp_ns = stamp_ns
        return min((stamp_ns - last_ns) / NANOSECONDS_PER_SECOND, self.config.max_step_s)

    def _follow(self, ego: EgoState, plan: TimedPlan, dt_s: float) -> Control:
        self._safe_stop.release()
        self._stopped = False
        age_s = (ego.stamp_ns - plan.trajectory.stamp_ns) / NANOSECONDS_PER_SECOND
        window = self.config.longitudinal
        course = self._course_of(plan.trajectory)
        wanted_mps = course.speed_mps(age_s + window.window_start_s, age_s + window.window_end_s)
        here_from_plan = ego.pose_map_from_base_link.planar.inverse().compose(plan.pose_map_from_base_link)
        steer = self._lateral.follow(here_from_plan.transform_points(course.path_m), ego.speed_mps, dt_s)
        throttle, brake = self._longitudinal.follow(wanted_mps, ego.speed_mps, dt_s)
        self._throttle = throttle
        return Control(throttle=throttle, steer=steer, brake=brake)

    def _course_of(self, plan: Trajectory) -> PlanCourse:
        """Return a plan's course; it is computed once, however many steps the plan is followed for."""
        if self._course is None or self._course.plan is not plan:
            self._course = PlanCourse(plan)
        return self._course

    def _stop(self, speed_mps: float, dt_s: float, reason: str) -> ControlOutput:
        # A vehicle that did not start needs more throttle at the next attempt, not the same again.
        if not self._odometry.is_held:
            self._longitudinal.reset()
        self._throttle = 0.0
        # Before the first good plan there is nothing to come back to, so the first one is followed at once.
        self._stopped = self._good is not None
        brake = self._safe_stop.brake(dt_s)
        wanted_rad = self._lateral.wheel_angle_rad if self._safe_stop.holds_steer else 0.0
        steer = self._lateral.turn_wheels(wanted_rad, speed_mps, dt_s)
        return ControlOutput(Control(steer=steer, brake=brake), reason)


def _is_finite(ego: EgoState) -> bool:
    return _is_finite_pose(ego.pose_map_from_base_link.planar) and all(map(math.isfinite, ego.linear_velocity_mps))


def _is_finite_pose(pose: SE2) -> bool:
    return all(map(math.isfinite, (pose.x_m, pose.y_m, pose.yaw_rad)))

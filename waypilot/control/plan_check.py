"""What must hold before a vehicle follows a plan."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from waypilot.types import NANOSECONDS_PER_SECOND, Trajectory


@dataclass(frozen=True, slots=True)
class PlanCheckConfig:
    """Bounds of plans that are followed.

    A plan may be ``max_lead_s`` newer than the ego state: messages of one frame can overtake each other.
    Waypoints whose spacing means more than ``max_speed_mps``, or a change of velocity from one spacing to the next of
    more than ``max_acceleration_mps2`` (far above what tyres can do: it catches jumps, not bad taste), are refused, and
    so are plans that lead more than ``max_backwards_m`` backwards within their first second: nobody reverses here.
    """

    max_age_s: float = 0.4
    max_lead_s: float = 0.1
    max_speed_mps: float = 35.0
    max_acceleration_mps2: float = 40.0
    max_backwards_m: float = 0.5

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            if not getattr(self, name) > 0.0:
                raise ValueError(f"{name} is {getattr(self, name)}, expected a positive value")


class PlanCheck:
    """Checks the plan of each step. A plan that comes again is looked through only once: plans do not change."""

    def __init__(self, config: PlanCheckConfig) -> None:
        self.config = config
        self._checked: Trajectory | None = None
        self._invalid: str | None = None
        self._absurd: str | None = None

    def refusal(self, plan: Trajectory | None, now_ns: int) -> str | None:
        """Say why this plan must not be followed at ``now_ns``, or None when it may be."""
        if plan is None:
            return "no plan"
        if plan is not self._checked:
            self._look_through(plan)
        return self._invalid or self._untimely(plan, now_ns) or self._absurd

    def _look_through(self, plan: Trajectory) -> None:
        reason = plan.invalid_reason()
        self._invalid = None if reason is None else f"invalid plan: {reason}"
        with np.errstate(over="ignore"):  # a number too large to be subtracted is refused as too fast
            self._absurd = None if self._invalid else _absurdity(plan, self.config)
        self._checked = plan

    def _untimely(self, plan: Trajectory, now_ns: int) -> str | None:
        config, age_s = self.config, (now_ns - plan.stamp_ns) / NANOSECONDS_PER_SECOND
        if age_s < -config.max_lead_s:
            return f"plan is from the future: {-age_s:.3f} s ahead of the vehicle, allowed {config.max_lead_s:g} s"
        if age_s > config.max_age_s:
            return f"stale plan: {age_s:.3f} s old, allowed {config.max_age_s:g} s"
        return None


def _absurdity(plan: Trajectory, config: PlanCheckConfig) -> str | None:
    dt_s = plan.dt_ns / NANOSECONDS_PER_SECOND
    velocities = np.diff(plan.waypoints_m, axis=0, prepend=np.zeros((1, 2))) / dt_s
    speeds = np.hypot(velocities[:, 0], velocities[:, 1])
    fastest = int(np.argmax(speeds))
    if speeds[fastest] > config.max_speed_mps:
        return f"absurd plan: {speeds[fastest]:.1f} m/s up to waypoint {fastest}, allowed {config.max_speed_mps:g} m/s"
    changes = np.diff(velocities, axis=0) / dt_s
    accelerations = np.hypot(changes[:, 0], changes[:, 1])
    if accelerations.size and accelerations.max() > config.max_acceleration_mps2:
        return (
            f"absurd plan: jump at waypoint {int(np.argmax(accelerations))}, {accelerations.max():.0f} m/s^2, "
            f"allowed {config.max_acceleration_mps2:g} m/s^2"
        )
    first_second = plan.waypoints_m[: max(round(1.0 / dt_s), 1), 0]
    if first_second.min() < -config.max_backwards_m:
        return f"absurd plan: {-first_second.min():.1f} m backwards, allowed {config.max_backwards_m:g} m"
    return None

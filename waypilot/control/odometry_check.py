"""Tells whether the reported state of the vehicle still follows the vehicle."""

from __future__ import annotations

from dataclasses import dataclass

from waypilot.geometry import Pose
from waypilot.types import NANOSECONDS_PER_SECOND, EgoState


@dataclass(frozen=True, slots=True)
class OdometryCheckConfig:
    """When odometry is taken for frozen: a bit-identical pose under advancing stamps.

    Either for ``moving_s`` while it reports at least ``moving_mps``, or for ``pushed_s`` while the vehicle was told to
    drive (throttle of at least ``pushed_throttle``): a vehicle that stands reports a constant pose too. In the second
    case the vehicle may really be held by something, so after ``retry_s`` it is trusted again.
    """

    moving_mps: float = 0.5
    moving_s: float = 0.1
    pushed_throttle: float = 0.1
    pushed_s: float = 0.4
    retry_s: float = 2.0

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            if not getattr(self, name) > 0.0:
                raise ValueError(f"{name} is {getattr(self, name)}, expected a positive value")


class OdometryCheck:
    """Watches the states and commands of one drive, one state per frame."""

    def __init__(self, config: OdometryCheckConfig) -> None:
        self._config = config
        self.reset()

    def reset(self) -> None:
        """Start a new drive."""
        self._pose: Pose | None = None
        self._last_ns = 0
        self._still_s = 0.0
        self._pushed_s = 0.0
        self._refused_s = 0.0

    def refusal(self, ego: EgoState, throttle: float) -> str | None:
        """Say why this state is not believed, or None; ``throttle`` is the command before it."""
        step_s = (ego.stamp_ns - self._last_ns) / NANOSECONDS_PER_SECOND
        if self._pose is None or ego.pose_map_from_base_link != self._pose:
            self._pose, self._still_s, self._pushed_s, self._refused_s = ego.pose_map_from_base_link, 0.0, 0.0, 0.0
        else:
            self._still_s += step_s
            self._pushed_s += step_s if throttle >= self._config.pushed_throttle else 0.0
        self._last_ns = ego.stamp_ns
        return self._judge(ego, step_s)

    def _judge(self, ego: EgoState, step_s: float) -> str | None:
        c = self._config
        if abs(ego.speed_mps) >= c.moving_mps and self._still_s >= c.moving_s:
            return f"odometry is frozen: it reports {ego.speed_mps:.1f} m/s and always the same pose"
        if self._pushed_s < c.pushed_s:
            return None
        self._refused_s += step_s
        if self._refused_s > c.retry_s:
            self._pushed_s = self._refused_s = 0.0
            return None
        return "odometry is frozen, or the vehicle is held: no motion in spite of throttle"

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
    case the vehicle may really be held by something or start slowly, so after ``retry_s`` it is trusted again, each
    time for twice as long as before until the pose changes, up to ``max_pushed_s``: that bounds how far a vehicle
    whose odometry is frozen after all drives blind.
    """

    moving_mps: float = 0.5
    moving_s: float = 0.1
    pushed_throttle: float = 0.1
    pushed_s: float = 0.4
    max_pushed_s: float = 1.6
    retry_s: float = 2.0

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            if not getattr(self, name) > 0.0:
                raise ValueError(f"{name} is {getattr(self, name)}, expected a positive value")
        if self.max_pushed_s < self.pushed_s:
            raise ValueError(f"max_pushed_s is {self.max_pushed_s}, must not be below pushed_s ({self.pushed_s})")


@dataclass(slots=True)
class _Standstill:
    """What happened since the pose last changed."""

    pose: Pose | None = None
    still_s: float = 0.0
    pushed_s: float = 0.0
    refused_s: float = 0.0
    retries: int = 0


class OdometryCheck:
    """Watches the states and commands of one drive, one state per frame."""

    def __init__(self, config: OdometryCheckConfig) -> None:
        self._config = config
        self.reset()

    def reset(self) -> None:
        """Start a new drive."""
        self._last_ns = 0
        self._still = _Standstill()

    @property
    def is_held(self) -> bool:
        """Whether throttle has not moved the vehicle, from the first refusal for that until the pose changes."""
        return self._still.retries > 0 or self._still.refused_s > 0.0

    def refusal(self, ego: EgoState, throttle: float) -> str | None:
        """Say why this state is not believed, or None; ``throttle`` is the command before it."""
        step_s = (ego.stamp_ns - self._last_ns) / NANOSECONDS_PER_SECOND
        if self._still.pose is None or ego.pose_map_from_base_link != self._still.pose:
            self._still = _Standstill(ego.pose_map_from_base_link)
        else:
            self._still.still_s += step_s
            self._still.pushed_s += step_s if throttle >= self._config.pushed_throttle else 0.0
        self._last_ns = ego.stamp_ns
        return self._judge(ego, step_s)

    def _judge(self, ego: EgoState, step_s: float) -> str | None:
        c, still = self._config, self._still
        if abs(ego.speed_mps) >= c.moving_mps and still.still_s >= c.moving_s:
            return f"odometry is frozen: it reports {ego.speed_mps:.1f} m/s and always the same pose"
        if still.pushed_s < min(c.pushed_s * 2**still.retries, c.max_pushed_s):
            return None
        still.refused_s += step_s
        if still.refused_s > c.retry_s:
            still.pushed_s = still.refused_s = 0.0
            still.retries += 1
            return None
        return "odometry is frozen, or the vehicle is held: no motion in spite of throttle"

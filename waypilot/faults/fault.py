"""What may be broken, when, and how much."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum
from types import MappingProxyType

from waypilot.types import NANOSECONDS_PER_SECOND


class FaultKind(Enum):
    """What a fault does; the name's first word says to what."""

    CAMERA_BLACK = "camera_black"
    CAMERA_FROZEN = "camera_frozen"
    CAMERA_LATE = "camera_late"
    CAMERA_DROPS = "camera_drops"
    CAMERA_GONE = "camera_gone"
    CAMERA_NOISE = "camera_noise"
    CAMERA_SIZE = "camera_size"
    ODOMETRY_FROZEN = "odometry_frozen"
    POLICY_SLOW = "policy_slow"
    POLICY_SILENT = "policy_silent"
    POLICY_NAN = "policy_nan"
    POLICY_JUMPS = "policy_jumps"
    POLICY_BACKWARDS = "policy_backwards"
    POLICY_FAR = "policy_far"
    POLICY_DIES = "policy_dies"
    CONTROL_LOST = "control_lost"
    CONTROL_LATE = "control_late"

    @property
    def subject(self) -> str:
        """What is broken: camera, odometry, policy or control."""
        return self.value.partition("_")[0]


_PARAMETERS: Mapping[FaultKind, str] = MappingProxyType(
    {
        FaultKind.CAMERA_LATE: "delay_s",
        FaultKind.CAMERA_DROPS: "share",
        FaultKind.CAMERA_NOISE: "sigma",
        FaultKind.POLICY_SLOW: "delay_s",
        FaultKind.CONTROL_LATE: "delay_s",
    }
)
#: Nodes remember 5 s of frames; what comes later than this belongs to nothing they know.
MAX_DELAY_S = 4.0


@dataclass(frozen=True, slots=True)
class Fault:
    """One fault of a scenario, in simulated time since the first frame.

    ``duration_s`` None: to the end of the drive. ``target`` is a camera's name, for camera faults only; empty: all
    cameras. Some kinds need one number: ``delay_s`` (camera_late, policy_slow, control_late: everything comes so much
    later), ``share`` (camera_drops: of the frames, drawn with the scenario's seed), ``sigma`` (camera_noise: standard
    deviation in grey levels). Raises ValueError for a number that is missing, out of range or of no use to the kind.
    """

    kind: FaultKind
    start_s: float
    duration_s: float | None = None
    target: str = ""
    delay_s: float | None = None
    share: float | None = None
    sigma: float | None = None

    def __post_init__(self) -> None:
        if not self.start_s >= 0.0:
            raise ValueError(f"start_s is {self.start_s}, give seconds since the first frame, 0 or more")
        if self.duration_s is not None and not (math.isfinite(self.duration_s) and self.duration_s > 0.0):
            raise ValueError(
                f"duration_s is {self.duration_s}, give positive seconds, or leave it out for 'to the end'"
            )
        if self.target and self.kind.subject != "camera":
            raise ValueError(f"target is {self.target!r}, only camera faults have one: leave it out")
        self._check_parameter("delay_s", MAX_DELAY_S)
        self._check_parameter("share", 1.0)
        self._check_parameter("sigma", 255.0)

    def _check_parameter(self, name: str, most: float) -> None:
        value = getattr(self, name)
        needed = _PARAMETERS.get(self.kind) == name
        if needed and (value is None or not 0.0 < value <= most):
            raise ValueError(f"{name} is {value}, {self.kind.value} needs a number above 0 and up to {most:g}")
        if not needed and value is not None:
            raise ValueError(f"{name} is {value}, {self.kind.value} has no use for it: leave it out")

    @property
    def start_ns(self) -> int:
        """When it begins, since the first frame."""
        return round(self.start_s * NANOSECONDS_PER_SECOND)

    @property
    def end_ns(self) -> int | None:
        """When it is over, since the first frame; None: never."""
        if self.duration_s is None:
            return None
        return self.start_ns + round(self.duration_s * NANOSECONDS_PER_SECOND)

    @property
    def delay_ns(self) -> int:
        """Delay of the kinds that have one, otherwise 0."""
        return round((self.delay_s or 0.0) * NANOSECONDS_PER_SECOND)

    def is_active(self, since_ns: int) -> bool:
        """Whether it is there, ``since_ns`` after the first frame."""
        return self.start_ns <= since_ns and (self.end_ns is None or since_ns < self.end_ns)

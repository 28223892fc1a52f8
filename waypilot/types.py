"""The values that cross borders: what a simulator reports, what a policy sees and plans, what a car obeys.

Frames follow REP 103/105: ``map`` is fixed, ``base_link`` moves with the vehicle (x forward, y left).
Stamps are integer nanoseconds of simulated time.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum, IntEnum
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from waypilot.geometry import FloatArray, Pose, Vector3

if TYPE_CHECKING:
    from waypilot.surroundings import SceneInfo, Surroundings

RgbImage = NDArray[np.uint8]
NANOSECONDS_PER_SECOND = 1_000_000_000


class RouteCommand(IntEnum):
    """What the route asks for next; numbers are those of CARLA's RoadOption."""

    VOID = -1
    LEFT = 1
    RIGHT = 2
    STRAIGHT = 3
    LANE_FOLLOW = 4


@dataclass(frozen=True, slots=True)
class EgoState:
    """Where the vehicle is and how it moves.

    Velocities are those of the base_link origin, expressed in base_link axes (m/s, rad/s), as in
    ``nav_msgs/Odometry``. The orientation stays a quaternion so that a trip through a message changes no bit.
    """

    stamp_ns: int
    pose_map_from_base_link: Pose
    linear_velocity_mps: Vector3
    angular_velocity_radps: Vector3

    @property
    def speed_mps(self) -> float:
        """Signed forward speed."""
        return self.linear_velocity_mps[0]


@dataclass(frozen=True, slots=True)
class Observation:
    """What a policy may look at in one step.

    ``images`` maps a camera name to an RGB image (H, W, 3) of exactly this stamp; a camera whose
    ``image_valid`` is False carries no information (its array may be missing or stale).
    ``target_point_m`` is the next sparse route point in base_link (NaN without a route); ``command`` the
    manoeuvre there.
    ``scene`` and ``surroundings`` are what the simulator knows: None for every policy that is not privileged.
    """

    stamp_ns: int
    ego: EgoState
    command: RouteCommand
    target_point_m: tuple[float, float]
    images: Mapping[str, RgbImage] = field(default_factory=dict)
    image_valid: Mapping[str, bool] = field(default_factory=dict)
    scene: SceneInfo | None = None
    surroundings: Surroundings | None = None


@dataclass(frozen=True, slots=True)
class Trajectory:
    """Waypoints of the base_link origin in base_link axes at ``stamp_ns``.

    ``waypoints_m`` has shape (N, 2); waypoint i belongs to ``stamp_ns + (i + 1) * dt_ns``.
    """

    stamp_ns: int
    dt_ns: int
    waypoints_m: FloatArray

    def invalid_reason(self) -> str | None:
        """Say why no vehicle may follow this, or None when it may be followed."""
        shape = self.waypoints_m.shape
        if len(shape) != 2 or shape[1] != 2:
            return f"waypoints have shape {shape}, expected (N, 2)"
        if shape[0] == 0:
            return "no waypoints"
        if self.dt_ns <= 0:
            return f"waypoint spacing is {self.dt_ns} ns, expected a positive time"
        if not bool(np.isfinite(self.waypoints_m).all()):
            return "waypoints are not finite"
        return None


@dataclass(frozen=True, slots=True)
class Plan:
    """A policy's answer: ``final = sft + delta``, the parts kept for inspection.

    ``sft`` and ``delta_m`` are None for policies that are no such sum (the expert, a foreign policy).
    """

    final: Trajectory
    sft: Trajectory | None = None
    delta_m: FloatArray | None = None


@dataclass(frozen=True, slots=True)
class Control:
    """A vehicle command in CARLA's sense: throttle and brake 0..1, steer -1..1 with **positive to the right**.

    The command is a float32 in ROS and on CARLA's wire, so the values are rounded to float32 here, once,
    and every loop applies the same bits.
    """

    throttle: float = 0.0
    steer: float = 0.0
    brake: float = 0.0
    hand_brake: bool = False
    reverse: bool = False

    def __post_init__(self) -> None:
        for name, low in (("throttle", 0.0), ("steer", -1.0), ("brake", 0.0)):
            value = float(np.float32(getattr(self, name)))
            if not math.isfinite(value) or not low <= value <= 1.0:
                raise ValueError(f"{name} is {value}, expected a number in [{low:g}, 1]")
            object.__setattr__(self, name, value)


class ActorKind(Enum):
    """What a collision partner is; collisions are counted by kind."""

    VEHICLE = "vehicle"
    PEDESTRIAN = "pedestrian"
    STATIC = "static"


@dataclass(frozen=True, slots=True)
class CollisionEvent:
    """One contact. The impulse is in map axes, in N s; the partner's id is the simulator's (0: the world)."""

    stamp_ns: int
    other_actor_id: int
    other_kind: ActorKind
    impulse_ns: Vector3


@dataclass(frozen=True, slots=True)
class LaneInvasionEvent:
    """The vehicle crossed lane markings; numbers are CARLA's LaneMarkingType."""

    stamp_ns: int
    crossed_markings: tuple[int, ...]

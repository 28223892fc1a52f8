"""What is around the vehicle: other road users, signals, and the road under it. Map frame, REP 103, SI units.

A simulator's adapter fills these in, a ``DriveLog`` keeps them, the metrics judge by them. What is the same during a
whole drive stands in ``SceneInfo``, what changes with every frame in ``Surroundings``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import Enum

from waypilot.geometry import SE2
from waypilot.types import ActorKind

Point = tuple[float, float]


class LightState(Enum):
    """What a traffic light shows."""

    RED = "red"
    YELLOW = "yellow"
    GREEN = "green"
    OFF = "off"
    UNKNOWN = "unknown"


class SignalKind(Enum):
    """What makes vehicles stop at a line."""

    TRAFFIC_LIGHT = "traffic_light"
    STOP_SIGN = "stop_sign"


class RoadType(Enum):
    """What lies under a point of the map."""

    DRIVING = "driving"
    SHOULDER = "shoulder"
    PARKING = "parking"
    SIDEWALK = "sidewalk"
    OTHER = "other"
    OFF_ROAD = "off_road"

    @property
    def is_drivable(self) -> bool:
        """Whether a car may be there: driving lanes, shoulders and parking lanes are the drivable area."""
        return self in (RoadType.DRIVING, RoadType.SHOULDER, RoadType.PARKING)


@dataclass(frozen=True, slots=True)
class Footprint:
    """The vehicle's rectangle in base_link axes; its centre lies ``centre_x_m`` ahead of the origin."""

    half_length_m: float
    half_width_m: float
    centre_x_m: float = 0.0

    def corners(self, pose_map_from_base_link: SE2) -> tuple[Point, Point, Point, Point]:
        """Return front left, front right, rear right and rear left in the map."""
        front, rear, side = (
            self.centre_x_m + self.half_length_m,
            self.centre_x_m - self.half_length_m,
            self.half_width_m,
        )
        local = ((front, side), (front, -side), (rear, -side), (rear, side))
        pose = pose_map_from_base_link
        c, s = math.cos(pose.yaw_rad), math.sin(pose.yaw_rad)
        a, b, d, e = ((pose.x_m + c * x - s * y, pose.y_m + s * x + c * y) for x, y in local)
        return a, b, d, e


@dataclass(frozen=True, slots=True)
class StopLine:
    """The line of one signal on one lane, from its left to its right end as seen by who must obey it.

    ``heading_rad`` is the direction of travel across the line. A signal over several lanes has several lines.
    """

    signal_id: int
    kind: SignalKind
    left_m: Point
    right_m: Point
    heading_rad: float


@dataclass(frozen=True, slots=True)
class SceneInfo:
    """What stays the same during a drive: the vehicle's own rectangle and the stop lines near its route."""

    ego: Footprint
    stop_lines: tuple[StopLine, ...] = ()


@dataclass(frozen=True, slots=True)
class ActorState:
    """Another road user at one instant: the centre of its box in the map, its velocity in map axes (m/s)."""

    actor_id: int
    kind: ActorKind
    type_id: str
    pose_map_from_box: SE2
    velocity_mps: tuple[float, float]
    half_length_m: float
    half_width_m: float


@dataclass(frozen=True, slots=True)
class RoadSample:
    """The road at base_link's origin, and whether the vehicle's corners are on it.

    ``lane_lateral_m`` is the vehicle's offset to the left of the centre line of the lane it is in (None off the
    road), ``lane_heading_rad`` that lane's direction of travel. Off the road, ids and width are 0. ``corners`` are
    front left, front right, rear right, rear left. ``speed_limit_mps`` is None where the simulator knows none.
    """

    type: RoadType
    road_id: int
    lane_id: int
    in_junction: bool
    lane_width_m: float
    lane_lateral_m: float | None
    lane_heading_rad: float | None
    corners: tuple[RoadType, RoadType, RoadType, RoadType]
    speed_limit_mps: float | None = None


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Everything around the vehicle on the frame of ``stamp_ns``.

    ``actors`` are those within the adapter's range, ordered by id; ``lights`` the state of every traffic light that
    has a line in ``SceneInfo``, ordered by id. ``road`` is None where the simulator gives no map.
    """

    stamp_ns: int
    actors: tuple[ActorState, ...] = ()
    lights: tuple[tuple[int, LightState], ...] = ()
    road: RoadSample | None = None

"""The records of CARLA's recorder log, with numbers as the file has them.

**Unreal's axes, centimetres and degrees**: x forward, y right, z up; rotations are roll, pitch, yaw. Velocities are in
m/s and deg/s.
"""

from __future__ import annotations

from enum import IntEnum
from typing import NamedTuple

NO_ACTOR = 2**32 - 1
"""The id that stands in a collision for something that is no actor."""


class ActorKind(IntEnum):
    """What the log takes an actor for."""

    OTHER = 0
    VEHICLE = 1
    WALKER = 2
    TRAFFIC_LIGHT = 3
    TRAFFIC_SIGN = 4
    SENSOR = 5


class FrameStart(NamedTuple):
    """Number of a frame from 1 on, how long it lasts (s, -1 for the last one) and when it begins (s)."""

    number: int
    duration_s: float
    elapsed_s: float


class Attribute(NamedTuple):
    """One attribute of an actor; types are numbered as in blueprints."""

    type: int
    name: str
    value: str


class ActorAdded(NamedTuple):
    """A new actor: its id, kind, place (for one with a parent in the parent's axes) and blueprint."""

    actor_id: int
    kind: int
    x_cm: float
    y_cm: float
    z_cm: float
    roll_deg: float
    pitch_deg: float
    yaw_deg: float
    definition_id: int
    type_id: str
    attributes: tuple[Attribute, ...]


class ActorRemoved(NamedTuple):
    """An actor that is gone."""

    actor_id: int


class Parent(NamedTuple):
    """An actor and the one it is attached to."""

    actor_id: int
    parent_id: int


class CollisionRecord(NamedTuple):
    """A contact; numbers count up over a recording."""

    number: int
    first_id: int
    second_id: int
    first_is_hero: bool
    second_is_hero: bool


class Position(NamedTuple):
    """Where an actor is."""

    actor_id: int
    x_cm: float
    y_cm: float
    z_cm: float
    roll_deg: float
    pitch_deg: float
    yaw_deg: float


class LightRecord(NamedTuple):
    """What a traffic light shows, for how long already, and whether its junction is frozen."""

    actor_id: int
    frozen: bool
    elapsed_s: float
    state: int


class VehicleRecord(NamedTuple):
    """The control of a vehicle; a negative gear is reverse."""

    actor_id: int
    steer: float
    throttle: float
    brake: float
    hand_brake: bool
    gear: int


class WalkerRecord(NamedTuple):
    """The speed in a walker's control, m/s."""

    actor_id: int
    speed_mps: float


class VehicleLights(NamedTuple):
    """The light flags of a vehicle."""

    actor_id: int
    flags: int


class Kinematics(NamedTuple):
    """Velocity (m/s) and angular velocity (deg/s) of an actor."""

    actor_id: int
    vx: float
    vy: float
    vz: float
    wx: float
    wy: float
    wz: float


class BoxRecord(NamedTuple):
    """A box: its middle (cm; of an actor in its axes, of a trigger volume in the world) and half sizes (cm)."""

    actor_id: int
    x_cm: float
    y_cm: float
    z_cm: float
    half_x_cm: float
    half_y_cm: float
    half_z_cm: float


class LightTimes(NamedTuple):
    """How long a traffic light shows each colour, s."""

    actor_id: int
    green_s: float
    yellow_s: float
    red_s: float

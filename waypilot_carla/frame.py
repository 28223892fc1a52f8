"""What one frame of a simulator holds, and what stays the same during a scenario. REP 103 axes, SI units."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from waypilot.geometry import Pose, Quaternion, Vector3
from waypilot.route import Route
from waypilot.surroundings import SceneInfo, Surroundings
from waypilot.types import CollisionEvent, Control, EgoState, LaneInvasionEvent


@dataclass(frozen=True, slots=True)
class ImuSample:
    """Acceleration (gravity included) and rates in the sensor's axes; orientation of the sensor in the map."""

    stamp_ns: int
    linear_acceleration_mps2: Vector3
    angular_velocity_radps: Vector3
    orientation: Quaternion


@dataclass(frozen=True, slots=True)
class GnssFix:
    """Position of the sensor on the globe, WGS 84."""

    stamp_ns: int
    latitude_deg: float
    longitude_deg: float
    altitude_m: float


@dataclass(frozen=True, slots=True)
class VehicleStatus:
    """The control that the simulator reports for the vehicle, and its acceleration in map axes."""

    control: Control
    gear: int
    manual_gear_shift: bool
    acceleration_mps2: Vector3


@dataclass(frozen=True, slots=True)
class SimulatorFrame:
    """Everything of one simulated instant. All of it carries ``stamp_ns``, except the events.

    ``images_bgra`` maps camera name to (H, W, 4) uint8, owned by the receiver. Events are those that arrived since
    the frame before, each with its own stamp: the simulator delivers them up to a few frames late. ``surroundings`` is
    None where nobody observes them.
    """

    frame: int
    stamp_ns: int
    ego: EgoState
    status: VehicleStatus
    images_bgra: dict[str, NDArray[np.uint8]]
    imu: ImuSample
    gnss: GnssFix
    collisions: tuple[CollisionEvent, ...] = ()
    lane_invasions: tuple[LaneInvasionEvent, ...] = ()
    surroundings: Surroundings | None = None


@dataclass(frozen=True, slots=True)
class LateEvents:
    """Events of the drive that arrived after its last frame."""

    collisions: tuple[CollisionEvent, ...]
    lane_invasions: tuple[LaneInvasionEvent, ...]


@dataclass(frozen=True, slots=True)
class WheelInfo:
    """One wheel; ``position_m`` in base_link. Torques in N m, damping as CARLA gives it."""

    tire_friction: float
    damping_rate: float
    max_steer_rad: float
    radius_m: float
    max_brake_torque_nm: float
    max_handbrake_torque_nm: float
    position_m: Vector3


@dataclass(frozen=True, slots=True)
class VehicleInfo:
    """What does not change while the vehicle lives; the fields of carla_msgs/CarlaEgoVehicleInfo, and the wheelbase."""

    actor_id: int
    type_id: str
    role_name: str
    wheels: tuple[WheelInfo, ...]
    wheelbase_m: float
    max_steer_rad: float
    half_extent_m: Vector3
    max_rpm: float
    moment_of_inertia_kgm2: float
    damping_rate_full_throttle: float
    damping_rate_zero_throttle_clutch_engaged: float
    damping_rate_zero_throttle_clutch_disengaged: float
    use_gear_autobox: bool
    gear_switch_time_s: float
    clutch_strength: float
    mass_kg: float
    drag_coefficient: float
    center_of_mass_m: Vector3


@dataclass(frozen=True, slots=True)
class PreparedScenario:
    """A world ready to drive in: the vehicle stands braked at the start, the next tick gives frame 0.

    ``settled`` is the state of the last tick before frame 0; ``start_pose`` that of its vehicle.
    ``opendrive`` is the map's text. ``scene`` is None where nobody observes the surroundings.
    """

    route: Route
    goal_m: tuple[float, float]
    map_name: str
    opendrive: str
    vehicle: VehicleInfo
    start_pose: Pose
    settled_frame: int
    settled_stamp_ns: int
    scene: SceneInfo | None = None

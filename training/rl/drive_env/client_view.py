"""What a client of the simulator would see and say: single precision at the very places where the wire has it.

So a drive here is the drive that the evaluation makes through the client, bit for bit (a test compares them).
"""

from __future__ import annotations

import math
import struct
from dataclasses import astuple

from carla_lite.engine import BodyActor, Vehicle, VehicleControl
from carla_lite.scene import Weather
from carla_lite.wire.physics_record import WHEELS_FIELD, default_physics, placed
from carla_lite.wire.records import angular_velocity_deg_s
from waypilot.geometry import (
    SE2,
    Pose,
    Vector3,
    angular_velocity_from_carla,
    pose_from_carla,
    pose_to_carla,
    vector_from_carla,
)
from waypilot.rig import CameraSpec
from waypilot.scenarios import WeatherParameters
from waypilot.types import Control, EgoState

_CENTIMETRES_PER_METRE = 100.0
_ONE, _THREE, _SIX = struct.Struct("<f"), struct.Struct("<3f"), struct.Struct("<6f")


def single(value: float) -> float:
    """Round a number to single precision."""
    return float(_ONE.unpack(_ONE.pack(value))[0])


def seen_pose(pose: Pose) -> Pose:
    """Return a pose as it comes out at the other end of the wire."""
    location, rotation = pose_to_carla(pose)
    return pose_from_carla(*_SIX.unpack(_SIX.pack(*location, *rotation)))


def seen_vector(vector: Vector3) -> Vector3:
    """Return a vector as it comes out at the other end."""
    x, y, z = _THREE.unpack(_THREE.pack(*vector))
    return x, y, z


def seen_ego(vehicle: Vehicle, stamp_ns: int) -> EgoState:
    """Return the state of a vehicle as a client reads it from its snapshot."""
    pose = seen_pose(vehicle.pose)
    to_base_link = pose.orientation.conjugate()
    rate = seen_vector(angular_velocity_deg_s(vehicle.angular_velocity_radps))
    return EgoState(
        stamp_ns=stamp_ns,
        pose_map_from_base_link=pose,
        linear_velocity_mps=to_base_link.rotate(seen_vector(vehicle.velocity_mps)),
        angular_velocity_radps=to_base_link.rotate(angular_velocity_from_carla(rate)),
    )


def seen_motion(body: BodyActor) -> tuple[SE2, Vector3]:
    """Return pose and velocity (map axes) of a road user as a client reads them."""
    return seen_pose(body.pose).planar, seen_vector(body.velocity_mps)


def engine_control(control: Control) -> VehicleControl:
    """Turn a command, whose numbers are single already, to the engine's."""
    return VehicleControl(control.throttle, control.steer, control.brake, control.hand_brake, control.reverse)


def engine_weather(parameters: WeatherParameters) -> Weather:
    """Turn weather to the engine's."""
    return Weather(*(single(value) for value in astuple(parameters)))


def seen_field_of_view_rad(camera: CameraSpec) -> float:
    """Return the field of view that the text of the camera's attribute gives."""
    return math.radians(float(f"{math.degrees(camera.fov_rad):.9g}"))


def seen_steering(vehicle: Vehicle) -> tuple[float, float]:
    """Return wheelbase (m) and largest wheel angle (rad) as a client computes them from the wheels."""
    wheels = placed(default_physics(vehicle.blueprint), vehicle.blueprint, vehicle.pose)[WHEELS_FIELD]
    pose = seen_pose(vehicle.pose)
    along = [_along_m(pose, wheel[-1]) for wheel in wheels]
    return max(along) - min(along), math.radians(single(math.degrees(vehicle.blueprint.max_steer_rad)))


def _along_m(pose: Pose, position_cm: Vector3) -> float:
    x, y, z = (single(single(value) / _CENTIMETRES_PER_METRE) for value in position_cm)
    at_x, at_y, at_z = vector_from_carla((x, y, z))
    return pose.orientation.conjugate().rotate((at_x - pose.x_m, at_y - pose.y_m, at_z - pose.z_m))[0]

"""From the client's objects to the core's values and back; CARLA's axes and degrees end here."""

from __future__ import annotations

import math
from dataclasses import astuple

import carla
import numpy as np
from numpy.typing import NDArray

from waypilot.geometry import (
    Pose,
    Vector3,
    angular_velocity_from_carla,
    pose_from_carla,
    pose_to_carla,
    vector_from_carla,
)
from waypilot.scenarios import WeatherParameters
from waypilot.types import (
    NANOSECONDS_PER_SECOND,
    ActorKind,
    CollisionEvent,
    Control,
    EgoState,
    LaneInvasionEvent,
)
from waypilot_carla.frame import GnssFix, ImuSample, VehicleStatus

BgraImage = NDArray[np.uint8]


def stamp_ns(elapsed_s: float) -> int:
    """Round simulated seconds to integer nanoseconds."""
    return round(elapsed_s * NANOSECONDS_PER_SECOND)


def vector(value: carla.Vector3D) -> Vector3:
    """Turn a vector from CARLA's axes to REP 103."""
    return vector_from_carla((value.x, value.y, value.z))


def pose(transform: carla.Transform) -> Pose:
    """Turn a transform from CARLA's axes and degrees to REP 103."""
    at, turned = transform.location, transform.rotation
    return pose_from_carla(at.x, at.y, at.z, turned.pitch, turned.yaw, turned.roll)


def transform(of: Pose) -> carla.Transform:
    """Turn a REP 103 pose to CARLA's axes and degrees."""
    (x, y, z), (pitch, yaw, roll) = pose_to_carla(of)
    return carla.Transform(carla.Location(x, y, z), carla.Rotation(pitch, yaw, roll))


def location(x_m: float, y_m: float, z_m: float = 0.0) -> carla.Location:
    """Turn a map point to CARLA's axes."""
    return carla.Location(x_m, -y_m, z_m)


def ego_state(actor: carla.ActorSnapshot, at_ns: int) -> EgoState:
    """Read a vehicle's state from a world snapshot; velocities come out in base_link."""
    pose_map_from_base_link = pose(actor.get_transform())
    rate = actor.get_angular_velocity()
    to_base_link = pose_map_from_base_link.orientation.conjugate()
    return EgoState(
        stamp_ns=at_ns,
        pose_map_from_base_link=pose_map_from_base_link,
        linear_velocity_mps=to_base_link.rotate(vector(actor.get_velocity())),
        angular_velocity_radps=to_base_link.rotate(angular_velocity_from_carla((rate.x, rate.y, rate.z))),
    )


def vehicle_status(actor: carla.ActorSnapshot, control: carla.VehicleControl) -> VehicleStatus:
    """Read what the simulator says about the vehicle beyond its motion."""
    return VehicleStatus(
        control=Control(control.throttle, control.steer, control.brake, control.hand_brake, control.reverse),
        gear=control.gear,
        manual_gear_shift=control.manual_gear_shift,
        acceleration_mps2=vector(actor.get_acceleration()),
    )


def vehicle_control(control: Control) -> carla.VehicleControl:
    """Turn a command to the client's; the sign of the steering is CARLA's on both sides."""
    return carla.VehicleControl(
        throttle=control.throttle,
        steer=control.steer,
        brake=control.brake,
        hand_brake=control.hand_brake,
        reverse=control.reverse,
    )


def weather(parameters: WeatherParameters) -> carla.WeatherParameters:
    """Turn weather to the client's; names, units and order are the same."""
    return carla.WeatherParameters(*astuple(parameters))


def image_bgra(image: carla.Image) -> BgraImage:
    """Copy an image out as (H, W, 4) BGRA.

    A copy, because the client's buffer dies with the image object and an array cannot keep that alive
    (320x180: about 20 us).
    """
    flat = np.frombuffer(image.raw_data, dtype=np.uint8)
    return flat.reshape(image.height, image.width, 4).copy()


def imu_sample(measurement: carla.IMUMeasurement) -> ImuSample:
    """Turn an IMU measurement to REP 103; signs as carla_ros_bridge: rates (-x, +y, -z), accelerations (+x, -y, +z)."""
    rate = measurement.gyroscope
    return ImuSample(
        stamp_ns=stamp_ns(measurement.timestamp),
        linear_acceleration_mps2=vector(measurement.accelerometer),
        angular_velocity_radps=(-rate.x, rate.y, -rate.z),
        orientation=pose(measurement.transform).orientation,
    )


def gnss_fix(measurement: carla.GnssMeasurement) -> GnssFix:
    """Read a position fix; degrees on both sides."""
    return GnssFix(
        stamp_ns=stamp_ns(measurement.timestamp),
        latitude_deg=measurement.latitude,
        longitude_deg=measurement.longitude,
        altitude_m=measurement.altitude,
    )


def collision(event: carla.CollisionEvent) -> CollisionEvent:
    """Turn a contact to the core's; whatever is neither vehicle nor pedestrian is static."""
    other = event.other_actor
    return CollisionEvent(
        stamp_ns=stamp_ns(event.timestamp),
        other_actor_id=other.id,
        other_kind=actor_kind(other.type_id),
        impulse_ns=vector(event.normal_impulse),
    )


def actor_kind(type_id: str) -> ActorKind:
    """Tell what an actor is from its blueprint id."""
    family = type_id.split(".", 1)[0]
    return {"vehicle": ActorKind.VEHICLE, "walker": ActorKind.PEDESTRIAN}.get(family, ActorKind.STATIC)


def lane_invasion(event: carla.LaneInvasionEvent) -> LaneInvasionEvent:
    """Turn a crossing of lane markings to the core's; sorted, as the client's order means nothing."""
    return LaneInvasionEvent(
        stamp_ns=stamp_ns(event.timestamp),
        crossed_markings=tuple(sorted(int(marking.type) for marking in event.crossed_lane_markings)),
    )


def field_of_view_deg(fov_rad: float) -> str:
    """Write a field of view as a blueprint attribute, without the noise that radians bring in."""
    return f"{math.degrees(fov_rad):.9g}"

"""What the simulator reports, as the messages of carla_ros_bridge. CARLA's axes stay where upstream keeps them."""

from __future__ import annotations

import array
import math

import numpy as np
from carla_msgs.msg import (
    CarlaCollisionEvent,
    CarlaEgoVehicleControl,
    CarlaEgoVehicleInfo,
    CarlaEgoVehicleInfoWheel,
    CarlaEgoVehicleStatus,
    CarlaStatus,
)
from geometry_msgs.msg import Quaternion as QuaternionMessage
from geometry_msgs.msg import Vector3 as Vector3Message
from numpy.typing import NDArray
from sensor_msgs.msg import CameraInfo, Image, Imu, NavSatFix

from waypilot.geometry import Quaternion, Vector3, vector_from_carla
from waypilot.rig import CameraSpec
from waypilot.types import CollisionEvent
from waypilot_carla.frame import GnssFix, ImuSample, SimulatorFrame, VehicleInfo, WheelInfo
from waypilot_ros.conversions import EGO_FRAME, MAP_FRAME, control_to_msg, header


def status_to_msg(frame: int, tick_s: float) -> CarlaStatus:
    """Say how the simulator runs: always in synchronous mode, only the pace differs."""
    return CarlaStatus(
        frame=int(frame),
        fixed_delta_seconds=float(tick_s),
        synchronous_mode=True,
        synchronous_mode_running=True,
    )


def vehicle_status_to_msg(frame: SimulatorFrame) -> CarlaEgoVehicleStatus:
    """Write magnitude of the velocity, acceleration (map axes) and the control that the simulator reports."""
    message = CarlaEgoVehicleStatus(
        header=header(frame.stamp_ns, MAP_FRAME),
        velocity=math.hypot(*frame.ego.linear_velocity_mps),
        orientation=_quaternion(frame.ego.pose_map_from_base_link.orientation),
        control=_reported_control(frame),
    )
    message.acceleration.linear = _vector(frame.status.acceleration_mps2)
    return message


def imu_to_msg(sample: ImuSample) -> Imu:
    """Write one sample of the inertial sensor."""
    return Imu(
        header=header(sample.stamp_ns, f"{EGO_FRAME}/imu"),
        orientation=_quaternion(sample.orientation),
        angular_velocity=_vector(sample.angular_velocity_radps),
        linear_acceleration=_vector(sample.linear_acceleration_mps2),
    )


def gnss_to_msg(fix: GnssFix) -> NavSatFix:
    """Write one satellite fix."""
    return NavSatFix(
        header=header(fix.stamp_ns, f"{EGO_FRAME}/gnss"),
        latitude=float(fix.latitude_deg),
        longitude=float(fix.longitude_deg),
        altitude=float(fix.altitude_m),
    )


def image_to_msg(camera: CameraSpec, stamp_ns: int, image_bgra: NDArray[np.uint8]) -> Image:
    """Write a camera image (H, W, 4) as ``bgra8``."""
    return _pixels_to_msg(camera.name, stamp_ns, image_bgra, "bgra8")


def rgb_to_msg(camera: str, stamp_ns: int, image_rgb: NDArray[np.uint8]) -> Image:
    """Write an image (H, W, 3) as ``rgb8``."""
    return _pixels_to_msg(camera, stamp_ns, image_rgb, "rgb8")


def _pixels_to_msg(camera: str, stamp_ns: int, pixels: NDArray[np.uint8], encoding: str) -> Image:
    height_px, width_px, channels = pixels.shape
    # rclpy checks every byte of a list or bytes object; an array of the right type it takes as it is.
    data = array.array("B")
    data.frombytes(memoryview(np.ascontiguousarray(pixels)).cast("B"))
    return Image(
        header=header(stamp_ns, f"{EGO_FRAME}/{camera}"),
        height=height_px,
        width=width_px,
        encoding=encoding,
        step=width_px * channels,
        data=data,
    )


def camera_info(camera: CameraSpec) -> CameraInfo:
    """Write a camera's pinhole model, without a stamp."""
    focal_px = camera.width_px / (2.0 * math.tan(camera.fov_rad / 2.0))
    center_x, center_y = camera.width_px / 2.0, camera.height_px / 2.0
    return CameraInfo(
        height=camera.height_px,
        width=camera.width_px,
        distortion_model="plumb_bob",
        d=[0.0] * 5,
        k=[focal_px, 0.0, center_x, 0.0, focal_px, center_y, 0.0, 0.0, 1.0],
        r=[1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0],
        p=[focal_px, 0.0, center_x, 0.0, 0.0, focal_px, center_y, 0.0, 0.0, 0.0, 1.0, 0.0],
    )


def upstream_collision_to_msg(event: CollisionEvent) -> CarlaCollisionEvent:
    """Write a contact as upstream does: the impulse in CARLA's left-handed axes."""
    return CarlaCollisionEvent(
        header=header(event.stamp_ns, EGO_FRAME),
        other_actor_id=int(event.other_actor_id),
        normal_impulse=_vector(vector_from_carla(event.impulse_ns)),
    )


def vehicle_info_to_msg(info: VehicleInfo) -> CarlaEgoVehicleInfo:
    """Write what does not change while the vehicle lives."""
    return CarlaEgoVehicleInfo(
        id=int(info.actor_id),
        type=info.type_id,
        rolename=info.role_name,
        wheels=[_wheel(wheel) for wheel in info.wheels],
        max_rpm=float(info.max_rpm),
        moi=float(info.moment_of_inertia_kgm2),
        damping_rate_full_throttle=float(info.damping_rate_full_throttle),
        damping_rate_zero_throttle_clutch_engaged=float(info.damping_rate_zero_throttle_clutch_engaged),
        damping_rate_zero_throttle_clutch_disengaged=float(info.damping_rate_zero_throttle_clutch_disengaged),
        use_gear_autobox=bool(info.use_gear_autobox),
        gear_switch_time=float(info.gear_switch_time_s),
        clutch_strength=float(info.clutch_strength),
        mass=float(info.mass_kg),
        drag_coefficient=float(info.drag_coefficient),
        center_of_mass=_vector(info.center_of_mass_m),
    )


def _reported_control(frame: SimulatorFrame) -> CarlaEgoVehicleControl:
    message = control_to_msg(frame.status.control, 0)
    message.header.frame_id = ""
    message.gear = int(frame.status.gear)
    message.manual_gear_shift = bool(frame.status.manual_gear_shift)
    return message


def _wheel(wheel: WheelInfo) -> CarlaEgoVehicleInfoWheel:
    return CarlaEgoVehicleInfoWheel(
        tire_friction=float(wheel.tire_friction),
        damping_rate=float(wheel.damping_rate),
        max_steer_angle=float(wheel.max_steer_rad),
        radius=float(wheel.radius_m),
        max_brake_torque=float(wheel.max_brake_torque_nm),
        max_handbrake_torque=float(wheel.max_handbrake_torque_nm),
        position=_vector(wheel.position_m),
    )


def _vector(vector: Vector3) -> Vector3Message:
    return Vector3Message(x=float(vector[0]), y=float(vector[1]), z=float(vector[2]))


def _quaternion(quaternion: Quaternion) -> QuaternionMessage:
    return QuaternionMessage(x=float(quaternion.x), y=float(quaternion.y), z=float(quaternion.z), w=float(quaternion.w))

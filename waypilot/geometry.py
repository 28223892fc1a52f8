"""Poses and rotations in REP 103 axes, and the one place where CARLA's axes end.

REP 103: right-handed, x forward, y left, z up, radians. CARLA: left-handed, x forward, y right, z up,
degrees, with pitch and yaw turning the other way round. A pose named ``pose_map_from_base_link`` takes
points given in ``base_link`` to ``map``. For a CARLA vehicle ``base_link`` is the actor's origin
(the frame that carla_ros_bridge calls ``ego_vehicle``).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
Vector3 = tuple[float, float, float]

# Nearer to straight up or down than this, yaw and roll turn about one and the same axis.
_POLE_SIN_PITCH = 1.0 - 1e-12
_UNIT_TOLERANCE = 1e-3


def wrap_angle(angle_rad: float) -> float:
    """Wrap an angle to [-pi, pi)."""
    wrapped = (angle_rad + math.pi) % (2.0 * math.pi) - math.pi
    return wrapped if wrapped < math.pi else -math.pi  # the remainder of a tiny negative number rounds up to 2 pi


@dataclass(frozen=True, slots=True)
class SE2:
    """A pose in the plane: position in metres, heading in radians, counter-clockwise positive."""

    x_m: float
    y_m: float
    yaw_rad: float

    def compose(self, other: SE2) -> SE2:
        """Chain ``a_from_b.compose(b_from_c)`` to ``a_from_c``."""
        c, s = math.cos(self.yaw_rad), math.sin(self.yaw_rad)
        return SE2(
            self.x_m + c * other.x_m - s * other.y_m,
            self.y_m + s * other.x_m + c * other.y_m,
            wrap_angle(self.yaw_rad + other.yaw_rad),
        )

    def inverse(self) -> SE2:
        """Turn ``a_from_b`` into ``b_from_a``."""
        c, s = math.cos(self.yaw_rad), math.sin(self.yaw_rad)
        return SE2(-c * self.x_m - s * self.y_m, s * self.x_m - c * self.y_m, wrap_angle(-self.yaw_rad))

    def transform_points(self, points_m: FloatArray) -> FloatArray:
        """Take points of shape (..., 2) from the inner frame to the outer one."""
        c, s = math.cos(self.yaw_rad), math.sin(self.yaw_rad)
        x, y = points_m[..., 0], points_m[..., 1]
        outer_x = self.x_m + c * x - s * y
        outer = np.empty(points_m.shape, outer_x.dtype)
        outer[..., 0], outer[..., 1] = outer_x, self.y_m + s * x + c * y
        return outer


@dataclass(frozen=True, slots=True)
class Quaternion:
    """A unit quaternion (x, y, z, w), ROS order."""

    x: float
    y: float
    z: float
    w: float

    @staticmethod
    def from_rpy(roll_rad: float, pitch_rad: float, yaw_rad: float) -> Quaternion:
        """Build from static-axis roll, pitch, yaw (the convention of REP 103 and of carla_ros_bridge)."""
        cr, sr = math.cos(roll_rad / 2), math.sin(roll_rad / 2)
        cp, sp = math.cos(pitch_rad / 2), math.sin(pitch_rad / 2)
        cy, sy = math.cos(yaw_rad / 2), math.sin(yaw_rad / 2)
        return Quaternion(
            sr * cp * cy - cr * sp * sy,
            cr * sp * cy + sr * cp * sy,
            cr * cp * sy - sr * sp * cy,
            cr * cp * cy + sr * sp * sy,
        )

    @property
    def is_rotation(self) -> bool:
        """Whether its length is 1, up to what a message's numbers lose; that of a field nobody filled is 0."""
        return abs(math.hypot(self.x, self.y, self.z, self.w) - 1.0) <= _UNIT_TOLERANCE

    @property
    def yaw_rad(self) -> float:
        """Heading about z, in [-pi, pi]."""
        return math.atan2(2.0 * (self.w * self.z + self.x * self.y), 1.0 - 2.0 * (self.y * self.y + self.z * self.z))

    def compose(self, other: Quaternion) -> Quaternion:
        """Chain ``a_from_b.compose(b_from_c)`` to ``a_from_c``: the Hamilton product."""
        return Quaternion(
            self.w * other.x + self.x * other.w + self.y * other.z - self.z * other.y,
            self.w * other.y - self.x * other.z + self.y * other.w + self.z * other.x,
            self.w * other.z + self.x * other.y - self.y * other.x + self.z * other.w,
            self.w * other.w - self.x * other.x - self.y * other.y - self.z * other.z,
        )

    def conjugate(self) -> Quaternion:
        """Return the inverse rotation."""
        return Quaternion(-self.x, -self.y, -self.z, self.w)

    def rotate(self, vector: Vector3) -> Vector3:
        """Rotate a vector from the inner frame to the outer one."""
        vx, vy, vz = vector
        tx = 2.0 * (self.y * vz - self.z * vy)
        ty = 2.0 * (self.z * vx - self.x * vz)
        tz = 2.0 * (self.x * vy - self.y * vx)
        return (
            vx + self.w * tx + self.y * tz - self.z * ty,
            vy + self.w * ty + self.z * tx - self.x * tz,
            vz + self.w * tz + self.x * ty - self.y * tx,
        )


@dataclass(frozen=True, slots=True)
class Pose:
    """A pose in space: position in metres and orientation, REP 103 axes."""

    x_m: float
    y_m: float
    z_m: float
    orientation: Quaternion

    @staticmethod
    def from_xyz_rpy(
        x_m: float, y_m: float, z_m: float, roll_rad: float = 0.0, pitch_rad: float = 0.0, yaw_rad: float = 0.0
    ) -> Pose:
        """Build from a position and static-axis roll, pitch, yaw."""
        return Pose(x_m, y_m, z_m, Quaternion.from_rpy(roll_rad, pitch_rad, yaw_rad))

    def compose(self, other: Pose) -> Pose:
        """Chain ``a_from_b.compose(b_from_c)`` to ``a_from_c``."""
        x_m, y_m, z_m = self.orientation.rotate((other.x_m, other.y_m, other.z_m))
        turned = self.orientation.compose(other.orientation)
        return Pose(self.x_m + x_m, self.y_m + y_m, self.z_m + z_m, turned)

    def inverse(self) -> Pose:
        """Turn ``a_from_b`` into ``b_from_a``."""
        back = self.orientation.conjugate()
        x_m, y_m, z_m = back.rotate((-self.x_m, -self.y_m, -self.z_m))
        return Pose(x_m, y_m, z_m, back)

    @property
    def planar(self) -> SE2:
        """Project onto the ground plane."""
        return SE2(self.x_m, self.y_m, self.orientation.yaw_rad)


def pose_from_carla(x_m: float, y_m: float, z_m: float, pitch_deg: float, yaw_deg: float, roll_deg: float) -> Pose:
    """Convert a CARLA transform to REP 103: y, pitch and yaw change sign, roll is kept."""
    return Pose.from_xyz_rpy(x_m, -y_m, z_m, math.radians(roll_deg), -math.radians(pitch_deg), -math.radians(yaw_deg))


def pose_to_carla(pose: Pose) -> tuple[Vector3, Vector3]:
    """Convert a REP 103 pose to CARLA's ``(x, y, z)`` metres and ``(pitch, yaw, roll)`` degrees.

    Straight up or down, yaw and roll turn about one axis: all of the turn is given as yaw.
    """
    q = pose.orientation
    sin_pitch = 2.0 * (q.w * q.y - q.z * q.x)
    if abs(sin_pitch) > _POLE_SIN_PITCH:
        roll, yaw = 0.0, wrap_angle(2.0 * math.atan2(q.z, q.w))
    else:
        roll, yaw = math.atan2(2.0 * (q.w * q.x + q.y * q.z), 1.0 - 2.0 * (q.x * q.x + q.y * q.y)), q.yaw_rad
    pitch = math.asin(max(-1.0, min(1.0, sin_pitch)))
    return (
        (pose.x_m, -pose.y_m, pose.z_m),
        (-math.degrees(pitch), -math.degrees(yaw), math.degrees(roll)),
    )


def vector_from_carla(vector: Vector3) -> Vector3:
    """Convert a polar vector (position, velocity, acceleration) between CARLA and REP 103 axes.

    The conversion is its own inverse.
    """
    return (vector[0], -vector[1], vector[2])


def angular_velocity_from_carla(rate_deg_s: Vector3) -> Vector3:
    """Convert CARLA's angular velocity (deg/s) to REP 103 (rad/s), as carla_ros_bridge does: (+x, -y, -z)."""
    return (math.radians(rate_deg_s[0]), -math.radians(rate_deg_s[1]), -math.radians(rate_deg_s[2]))

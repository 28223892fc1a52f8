"""Sensors of the own motion: IMU and GNSS."""

from __future__ import annotations

import msgpack
import numpy as np
from numpy.typing import NDArray

from carla_lite.engine import Actor
from carla_lite.wire import records
from carla_lite.wire.geo import geo_location
from carla_lite.wire.sensors import Payload, Surroundings, noise_source
from waypilot.geometry import Vector3, vector_from_carla

_AXES = ("x", "y", "z")


class Imu:
    """``sensor.other.imu``: specific force (m/s^2), turn rates (rad/s) and compass (rad) in CARLA's sensor axes."""

    type_number = 5
    needs_rendering = False

    def __init__(self, actor: Actor, surroundings: Surroundings) -> None:
        self._actor = actor
        self._world = surroundings.world
        self._rng = noise_source(actor, self._world)
        values = actor.attributes
        self._accel_stddev = np.array([float(values[f"noise_accel_stddev_{axis}"]) for axis in _AXES])
        self._gyro_stddev = np.array([float(values[f"noise_gyro_stddev_{axis}"]) for axis in _AXES])
        self._gyro_bias = np.array([float(values[f"noise_gyro_bias_{axis}"]) for axis in _AXES])

    def measure(self, elapsed_s: float) -> Payload:
        """Measure at the sensor's place on the moving parent."""
        to_sensor = self._actor.pose.orientation.conjugate()
        ax, ay, az = self._acceleration()
        force = vector_from_carla(to_sensor.rotate((ax, ay, az + self._world.imu_gravity_mps2)))
        rates = records.gyroscope_radps(to_sensor.rotate(self._actor.angular_velocity_radps))
        accelerometer = np.array(force) + self._noise(self._accel_stddev)
        gyroscope = np.array(rates) + self._gyro_bias + self._noise(self._gyro_stddev)
        compass = records.compass_rad(self._actor.pose.orientation)
        return [msgpack.packb([accelerometer.tolist(), gyroscope.tolist(), compass])]

    def _acceleration(self) -> Vector3:
        """Return the acceleration of the sensor's place: that of the parent's origin plus the pull of its turning."""
        ax, ay, az = self._actor.acceleration_mps2
        parent = self._world.actors.get(self._actor.parent_id or 0)
        if parent is None:
            return ax, ay, az
        yaw_rate = self._actor.angular_velocity_radps[2]
        rx, ry = self._actor.pose.x_m - parent.pose.x_m, self._actor.pose.y_m - parent.pose.y_m
        return ax - yaw_rate**2 * rx, ay - yaw_rate**2 * ry, az

    def _noise(self, stddev: NDArray[np.float64]) -> NDArray[np.float64]:
        return stddev * self._rng.standard_normal(3)


class Gnss:
    """``sensor.other.gnss``: latitude and longitude in degrees, altitude in metres."""

    type_number = 4
    needs_rendering = False

    def __init__(self, actor: Actor, surroundings: Surroundings) -> None:
        self._actor = actor
        self._world = surroundings.world
        self._rng = noise_source(actor, self._world)
        values = actor.attributes
        self._bias = np.array([float(values[f"noise_{part}_bias"]) for part in ("lat", "lon", "alt")])
        self._stddev = np.array([float(values[f"noise_{part}_stddev"]) for part in ("lat", "lon", "alt")])

    def measure(self, elapsed_s: float) -> Payload:
        """Measure the place of the sensor."""
        pose = self._actor.pose
        x, y, z = vector_from_carla((pose.x_m, pose.y_m, pose.z_m))
        latitude, longitude = geo_location(self._world.town.geo_reference, x, y)
        noisy = np.array([latitude, longitude, z]) + self._bias + self._stddev * self._rng.standard_normal(3)
        return [msgpack.packb(noisy.tolist())]

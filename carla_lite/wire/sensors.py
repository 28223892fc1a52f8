"""What sensors measure, as the payloads that their streams carry (without the 48-byte header)."""

from __future__ import annotations

import math
import struct
from collections.abc import Callable
from typing import Protocol

import msgpack
import numpy as np
from numpy.typing import NDArray

from carla_lite.engine import Actor, World
from carla_lite.render import Renderer
from carla_lite.scene import Camera
from carla_lite.wire import records
from carla_lite.wire.errors import CallError
from carla_lite.wire.geo import geo_location
from waypilot.geometry import Vector3, vector_from_carla

GRAVITY_MPS2 = 9.81
MAX_IMAGE_PX = 4096
_IMAGE_HEADER = struct.Struct("<IIf")
_AXES = ("x", "y", "z")

Payload = list[bytes | memoryview]


class Sensor(Protocol):
    """One kind of measurement of one sensor actor; raises CallError on construction for impossible attributes."""

    type_number: int
    needs_rendering: bool

    def measure(self, world: World) -> Payload:
        """Return the payload of the present frame."""


class RgbCamera:
    """``sensor.camera.rgb``: CARLA's BGRA image. The actor that carries the camera is not in the picture."""

    type_number = 13
    needs_rendering = True

    def __init__(self, actor: Actor, renderer: Callable[[], Renderer]) -> None:
        self._actor = actor
        self._renderer = renderer
        self._width_px = _image_side(actor, "image_size_x")
        self._height_px = _image_side(actor, "image_size_y")
        self._fov_deg = float(actor.attributes["fov"])
        if not 1.0 <= self._fov_deg <= 170.0:
            raise CallError(f"attribute 'fov' is {self._fov_deg:g}, expected degrees in [1, 170]")
        self._header = _IMAGE_HEADER.pack(self._width_px, self._height_px, self._fov_deg)

    @property
    def pixels(self) -> int:
        """Number of pixels of an image."""
        return self._width_px * self._height_px

    def measure(self, world: World) -> Payload:
        """Draw the present frame."""
        camera = Camera(self._width_px, self._height_px, math.radians(self._fov_deg), self._actor.pose)
        parent_id = self._actor.parent_id
        hidden = frozenset() if parent_id is None else frozenset({parent_id})
        image = self._renderer().rgb(camera, world.scene(hidden))
        return [self._header, image.data.cast("B")]


class Imu:
    """``sensor.other.imu``: specific force (m/s^2), turn rates (rad/s) and compass (rad) in CARLA's sensor axes."""

    type_number = 5
    needs_rendering = False

    def __init__(self, actor: Actor, world: World) -> None:
        self._actor = actor
        self._rng = _noise_source(actor, world)
        values = actor.attributes
        self._accel_stddev = np.array([float(values[f"noise_accel_stddev_{axis}"]) for axis in _AXES])
        self._gyro_stddev = np.array([float(values[f"noise_gyro_stddev_{axis}"]) for axis in _AXES])
        self._gyro_bias = np.array([float(values[f"noise_gyro_bias_{axis}"]) for axis in _AXES])

    def measure(self, world: World) -> Payload:
        """Measure at the sensor's place on the moving parent."""
        to_sensor = self._actor.pose.orientation.conjugate()
        ax, ay, az = self._acceleration(world)
        force = vector_from_carla(to_sensor.rotate((ax, ay, az + GRAVITY_MPS2)))
        rates = records.gyroscope_radps(to_sensor.rotate(self._actor.angular_velocity_radps))
        accelerometer = np.array(force) + self._noise(self._accel_stddev)
        gyroscope = np.array(rates) + self._gyro_bias + self._noise(self._gyro_stddev)
        compass = records.compass_rad(self._actor.pose.orientation)
        return [msgpack.packb([accelerometer.tolist(), gyroscope.tolist(), compass])]

    def _acceleration(self, world: World) -> Vector3:
        """Return the acceleration of the sensor's place: that of the parent's origin plus the pull of its turning."""
        ax, ay, az = self._actor.acceleration_mps2
        parent = world.actors.get(self._actor.parent_id or 0)
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

    def __init__(self, actor: Actor, world: World) -> None:
        self._actor = actor
        self._rng = _noise_source(actor, world)
        values = actor.attributes
        self._bias = np.array([float(values[f"noise_{part}_bias"]) for part in ("lat", "lon", "alt")])
        self._stddev = np.array([float(values[f"noise_{part}_stddev"]) for part in ("lat", "lon", "alt")])

    def measure(self, world: World) -> Payload:
        """Measure the place of the sensor."""
        pose = self._actor.pose
        x, y, z = vector_from_carla((pose.x_m, pose.y_m, pose.z_m))
        latitude, longitude = geo_location(world.town.geo_reference, x, y)
        noisy = np.array([latitude, longitude, z]) + self._bias + self._stddev * self._rng.standard_normal(3)
        return [msgpack.packb(noisy.tolist())]


def make_sensor(actor: Actor, world: World, renderer: Callable[[], Renderer]) -> Sensor | None:
    """Return what measures for a sensor actor, or None for one that only reports events or lives in the client."""
    if actor.type_id == "sensor.camera.rgb":
        return RgbCamera(actor, renderer)
    if actor.type_id == "sensor.other.imu":
        return Imu(actor, world)
    if actor.type_id == "sensor.other.gnss":
        return Gnss(actor, world)
    return None


def _image_side(actor: Actor, name: str) -> int:
    side = int(actor.attributes[name])
    if not 1 <= side <= MAX_IMAGE_PX:
        raise CallError(f"attribute '{name}' is {side}, expected pixels in [1, {MAX_IMAGE_PX}]")
    return side


def _noise_source(actor: Actor, world: World) -> np.random.Generator:
    return np.random.default_rng([world.seed, abs(int(actor.attributes["noise_seed"])), actor.id])

"""The vehicle's sensors: attached, listened to, and read one frame at a time.

Measurements arrive on threads of the client, some before and some after the tick that made them has returned. Those
made every frame are waited for by frame number; those made by events are collected until somebody asks.
"""

from __future__ import annotations

import queue
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import carla

from waypilot.geometry import Pose
from waypilot.rig import CameraSpec
from waypilot.types import CollisionEvent, LaneInvasionEvent
from waypilot_carla import convert
from waypilot_carla.errors import SimulatorLost
from waypilot_carla.frame import GnssFix, ImuSample
from waypilot_carla.spawn import find_blueprint

T = TypeVar("T")
M = TypeVar("M", bound="carla.SensorData")
_AT_BASE_LINK = Pose.from_xyz_rpy(0.0, 0.0, 0.0)


class Mailbox(Generic[M]):
    """Keeps what one sensor sent until its frame is asked for. ``put`` may be called from any thread."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._queue: queue.SimpleQueue[M] = queue.SimpleQueue()

    def put(self, measurement: M) -> None:
        """Take a measurement; this is the sensor's callback."""
        self._queue.put(measurement)

    def take(self, frame: int, deadline_s: float) -> M:
        """Return the measurement of exactly this frame, dropping older ones.

        Waits until ``time.monotonic()`` passes ``deadline_s``. Raises SimulatorLost when it does not come.
        """
        while True:
            try:
                measurement = self._queue.get(timeout=max(deadline_s - time.monotonic(), 0.0))
            except queue.Empty:
                raise SimulatorLost(f"{self.name} sent nothing for frame {frame} in time") from None
            if measurement.frame == frame:
                return measurement
            if measurement.frame > frame:
                raise SimulatorLost(f"{self.name} left out frame {frame}, it is at {measurement.frame} already")

    def drop_until(self, frame: int, deadline_s: float) -> bool:
        """Drop what is there up to ``frame``; say whether ``frame`` was among it before the deadline."""
        try:
            self.take(frame, deadline_s)
        except SimulatorLost:
            return False
        return True


@dataclass(frozen=True, slots=True)
class Readings:
    """What the sensors measured in one frame."""

    images_bgra: dict[str, convert.BgraImage]
    imu: ImuSample
    gnss: GnssFix


class SensorSuite:
    """Cameras, IMU, GNSS, collision and lane invasion sensors on one vehicle.

    Keeps the sensor actors alive: dropping one would silently end its stream. ``stop`` before destroying them.
    """

    def __init__(self, world: carla.World, vehicle: carla.Vehicle) -> None:
        self.actors: list[carla.Sensor] = []
        self._world, self._vehicle = world, vehicle
        self._cameras: dict[str, Mailbox[carla.Image]] = {}
        self._imu = Mailbox[carla.IMUMeasurement]("the IMU")
        self._gnss = Mailbox[carla.GnssMeasurement]("the GNSS receiver")
        self._collisions: deque[carla.CollisionEvent] = deque()
        self._lane_invasions: deque[carla.LaneInvasionEvent] = deque()

    def attach(self, cameras: Sequence[CameraSpec]) -> None:
        """Spawn the sensors and listen to them.

        When the simulator refuses one, those before it are in ``actors``, to be stopped and destroyed.
        """
        for camera in cameras:
            mailbox = self._cameras[camera.name] = Mailbox[carla.Image](f"camera {camera.name!r}")
            self._attach(
                "sensor.camera.rgb",
                mailbox.put,
                camera.pose_base_link_from_camera,
                image_size_x=str(camera.width_px),
                image_size_y=str(camera.height_px),
                fov=convert.field_of_view_deg(camera.fov_rad),
            )
        self._attach("sensor.other.imu", self._imu.put)
        self._attach("sensor.other.gnss", self._gnss.put)
        self._attach("sensor.other.collision", self._collisions.append)
        self._attach("sensor.other.lane_invasion", self._lane_invasions.append)

    def read(self, frame: int, timeout_s: float) -> Readings:
        """Wait for every measurement of exactly this frame. Raises SimulatorLost naming the sensor that fails."""
        deadline_s = time.monotonic() + timeout_s
        return Readings(
            images_bgra={name: convert.image_bgra(box.take(frame, deadline_s)) for name, box in self._cameras.items()},
            imu=convert.imu_sample(self._imu.take(frame, deadline_s)),
            gnss=convert.gnss_fix(self._gnss.take(frame, deadline_s)),
        )

    def silent(self, frame: int, timeout_s: float) -> list[str]:
        """Name the sensors that have sent nothing for ``frame`` after waiting; used while streams are being opened."""
        deadline_s = time.monotonic() + timeout_s
        boxes: list[Mailbox[Any]] = [*self._cameras.values(), self._imu, self._gnss]
        return [box.name for box in boxes if not box.drop_until(frame, deadline_s)]

    def take_collisions(self) -> tuple[CollisionEvent, ...]:
        """Return the contacts that arrived since the last call, in order of arrival."""
        return tuple(convert.collision(event) for event in _drain(self._collisions))

    def take_lane_invasions(self) -> tuple[LaneInvasionEvent, ...]:
        """Return the crossings of lane markings that arrived since the last call, in order of arrival."""
        return tuple(convert.lane_invasion(event) for event in _drain(self._lane_invasions))

    def stop(self) -> None:
        """End all streams; works without the simulator as well."""
        for sensor in self.actors:
            if sensor.is_listening:
                sensor.stop()

    def _attach(
        self, blueprint_id: str, callback: Callable[..., None], pose: Pose = _AT_BASE_LINK, **attributes: str
    ) -> None:
        blueprint = find_blueprint(self._world, blueprint_id)
        for name, value in attributes.items():
            blueprint.set_attribute(name, value)
        sensor = self._world.spawn_actor(blueprint, convert.transform(pose), attach_to=self._vehicle)
        self.actors.append(sensor)
        sensor.listen(callback)


def _drain(events: deque[T]) -> list[T]:
    """Empty a deque that another thread may be filling."""
    return [events.popleft() for _ in range(len(events))]

"""Which class measures for which kind of sensor."""

from __future__ import annotations

from collections.abc import Callable

from carla_lite.engine import Actor
from carla_lite.wire.cameras import CAMERAS, ImageCamera
from carla_lite.wire.change_cameras import DvsCamera, OpticalFlowCamera
from carla_lite.wire.motion_sensors import Gnss, Imu
from carla_lite.wire.range_sensors import Lidar, ObstacleDetector, Radar, SemanticLidar
from carla_lite.wire.sensors import Sensor, Surroundings

_KINDS: dict[str, Callable[[Actor, Surroundings], Sensor]] = {
    **dict.fromkeys(CAMERAS, ImageCamera),
    "sensor.camera.dvs": DvsCamera,
    "sensor.camera.optical_flow": OpticalFlowCamera,
    "sensor.lidar.ray_cast": Lidar,
    "sensor.lidar.ray_cast_semantic": SemanticLidar,
    "sensor.other.gnss": Gnss,
    "sensor.other.imu": Imu,
    "sensor.other.obstacle": ObstacleDetector,
    "sensor.other.radar": Radar,
}


def make_sensor(actor: Actor, surroundings: Surroundings) -> Sensor | None:
    """Return what measures for a sensor actor, or None for one that only reports events or lives in the client.

    Raises CallError for attributes that make no sense.
    """
    kind = _KINDS.get(actor.type_id)
    return None if kind is None else kind(actor, surroundings)

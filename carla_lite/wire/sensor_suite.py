"""All sensors of one episode: when each is due, and what goes to whose stream."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from typing import Any

import msgpack

from carla_lite.engine import Actor, Collision, World
from carla_lite.wire import records
from carla_lite.wire.actor_records import ActorRecords, static_actor
from carla_lite.wire.cameras import PinholeCamera
from carla_lite.wire.drawing import DrawingBoard
from carla_lite.wire.errors import CallError
from carla_lite.wire.sensor_kinds import make_sensor
from carla_lite.wire.sensors import Drawing, Payload, Sensor, Surroundings
from carla_lite.wire.snapshot import sensor_header
from carla_lite.wire.streams import StreamHub
from carla_lite.wire.towns import TownViews
from waypilot.types import NANOSECONDS_PER_SECOND

_Picture = tuple[int, Drawing, Callable[[Payload], None]]
"""A sensor's id, what draws its picture, and who takes it."""
_COLLISION_TYPE = 0
_COLLISION_SENSOR = "sensor.other.collision"
_MAX_PERIOD_S = 1e6
MAX_CAMERAS_PX = 128 << 20
"""What all cameras of a world may have together: fifteen of 4K; one step makes and queues 4 bytes for each pixel (8 of
optical flow)."""


class SensorSuite:
    """Measures for the sensors that somebody listens to, and only for those."""

    def __init__(
        self,
        world: World,
        hub: StreamHub,
        board: DrawingBoard,
        actor_records: ActorRecords,
        views: Callable[[], TownViews],
    ) -> None:
        self._world = world
        self._hub = hub
        self._board = board
        self._records = actor_records
        self._surroundings = Surroundings(world, views, actor_records)
        self._sensors: dict[int, Sensor] = {}
        self._period_ns: dict[int, int] = {}
        self._due_ns: dict[int, int] = {}

    def add(self, actor: Actor) -> None:
        """Take up a new sensor actor (others are ignored); raises CallError for impossible attributes."""
        sensor = make_sensor(actor, self._surroundings)
        if sensor is not None:
            period_ns = _period_ns(actor)
            if isinstance(sensor, PinholeCamera):
                self._check_pixels(sensor)
            self._period_ns[actor.id] = period_ns
            self._sensors[actor.id] = sensor

    def _check_pixels(self, newcomer: PinholeCamera) -> None:
        cameras = [sensor for sensor in (*self._sensors.values(), newcomer) if isinstance(sensor, PinholeCamera)]
        if sum(camera.pixels for camera in cameras) > MAX_CAMERAS_PX:
            raise CallError(
                f"Spawn failed: the {len(cameras)} cameras of this world would have more than {MAX_CAMERAS_PX >> 20} "
                f"megapixels together; destroy some or make their images smaller"
            )

    def remove(self, actor_id: int) -> None:
        """Forget a destroyed actor."""
        for table in (self._sensors, self._period_ns, self._due_ns):
            table.pop(actor_id, None)

    def publish(
        self, frame: int, step_s: float, collisions: Iterable[Collision], rendering: bool, droppable: bool
    ) -> None:
        """Send what the present frame gives, ``step_s`` after the last; cameras stay silent without ``rendering``.

        Several pictures are drawn side by side and follow when they are done; a camera whose last one is still being
        drawn leaves this frame out. A single one, for which whoever asked for it waits, is drawn here, in two parts.
        """
        for collision in collisions:
            if {collision.actor_id, collision.other_id} <= {None, *self._world.actors}:
                self._publish_collision(frame, collision)  # unless the push removed one of them from the world
        pictures: list[_Picture] = []
        for actor_id, sensor in self._sensors.items():
            if not self._is_due(actor_id) or not self._hub.has_subscribers(actor_id) or self._board.draws_for(actor_id):
                continue
            if rendering or not sensor.needs_rendering:
                measured = sensor.measure(max(step_s, self._period_ns[actor_id] / NANOSECONDS_PER_SECOND))
                header = sensor_header(sensor.type_number, frame, self._world.time_s, self._world.actors[actor_id])
                deliver = partial(self._deliver, actor_id, header, droppable)
                if callable(measured):
                    pictures.append((actor_id, measured, deliver))
                elif measured is not None:
                    deliver(measured)
        self._draw(pictures)

    def _draw(self, pictures: list[_Picture]) -> None:
        for actor_id, drawing, deliver in pictures:
            if len(pictures) == 1:
                deliver(drawing(self._board.helper))
            else:
                self._board.draw(actor_id, drawing, deliver)

    def _deliver(self, actor_id: int, header: bytes, droppable: bool, payload: Payload) -> None:
        self._hub.publish(actor_id, [header, *payload], droppable)

    def _is_due(self, actor_id: int) -> bool:
        """Tell whether a sensor measures in this frame, and move its next time on."""
        now_ns = self._world.time_ns
        due_ns = self._due_ns.get(actor_id, now_ns)  # the first frame of a sensor always counts
        if now_ns < due_ns:
            return False
        period_ns = self._period_ns[actor_id]
        next_ns = due_ns + period_ns
        self._due_ns[actor_id] = next_ns if next_ns > now_ns else now_ns + period_ns
        return True

    def _publish_collision(self, frame: int, collision: Collision) -> None:
        sides = ((collision.actor_id, collision.other_id, 1.0), (collision.other_id, collision.actor_id, -1.0))
        for owner_id, other_id, sign in sides:
            for sensor in self._collision_sensors_of(owner_id):
                x, y, z = collision.normal_impulse_ns
                impulse = records.vector((sign * x, sign * y, sign * z))
                event = [self._actor(owner_id, collision), self._actor(other_id, collision), impulse]
                header = sensor_header(_COLLISION_TYPE, frame, self._world.time_s, sensor)
                self._hub.publish(sensor.id, [header, msgpack.packb(event)], droppable=False)

    def _collision_sensors_of(self, owner_id: int | None) -> list[Actor]:
        return [
            actor
            for actor in self._world.actors.values()
            if owner_id is not None
            and actor.parent_id == owner_id
            and actor.type_id == _COLLISION_SENSOR
            and self._hub.has_subscribers(actor.id)
        ]

    def _actor(self, actor_id: int | None, collision: Collision) -> list[Any]:
        if actor_id is not None:
            return self._records.actor(self._world.actors[actor_id])
        assert collision.static_box is not None  # a contact is with an actor or with a static object
        return static_actor(collision.static_box)


def _period_ns(actor: Actor) -> int:
    """Return the time between measurements, 0 for one in every frame (also for a negative ``sensor_tick``)."""
    period_s = max(0.0, float(actor.attributes.get("sensor_tick", "0")))
    if period_s > _MAX_PERIOD_S:
        raise CallError(f"attribute 'sensor_tick' is {period_s:g}, expected at most {_MAX_PERIOD_S:g} s")
    return round(period_s * NANOSECONDS_PER_SECOND)

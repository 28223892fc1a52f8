"""Records a world into a file of CARLA's format, one frame per step."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

from carla_lite.engine import Actor, BodyActor, Collision, TrafficLight, TrafficSign, Vehicle, Walker
from carla_lite.engine.catalog import ActorClass
from carla_lite.recording import LogWriter, RecordingError
from carla_lite.recording import log_records as r
from carla_lite.recording.log_records import NO_ACTOR
from carla_lite.recording.packets import PacketId, pack
from carla_lite.scene import Lamp
from carla_lite.wire import log_values

if TYPE_CHECKING:
    from carla_lite.wire.simulation import Simulation

_LOG = logging.getLogger(__name__)
_HERO = "hero"
Packets = list[tuple[PacketId, Sequence[Any]]]


class Recorder:
    """Writes what happens in a simulation while it is switched on.

    The first frame shows the world as it is at the start, each further one as it is after a step. With
    ``additional_data`` velocities, bounding boxes, trigger volumes and times of lights are in the file, too.
    """

    def __init__(self, simulation: Simulation) -> None:
        self._simulation = simulation
        self._file: LogWriter | None = None
        self._additional_data = False
        self._known: set[int] = set()
        self._collisions = 0

    def start(self, file: LogWriter, additional_data: bool) -> None:
        """Record into ``file`` from now on, instead of another one."""
        self.stop()
        self._file, self._additional_data = file, additional_data
        self._known, self._collisions = set(), 0
        self.add_frame(0.0, ())

    def stop(self) -> None:
        """End the recording, if there is one."""
        if self._file is not None:
            file, self._file = self._file, None
            try:
                file.close()
            except OSError as error:
                _LOG.error("the recording %s is not whole: %s", file.path, error.strerror)

    def add_frame(self, step_s: float, collisions: Iterable[Collision]) -> None:
        """Record the present state, ``step_s`` after the last; what cannot be written ends the file, with a word."""
        if self._file is None:
            return
        frame = [*self._events(collisions), *self._states()]
        try:
            self._file.add_frame(step_s, [pack(packet_id, records) for packet_id, records in frame])
        except (OSError, RecordingError) as error:
            _LOG.error("the recording %s ends here: %s", self._file.path, error)
            self.stop()

    def _events(self, collisions: Iterable[Collision]) -> Packets:
        actors = self._simulation.world.actors
        new = [actor for actor in actors.values() if actor.id not in self._known]
        gone = sorted(self._known - actors.keys())
        self._known = set(actors)
        packets: Packets = [
            (PacketId.EVENT_ADD, [self._added(actor) for actor in new]),
            (PacketId.EVENT_DEL, [r.ActorRemoved(actor_id) for actor_id in gone]),
            (PacketId.EVENT_PARENT, [r.Parent(actor.id, actor.parent_id) for actor in new if actor.parent_id]),
            (PacketId.COLLISION, [self._collision(collision) for collision in collisions]),
        ]
        return [*packets, *self._details(new)] if self._additional_data else packets

    def _details(self, new: list[Actor]) -> Packets:
        signs = [actor for actor in new if isinstance(actor, TrafficSign)]
        lights = [sign for sign in signs if isinstance(sign, TrafficLight)]
        others = [actor for actor in new if not isinstance(actor, TrafficSign)]
        return [
            (PacketId.BOUNDING_BOX, [log_values.bounding_box(actor) for actor in others]),
            (PacketId.TRIGGER_VOLUME, [log_values.trigger_volume(sign) for sign in signs]),
            (PacketId.TRAFFIC_LIGHT_TIME, [_times(light) for light in lights]),
        ]

    def _states(self) -> Packets:
        actors = self._simulation.world.actors.values()
        vehicles = [actor for actor in actors if isinstance(actor, Vehicle)]
        walkers = [actor for actor in actors if isinstance(actor, Walker)]
        lights = self._simulation.lights
        packets: Packets = [
            (PacketId.POSITION, [r.Position(a.id, *log_values.log_pose(a.pose)) for a in actors if _moves(a)]),
            (PacketId.TRAFFIC_LIGHT, [_light(light) for light in self._simulation.world.signals.lights]),
            (PacketId.VEHICLE, [log_values.vehicle_record(vehicle) for vehicle in vehicles]),
            (PacketId.WALKER, [r.WalkerRecord(walker.id, walker.control.speed_mps) for walker in walkers]),
            (PacketId.VEHICLE_LIGHT, [r.VehicleLights(v.id, lights.get(v.id, 0)) for v in vehicles]),
        ]
        if self._additional_data:
            packets.append((PacketId.KINEMATICS, [log_values.kinematics(actor) for actor in (*vehicles, *walkers)]))
        return packets

    def _added(self, actor: Actor) -> r.ActorAdded:
        return log_values.added(actor, self._simulation.records.definition_id(actor.type_id))

    def _collision(self, collision: Collision) -> r.CollisionRecord:
        self._collisions += 1
        first_id, second_id = collision.actor_id, collision.other_id
        return r.CollisionRecord(
            self._collisions - 1,
            first_id,
            NO_ACTOR if second_id is None else second_id,
            self._is_hero(first_id),
            self._is_hero(second_id),
        )

    def _is_hero(self, actor_id: int | None) -> bool:
        actor = None if actor_id is None else self._simulation.world.actors.get(actor_id)
        return actor is not None and actor.attributes.get("role_name") == _HERO


def _moves(actor: Actor) -> bool:
    """Tell whether an actor's position is recorded: what is attached goes with its parent."""
    return actor.parent_id is None and (isinstance(actor, BodyActor) or actor.actor_class is ActorClass.SPECTATOR)


def _light(light: TrafficLight) -> r.LightRecord:
    return r.LightRecord(light.id, light.group.frozen, light.elapsed_s, light.lamp)


def _times(light: TrafficLight) -> r.LightTimes:
    times_s = light.controller.times_s
    return r.LightTimes(light.id, times_s[Lamp.GREEN], times_s[Lamp.YELLOW], times_s[Lamp.RED])

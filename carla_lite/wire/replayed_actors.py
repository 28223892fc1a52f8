"""The actors that a recording is played with: made, moved and let go as the recording says."""

from __future__ import annotations

import contextlib
import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING

from carla_lite.engine import (
    Actor,
    Blueprint,
    BodyActor,
    LightState,
    TrafficLight,
    TrafficSign,
    Vehicle,
    VehicleControl,
    Walker,
    WalkerControl,
)
from carla_lite.recording import Frame
from carla_lite.recording import log_records as r
from carla_lite.recording.packets import PacketId
from carla_lite.scene import Lamp
from carla_lite.wire.errors import CallError
from carla_lite.wire.log_values import read_log_pose
from waypilot.geometry import Pose, Vector3

if TYPE_CHECKING:
    from carla_lite.wire.simulation import Simulation

_LOG = logging.getLogger(__name__)
_SAME_PLACE_M = 0.05
_BRAKE_LIGHT = 8
_ZERO: Vector3 = (0.0, 0.0, 0.0)


class ReplayedActors:
    """Which actor of the world plays which one of a recording.

    An actor of the recording's id and type that is there already plays itself; others are made. The town's own lights
    and signs are found by their places. Heroes are left alone with ``ignore_hero``, the spectator with
    ``ignore_spectator``; sensors play only with ``with_sensors``.
    """

    def __init__(self, simulation: Simulation, ignore_hero: bool, ignore_spectator: bool, with_sensors: bool) -> None:
        self._simulation = simulation
        self._ignore_hero = ignore_hero
        self._ignore_spectator = ignore_spectator
        self._with_sensors = with_sensors
        self._cast: dict[int, Actor] = {}
        self._made: set[int] = set()

    def find(self, recorded_id: int) -> Actor | None:
        """Return the living actor that plays a recorded one."""
        actor = self._cast.get(recorded_id)
        return actor if actor is not None and self._simulation.world.actors.get(actor.id) is actor else None

    def take_events(self, frame: Frame) -> None:
        """Let actors come and go as in ``frame``."""
        parents = {link.actor_id: link.parent_id for link in frame.of(PacketId.EVENT_PARENT)}
        for record in frame.of(PacketId.EVENT_ADD):
            self._add(record, parents.get(record.actor_id))
        for record in frame.of(PacketId.EVENT_DEL):
            self._remove(record.actor_id)

    def _add(self, record: r.ActorAdded, parent_id: int | None) -> None:
        attributes = {attribute.name: attribute.value for attribute in record.attributes}
        if self._ignore_hero and attributes.get("role_name") == "hero":
            return
        actor = self._present(record) or self._made_anew(record, attributes, parent_id)
        if actor is not None:
            self._cast[record.actor_id] = actor
            if isinstance(actor, BodyActor):
                actor.set_simulates_physics(False)

    def _present(self, record: r.ActorAdded) -> Actor | None:
        """Return the actor that is there already, if there is one."""
        world = self._simulation.world
        pose = read_log_pose(record[2:8])
        if record.type_id.startswith("traffic."):
            return next((sign for sign in world.signals.actors if _stands_at(sign, record.type_id, pose)), None)
        if record.type_id == world.spectator.type_id:
            return None if self._ignore_spectator else world.spectator
        actor = world.actors.get(record.actor_id)
        return actor if actor is not None and actor.type_id == record.type_id else None

    def _made_anew(self, record: r.ActorAdded, attributes: dict[str, str], parent_id: int | None) -> Actor | None:
        sensor = record.kind == r.ActorKind.SENSOR or record.type_id.startswith("sensor.")
        if record.type_id.startswith(("traffic.", "spectator")) or (sensor and not self._with_sensors):
            return None
        parent = None if parent_id is None else self.find(parent_id)
        if parent_id is not None and parent is None:
            return None
        try:
            blueprint = self._simulation.world.catalog.find(record.type_id)
            values = _usable(blueprint, attributes)
            pose = read_log_pose(record[2:8])
            actor = self._simulation.spawn(
                record.type_id, values, pose, None if parent is None else parent.id, record.actor_id
            )
        except (KeyError, CallError) as error:
            _LOG.warning("actor %d of the recording cannot be made: %s", record.actor_id, error)
            return None
        self._made.add(actor.id)
        return actor

    def _remove(self, recorded_id: int) -> None:
        actor = self.find(recorded_id)
        self._cast.pop(recorded_id, None)
        if actor is not None and not isinstance(actor, TrafficSign) and actor is not self._simulation.world.spectator:
            self._simulation.destroy(actor.id)
            self._made.discard(actor.id)

    def move(self, recorded_id: int, pose: Pose, velocity_mps: Vector3, yaw_rate_radps: float) -> None:
        """Put an actor somewhere; it is seen to move with these velocities."""
        actor = self.find(recorded_id)
        if isinstance(actor, BodyActor):
            actor.lead(pose, velocity_mps, (0.0, 0.0, yaw_rate_radps))
        elif actor is not None and actor.parent_id is None:
            actor.set_pose(pose)

    def follow(self, recorded_id: int, offset: Pose) -> None:
        """Put the spectator at ``offset`` in the axes of an actor, if that plays."""
        actor = self.find(recorded_id)
        if actor is not None:
            self._simulation.world.spectator.set_pose(actor.pose.compose(offset))

    def take_controls(self, frame: Frame) -> None:
        """Show the controls and lights that vehicles and walkers had in ``frame``."""
        for record in frame.of(PacketId.VEHICLE):
            vehicle = self.find(record.actor_id)
            if isinstance(vehicle, Vehicle):
                vehicle.apply_control(_control(record))
        for record in frame.of(PacketId.WALKER):
            walker = self.find(record.actor_id)
            if isinstance(walker, Walker):
                walker.apply_control(WalkerControl(walker.pose.orientation.rotate((1.0, 0.0, 0.0)), record.speed_mps))
        for record in frame.of(PacketId.VEHICLE_LIGHT):
            vehicle = self.find(record.actor_id)
            if isinstance(vehicle, Vehicle):
                self._simulation.lights[vehicle.id] = record.flags
                vehicle.brake_light_on = bool(record.flags & _BRAKE_LIGHT)

    def take_traffic_lights(self, frame: Frame) -> None:
        """Show what the traffic lights showed in ``frame``; their cycles go on from there."""
        states = {}
        for record in frame.of(PacketId.TRAFFIC_LIGHT):
            light = self.find(record.actor_id)
            if isinstance(light, TrafficLight) and record.state in set(Lamp):
                states[light] = LightState(Lamp(record.state), record.elapsed_s, record.frozen)
        for group in self._simulation.world.signals.groups:
            group.restore({light: states[light] for light in group.lights if light in states})

    def release(self, keep_made: bool) -> None:
        """Let everybody go on by themselves, standing, or remove those that were made for the recording."""
        for actor in list(self._living()):
            if not keep_made and actor.id in self._made:
                self._simulation.destroy(actor.id)
                continue
            if isinstance(actor, Vehicle):
                actor.apply_control(VehicleControl())
            elif isinstance(actor, Walker):
                actor.apply_control(WalkerControl())
            if isinstance(actor, Vehicle | Walker):
                actor.set_simulates_physics(True)
                actor.set_velocity(_ZERO)
        self._cast.clear()
        self._made.clear()

    def _living(self) -> Iterable[Actor]:
        return (actor for recorded_id in self._cast if (actor := self.find(recorded_id)) is not None)


def _stands_at(sign: TrafficSign, type_id: str, pose: Pose) -> bool:
    near = max(abs(sign.pose.x_m - pose.x_m), abs(sign.pose.y_m - pose.y_m)) < _SAME_PLACE_M
    return near and sign.type_id == type_id


def _usable(blueprint: Blueprint, attributes: dict[str, str]) -> dict[str, str]:
    """Return those of the recorded attributes that a blueprint takes; CARLA's have some that ours lack."""
    values = {}
    for attribute in blueprint.attributes:
        with contextlib.suppress(ValueError):
            values[attribute.name] = attribute.read(attributes.get(attribute.name, attribute.default))
    return values


def _control(record: r.VehicleRecord) -> VehicleControl:
    reverse = record.gear < 0
    return VehicleControl(record.throttle, record.steer, record.brake, record.hand_brake, reverse, False, record.gear)

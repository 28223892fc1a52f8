"""What is around the vehicle on every frame, read from the client's snapshot: no call leaves this process for it.

Only a road user that was not there before costs one question to the simulator, for its kind and box.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import carla

from waypilot.geometry import SE2, FloatArray
from waypilot.surroundings import ActorState, Footprint, LightState, RoadSample, SceneInfo, SignalKind, Surroundings
from waypilot.types import ActorKind
from waypilot_carla import convert
from waypilot_carla.road import sample_road
from waypilot_carla.signals import find_signals, stop_lines

RANGE_M = 60.0
_MPS_PER_KPH = 1.0 / 3.6

_STATES = {
    carla.TrafficLightState.Red: LightState.RED,
    carla.TrafficLightState.Yellow: LightState.YELLOW,
    carla.TrafficLightState.Green: LightState.GREEN,
    carla.TrafficLightState.Off: LightState.OFF,
}


@dataclass(frozen=True, slots=True)
class _RoadUser:
    """What does not change while an actor lives."""

    kind: ActorKind
    type_id: str
    pose_actor_from_box: SE2
    half_length_m: float
    half_width_m: float


class SurroundingsReader:
    """Reads the surroundings of one vehicle during one drive. ``scene`` is what stays the same."""

    def __init__(self, world: carla.World, town: carla.Map, vehicle: carla.Vehicle, route_m: FloatArray) -> None:
        """Find the stop lines near the route, whose points are (N, 2) in the map."""
        self._world, self._town, self._vehicle = world, town, vehicle
        signals = find_signals(world)
        box = _road_user(vehicle)
        ego = Footprint(box.half_length_m, box.half_width_m, box.pose_actor_from_box.x_m)
        self.scene = SceneInfo(ego, stop_lines(town, signals, route_m))
        shown = {line.signal_id for line in self.scene.stop_lines if line.kind is SignalKind.TRAFFIC_LIGHT}
        self._lights = [signal for signal in signals if signal.id in shown]
        self._known: dict[int, _RoadUser | None] = {vehicle.id: None}  # None: no road user, or the vehicle itself
        self._last_road: tuple[SE2, RoadSample] | None = None

    def read(self, snapshot: carla.WorldSnapshot, base_link: SE2, stamp_ns: int) -> Surroundings:
        """Gather what is around ``base_link`` (the vehicle's pose) in this snapshot, the client's latest."""
        return Surroundings(
            stamp_ns=stamp_ns,
            actors=self._actors(snapshot, base_link),
            lights=tuple((light.id, _STATES.get(light.state, LightState.UNKNOWN)) for light in self._lights),
            road=self._road(base_link),
        )

    def _actors(self, snapshot: carla.WorldSnapshot, base_link: SE2) -> tuple[ActorState, ...]:
        states = {state.id: state for state in snapshot}
        self._learn([actor_id for actor_id in states if actor_id not in self._known])
        users = ((actor_id, user) for actor_id in sorted(states) if (user := self._known.get(actor_id)) is not None)
        found = (_state(actor_id, user, states[actor_id], base_link) for actor_id, user in users)
        return tuple(actor for actor in found if actor is not None)

    def _learn(self, new_ids: list[int]) -> None:
        if not new_ids:
            return
        actors = {actor.id: actor for actor in self._world.get_actors(new_ids)}
        for actor_id in new_ids:
            actor = actors.get(actor_id)
            is_user = actor is not None and convert.actor_kind(actor.type_id) is not ActorKind.STATIC
            self._known[actor_id] = _road_user(actor) if is_user else None

    def _road(self, base_link: SE2) -> RoadSample:
        """Ask the map, unless the vehicle stands exactly where it stood."""
        limit_kph = self._vehicle.get_speed_limit()
        limit_mps = limit_kph * _MPS_PER_KPH if limit_kph > 0.0 else None
        last = self._last_road
        if last is None or last[0] != base_link or last[1].speed_limit_mps != limit_mps:
            last = self._last_road = base_link, sample_road(self._town, base_link, self.scene.ego, limit_mps)
        return last[1]


def _road_user(actor: carla.Actor) -> _RoadUser:
    box = actor.bounding_box
    offset = convert.vector(box.location)
    return _RoadUser(
        kind=convert.actor_kind(actor.type_id),
        type_id=actor.type_id,
        pose_actor_from_box=SE2(offset[0], offset[1], 0.0),
        half_length_m=box.extent.x,
        half_width_m=box.extent.y,
    )


def _state(actor_id: int, user: _RoadUser, state: carla.ActorSnapshot, near: SE2) -> ActorState | None:
    """Return where a road user is, None when that is out of range."""
    transform = state.get_transform()
    at_x, at_y, _ = convert.vector(transform.location)
    if math.hypot(at_x - near.x_m, at_y - near.y_m) > RANGE_M:
        return None
    velocity = convert.vector(state.get_velocity())
    return ActorState(
        actor_id=actor_id,
        kind=user.kind,
        type_id=user.type_id,
        pose_map_from_box=convert.pose(transform).planar.compose(user.pose_actor_from_box),
        velocity_mps=velocity[:2],
        half_length_m=user.half_length_m,
        half_width_m=user.half_width_m,
    )

"""The world: actors in a town, advanced step by step. No sockets, no clock, no randomness but from its seed."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from carla_lite.engine.actors import BODY_TYPES, Actor, BodyActor, Vehicle
from carla_lite.engine.body import COLLIDES, SIZE
from carla_lite.engine.catalog import ActorClass, Blueprint, Catalog
from carla_lite.engine.dynamics import GRAVITY_MPS2
from carla_lite.engine.friction import FrictionTriggers
from carla_lite.engine.physics import obstacles_of, overlaps_any, step_bodies
from carla_lite.engine.signals import Signals
from carla_lite.maps import TownMap
from carla_lite.scene import Box, DynamicScene, Rgb, SceneActor, Shape, Weather
from waypilot.geometry import FloatArray, Pose, Vector3
from waypilot.types import NANOSECONDS_PER_SECOND

# Weaker contacts are numerical noise of things that lean on each other.
_CONTACT_THRESHOLD_NS = 1.0
_MAX_STEP_S = 5.0
# Ids of recordings may be so much ahead, that no file can use up those there are (32 bits).
_MAX_ID_STEP = 100_000
_PERMANENT = (ActorClass.SPECTATOR, ActorClass.TRAFFIC)
_DEFAULT_COLOR: Rgb = (128, 128, 128)
_CLOTHES: tuple[Rgb, ...] = ((58, 84, 140), (150, 52, 48), (70, 110, 74), (206, 178, 92), (48, 48, 52), (176, 176, 180))


class SpawnError(RuntimeError):
    """The actor could not be spawned; the message is CARLA's where CARLA has one."""


@dataclass(frozen=True, slots=True)
class Collision:
    """One contact of one step between two actors, or an actor and a static object of the town.

    ``normal_impulse_ns`` is what acted on ``actor_id`` (N s, map axes); the partner got the opposite.
    ``other_id`` is None for a static object, which is then ``static_box``.
    """

    actor_id: int
    other_id: int | None
    static_box: Box | None
    normal_impulse_ns: Vector3


@dataclass(frozen=True, slots=True)
class StepEvents:
    """What happened during one step; each touching pair appears once, in order of ids."""

    frame: int
    stamp_ns: int
    collisions: tuple[Collision, ...]


class World:
    """Actors in a town.

    ``frame`` counts steps, ``time_ns`` is simulated time. ``actors`` maps id to actor in order of spawning and always
    holds the ``spectator`` and the town's traffic lights and signs (``signals``). Ids start at ``first_actor_id`` and
    are never used twice, but by actors of a recording, which may have theirs again. ``seed`` decides where in their
    cycles traffic lights start, and is for whoever draws random numbers on the world's behalf (sensor noise).
    ``imu_gravity_mps2`` is what IMUs feel, not what moves bodies.
    """

    def __init__(self, town: TownMap, catalog: Catalog, seed: int = 0, first_actor_id: int = 1) -> None:
        """Create a world with nothing in it but a spectator and what regulates the town's traffic."""
        self.town = town
        self.catalog = catalog
        self.seed = seed
        self.frame = 0
        self.time_ns = 0
        self.weather = Weather()
        self.imu_gravity_mps2 = GRAVITY_MPS2
        self.actors: dict[int, Actor] = {}
        self._next_id = first_actor_id
        self._friction = FrictionTriggers()
        self._obstacles: FloatArray = obstacles_of(town.scene.boxes)
        self._obstacle_heights_m = np.array([_box_heights(box) for box in town.scene.boxes]).reshape(-1, 2)
        self.spectator = self.spawn("spectator", {}, Pose.from_xyz_rpy(0.0, 0.0, 30.0, pitch_rad=math.pi / 4.0))
        self.signals = Signals(town, self._next_id, seed)
        self.actors.update((actor.id, actor) for actor in self.signals.actors)
        self._next_id += len(self.signals.actors)

    @property
    def time_s(self) -> float:
        """Simulated time in seconds."""
        return self.time_ns / NANOSECONDS_PER_SECOND

    def spawn(
        self,
        type_id: str,
        attributes: dict[str, str],
        pose: Pose,
        parent_id: int | None = None,
        recorded_id: int | None = None,
    ) -> Actor:
        """Add an actor; ``pose`` is in map axes, or in the parent's axes when there is a parent.

        Vehicles and walkers are put on the ground below ``pose``, props stay where they are put. A parent holds its
        children rigidly: whatever is attached is passive, it neither moves by itself nor collides. Raises SpawnError
        for an unknown blueprint, a bad attribute, an unknown parent, a pose that is not finite, or an occupied place.

        ``recorded_id`` is for an actor of a recording: it gets this id if no living actor has it (and the id is not
        far beyond those given so far), and its place may be occupied.
        """
        try:
            blueprint = self.catalog.find(type_id)
            values = blueprint.resolve(attributes)
        except (KeyError, ValueError) as error:
            raise SpawnError(f"Spawn failed: {error.args[0]}") from error
        if not all(map(math.isfinite, (pose.x_m, pose.y_m, pose.z_m, *_quaternion(pose)))):
            raise SpawnError("Spawn failed: the transform is not finite")
        actor_id = self._next_id if recorded_id is None else self._free_id(recorded_id)
        actor = self._create(actor_id, blueprint, values, pose, parent_id)
        if recorded_id is None:
            self._check_place(actor)
        try:
            self._friction.add(actor)
        except ValueError as error:
            raise SpawnError(f"Spawn failed: {error}") from error
        self.actors[actor.id] = actor
        self._next_id = max(self._next_id, actor.id + 1)
        if isinstance(actor, Vehicle):
            self.signals.welcome(actor)
        return actor

    def _free_id(self, recorded_id: int) -> int:
        free = 0 < recorded_id < self._next_id + _MAX_ID_STEP and recorded_id not in self.actors
        return recorded_id if free else self._next_id

    def _create(
        self, actor_id: int, blueprint: Blueprint, values: dict[str, str], pose: Pose, parent_id: int | None
    ) -> Actor:
        body_type = BODY_TYPES.get(blueprint.actor_class)
        if body_type is None or parent_id is not None:
            return Actor(actor_id, blueprint, values, pose, self._parent(parent_id))
        return body_type(actor_id, blueprint, values, pose)

    def _check_place(self, actor: Actor) -> None:
        if not isinstance(actor, BodyActor):
            return
        low_m, high_m = actor.heights_m
        others = [body for body in self._bodies() if body.collides]
        rows = _rows([body for body in others if body.heights_m[0] < high_m and low_m < body.heights_m[1]])
        rows[:, COLLIDES] = 1.0  # high up, where it touches no vehicle, a body is in the way too
        heights_m = self._obstacle_heights_m
        obstacles = self._obstacles[(heights_m[:, 0] < high_m) & (low_m < heights_m[:, 1])]
        if overlaps_any(actor.body, rows, obstacles):
            raise SpawnError("Spawn failed because of collision at spawn position")

    def _parent(self, parent_id: int | None) -> Actor | None:
        if parent_id is None:
            return None
        if parent_id not in self.actors:
            raise SpawnError(f"Spawn failed: there is no parent actor {parent_id}")
        return self.actors[parent_id]

    def place(self, actor: Actor, pose: Pose) -> None:
        """Move an actor at once, ``pose`` as for ``spawn``; a vehicle then knows the speed limit of its new place.

        Raises ValueError for a pose that is not finite, and for what belongs to the town.
        """
        actor.set_pose(pose)
        if isinstance(actor, Vehicle):
            self.signals.welcome(actor)

    def destroy(self, actor_id: int) -> bool:
        """Remove an actor; False when there is none of this id or it belongs to the town or is the spectator.

        Children stay alive where they are, without a parent, as in CARLA.
        """
        if actor_id not in self.actors or self.actors[actor_id].actor_class in _PERMANENT:
            return False
        del self.actors[actor_id]
        self._friction.remove(actor_id)
        for actor in self.actors.values():
            if actor.parent_id == actor_id:
                actor.detach()
        return True

    def step(self, dt_s: float) -> StepEvents:
        """Advance by one step of ``dt_s`` seconds; raises ValueError for a step that is not in (0, 5]."""
        if not 0.0 < dt_s <= _MAX_STEP_S:
            raise ValueError(f"the step is {dt_s} s, expected more than 0 and at most {_MAX_STEP_S:g} s")
        bodies = self._bodies()
        self._friction.apply(actor for actor in bodies if isinstance(actor, Vehicle))
        rows = _rows(bodies)
        contacts = step_bodies(rows, self._obstacles, dt_s, _CONTACT_THRESHOLD_NS)
        for actor, row in zip(bodies, rows, strict=True):
            actor.read_back(row, dt_s)
        for child in self.actors.values():
            if child.parent_id is not None:
                child.follow(self.actors[child.parent_id])
        step_ns = round(dt_s * NANOSECONDS_PER_SECOND)
        self.signals.step(step_ns)
        self.signals.tell([actor for actor in bodies if isinstance(actor, Vehicle)], dt_s)
        self.frame += 1
        self.time_ns += step_ns
        collisions = tuple(
            Collision(
                bodies[contact.first].id,
                None if contact.obstacle else bodies[contact.second].id,
                self.town.scene.boxes[contact.second] if contact.obstacle else None,
                (*contact.impulse_on_first_ns, 0.0),
            )
            for contact in contacts
        )
        return StepEvents(self.frame, self.time_ns, collisions)

    def scene(self, exclude: frozenset[int] = frozenset()) -> DynamicScene:
        """Return what cameras see besides the town; ``exclude`` names actors to leave out (the camera's own car)."""
        visible = tuple(
            _scene_actor(actor, actor.blueprint.shape)
            for actor in self.actors.values()
            if actor.blueprint.shape is not None and actor.id not in exclude
        )
        return DynamicScene(self.frame, self.time_s, self.weather, visible, self.signals.lamps)

    def _bodies(self) -> list[BodyActor]:
        return [actor for actor in self.actors.values() if isinstance(actor, BodyActor)]


def _rows(bodies: list[BodyActor]) -> FloatArray:
    return np.array([actor.body for actor in bodies]) if bodies else np.empty((0, SIZE))


def _box_heights(box: Box) -> tuple[float, float]:
    return box.center_m[2] - box.half_extent_m[2], box.center_m[2] + box.half_extent_m[2]


def _quaternion(pose: Pose) -> tuple[float, float, float, float]:
    q = pose.orientation
    return q.x, q.y, q.z, q.w


def _color(actor: Actor) -> Rgb:
    text = actor.attributes.get("color")
    if text is not None:
        return _rgb(text)
    if actor.actor_class is ActorClass.WALKER:
        return _CLOTHES[actor.id % len(_CLOTHES)]
    return _DEFAULT_COLOR


@lru_cache(maxsize=1024)
def _rgb(text: str) -> Rgb:
    r, g, b = (int(part) for part in text.split(","))
    return r, g, b


def _scene_actor(actor: Actor, shape: Shape) -> SceneActor:
    braking = isinstance(actor, Vehicle) and (
        actor.control.brake > 0.0 or actor.control.hand_brake or actor.brake_light_on
    )
    return SceneActor(actor.id, shape, actor.pose, actor.half_extent_m, _color(actor), braking, actor.blueprint.label)

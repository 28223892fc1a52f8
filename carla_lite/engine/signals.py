"""Traffic lights and signs of a world: phases that take turns at every junction, and who is told what.

The rules are CARLA's. The lights of a junction form a group; its controllers take turns, each green, yellow and red in
its own times while the others stay red. Times are set per controller, freezing holds a whole group.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from carla_lite.engine.actors import DEFAULT_SPEED_LIMIT_KPH, Actor, Vehicle
from carla_lite.engine.catalog import ActorClass, AttributeType, Blueprint, BlueprintAttribute
from carla_lite.engine.zones import NO_ZONE, first_zones, zone_rows
from carla_lite.maps import Post, PostKind, TownMap
from carla_lite.scene import Lamp
from waypilot.geometry import FloatArray, Pose, Vector3
from waypilot.types import NANOSECONDS_PER_SECOND

GREEN_S, YELLOW_S, RED_S = 10.0, 3.0, 2.0
"""CARLA's default times."""

_CYCLE = (Lamp.GREEN, Lamp.YELLOW, Lamp.RED)
LIGHT_TYPE_ID = "traffic.traffic_light"
_TYPE_IDS = {PostKind.LIGHT: LIGHT_TYPE_ID, PostKind.STOP: "traffic.stop", PostKind.YIELD: "traffic.yield"}


@dataclass(frozen=True, slots=True)
class LightState:
    """What was recorded of a traffic light: what it shows, the time of its controller, and whether it is frozen."""

    lamp: Lamp
    elapsed_s: float
    frozen: bool


class Controller:
    """The lights of one junction that switch together."""

    def __init__(self) -> None:
        """Start with CARLA's times, at the beginning of green."""
        self.times_s = {Lamp.GREEN: GREEN_S, Lamp.YELLOW: YELLOW_S, Lamp.RED: RED_S}
        self.lights: list[TrafficLight] = []
        self.stage = 0
        self.elapsed_ns = 0

    @property
    def lamp(self) -> Lamp:
        """What the controller shows while it is its turn."""
        return _CYCLE[self.stage]

    @property
    def shown(self) -> Lamp:
        """What the first of the lights shows."""
        return next((light.lamp for light in self.lights), Lamp.RED)

    def show(self, lamp: Lamp) -> None:
        """Switch all lights."""
        for light in self.lights:
            light.lamp = lamp


class LightGroup:
    """The lights of one junction."""

    def __init__(self, phases: int) -> None:
        """Create a group with so many controllers."""
        self.controllers = [Controller() for _ in range(phases)]
        self.frozen = False
        self._turn = 0

    @property
    def lights(self) -> list[TrafficLight]:
        """All lights, in order of controllers."""
        return [light for controller in self.controllers for light in controller.lights]

    def reset(self) -> None:
        """Begin anew: green for the first controller, red for the others."""
        self._turn = 0
        for number, controller in enumerate(self.controllers):
            controller.stage = controller.elapsed_ns = 0
            controller.show(Lamp.RED if number else Lamp.GREEN)

    def restore(self, states: Mapping[TrafficLight, LightState]) -> None:
        """Take up what was recorded of some of the lights: what they show, and where in its cycle the group is.

        It is the turn of the controller that shows no red, or else of the one whose time runs.
        """
        for light, state in states.items():
            light.lamp = state.lamp
            light.controller.elapsed_ns = round(state.elapsed_s * NANOSECONDS_PER_SECOND)
            self.frozen = state.frozen
        likely = [(controller.shown is not Lamp.RED, controller.elapsed_ns > 0) for controller in self.controllers]
        if any(map(any, likely)):
            self._turn = likely.index(max(likely))
        for number, controller in enumerate(self.controllers):
            in_turn = number == self._turn and controller.shown in _CYCLE
            controller.stage = _CYCLE.index(controller.shown) if in_turn else 0

    def step(self, step_ns: int) -> None:
        """Let time pass; a controller whose time is over goes on, after its red the next one has its turn."""
        if self.frozen:
            return
        active = self.controllers[self._turn]
        active.elapsed_ns += step_ns
        left = len(_CYCLE) * len(self.controllers)
        while active.elapsed_ns >= round(active.times_s[active.lamp] * NANOSECONDS_PER_SECOND) and left:
            rest = active.elapsed_ns - round(active.times_s[active.lamp] * NANOSECONDS_PER_SECOND)
            active.elapsed_ns = 0
            active.stage = (active.stage + 1) % len(_CYCLE)
            if active.stage == 0:
                self._turn = (self._turn + 1) % len(self.controllers)
                active = self.controllers[self._turn]
            active.elapsed_ns = rest
            active.show(active.lamp)
            left -= 1  # times of zero would go round for ever


class TrafficSign(Actor):
    """A sign of the town. ``pose`` is its foot with x to the right of the traffic that it regulates, as in CARLA."""

    def __init__(self, actor_id: int, blueprint: Blueprint, post: Post) -> None:
        """Stand where the map says."""
        right = post.pose.yaw_rad - math.pi / 2.0
        pose = Pose.from_xyz_rpy(post.pose.x_m, post.pose.y_m, 0.0, yaw_rad=right)
        super().__init__(actor_id, blueprint, {a.name: a.default for a in blueprint.attributes}, pose)
        self.post = post

    @property
    def half_extent_m(self) -> Vector3:
        """Half sizes of the trigger volume: across the road, along it, and up."""
        trigger = self.post.trigger
        return (trigger.half_width_m, trigger.half_length_m, trigger.half_length_m)

    @property
    def box_center_m(self) -> Vector3:
        """Middle of the trigger volume in the actor's axes."""
        pose, trigger = self.post.pose, self.post.trigger.pose
        seen = pose.inverse().compose(trigger)
        return (-seen.y_m, seen.x_m, 0.0)

    def set_pose(self, pose: Pose) -> None:
        """Refuse: what the map puts somewhere stays there."""
        raise ValueError(f"{self.type_id} {self.id} stands where the map puts it and cannot be moved")


class TrafficLight(TrafficSign):
    """A traffic light; what it shows is set by its controller, or by hand until that switches next."""

    def __init__(
        self, actor_id: int, blueprint: Blueprint, post: Post, group: LightGroup, controller: Controller, pole: int
    ) -> None:
        """Join a controller of a group."""
        super().__init__(actor_id, blueprint, post)
        self.group = group
        self.controller = controller
        self.pole_index = pole
        self.lamp = Lamp.RED
        controller.lights.append(self)

    @property
    def elapsed_s(self) -> float:
        """Seconds since the controller switched last; it stands still while others have their turn."""
        return self.controller.elapsed_ns / NANOSECONDS_PER_SECOND

    def set_time(self, lamp: Lamp, seconds: float) -> None:
        """Set how long the controller shows a colour; raises ValueError for a time that is not finite or negative."""
        if not (math.isfinite(seconds) and seconds >= 0.0):
            raise ValueError(f"the {lamp.name.lower()} time is {seconds} s, expected 0 or more")
        self.controller.times_s[lamp] = seconds


@dataclass(slots=True)
class _Zones:
    """Trigger zones with the actor each belongs to."""

    rows: FloatArray = field(default_factory=lambda: zone_rows([]))
    owners: list[TrafficSign] = field(default_factory=list)

    @staticmethod
    def of(signs: Iterable[TrafficSign]) -> _Zones:
        pairs = [(zone, sign) for sign in signs for zone in sign.post.zones]
        return _Zones(zone_rows([zone for zone, _ in pairs]), [sign for _, sign in pairs])


class Signals:
    """All lights and signs of a town as actors."""

    def __init__(self, town: TownMap, first_actor_id: int, seed: int) -> None:
        """Put up the signals in order of the map; every group starts somewhere in its cycle, drawn from ``seed``."""
        self._town = town
        self.groups = _groups(town.posts)
        self.actors: tuple[TrafficSign, ...] = tuple(
            self._actor(first_actor_id + number, post) for number, post in enumerate(town.posts)
        )
        self.lights = tuple(actor for actor in self.actors if isinstance(actor, TrafficLight))
        self._light_zones = _Zones.of(self.lights)
        self._limit_zones = _Zones.of(a for a in self.actors if a.post.kind is PostKind.SPEED_LIMIT)
        for number, group in enumerate(self.groups):
            group.reset()
            cycle_s = len(group.controllers) * (GREEN_S + YELLOW_S + RED_S)
            start_s = np.random.default_rng([8, seed, number]).uniform(0.0, cycle_s)
            group.step(round(start_s * NANOSECONDS_PER_SECOND))

    def _actor(self, actor_id: int, post: Post) -> TrafficSign:
        blueprint = _blueprint(post)
        if post.kind is not PostKind.LIGHT:
            return TrafficSign(actor_id, blueprint, post)
        group = self.groups[post.group]
        return TrafficLight(actor_id, blueprint, post, group, group.controllers[post.phase], len(group.lights))

    @property
    def lamps(self) -> tuple[int, ...]:
        """What every light shows, in order of the map."""
        return tuple(light.lamp for light in self.lights)

    def step(self, step_ns: int) -> None:
        """Let time pass at all junctions."""
        for group in self.groups:
            group.step(step_ns)

    def reset(self) -> None:
        """Begin anew at all junctions."""
        for group in self.groups:
            group.reset()

    def tell(self, vehicles: list[Vehicle], dt_s: float) -> None:
        """Let every vehicle know the light before it and the limit it drives under."""
        if not self.actors or not vehicles:
            return
        rows = np.array([vehicle.body for vehicle in vehicles])
        lights, limits = (first_zones(rows, zones.rows, dt_s) for zones in (self._light_zones, self._limit_zones))
        for vehicle, light, limit in zip(vehicles, lights.tolist(), limits.tolist(), strict=True):
            owner = None if light == NO_ZONE else self._light_zones.owners[light]
            vehicle.traffic_light = owner if isinstance(owner, TrafficLight) else None
            if limit != NO_ZONE:
                vehicle.speed_limit_kph = self._limit_zones.owners[limit].post.limit_kph

    def welcome(self, vehicle: Vehicle) -> None:
        """Tell a vehicle that was put somewhere which limit holds there."""
        limit = self._town.speed_limit_kph(vehicle.pose.x_m, vehicle.pose.y_m)
        vehicle.speed_limit_kph = DEFAULT_SPEED_LIMIT_KPH if limit is None else limit


def _groups(posts: tuple[Post, ...]) -> tuple[LightGroup, ...]:
    phases: dict[int, int] = {}
    for post in posts:
        if post.kind is PostKind.LIGHT:
            phases[post.group] = max(phases.get(post.group, 0), post.phase + 1)
    return tuple(LightGroup(phases[group]) for group in range(len(phases)))


def _blueprint(post: Post) -> Blueprint:
    type_id = _TYPE_IDS.get(post.kind) or f"traffic.speed_limit.{post.limit_kph:.0f}"
    role = BlueprintAttribute("role_name", AttributeType.STRING, "")
    return Blueprint(type_id, ActorClass.TRAFFIC, (role,))

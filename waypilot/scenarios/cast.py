"""Plays a scenario's actors: states in, commands out, step by step. Knows no simulator and draws nothing by chance."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from waypilot.geometry import SE2, wrap_angle
from waypilot.route import Route, RouteTracker
from waypilot.scenarios.actors import ActorSpec, Brake, Cross, CutIn, Drive, OnRoute, When

_STOPPING_MPS2 = 6.0
# An actor runs on so far beyond the ends of the route, straight on, then stands.
_BEYOND_ROUTE_M = 20.0
# An actor is looked for so far along the route from where it was last.
_SEARCH_M = 10.0
_STANDING_MPS = 0.1
_LOOK_AHEAD_S = 0.6
_MIN_LOOK_AHEAD_M = 4.0
_MAX_CURVATURE_RADPM = 0.2
# Slower than this share of its command for so many steps: something holds the actor up, and it gives in.
_HELD_UP_SHARE = 0.5
_HELD_UP_STEPS = 5
_HELD_UP_MIN_MPS = 1.0


@dataclass(frozen=True, slots=True)
class Ego:
    """The judged vehicle at one instant: where in the map, and how much of its route it has passed."""

    time_s: float
    pose: SE2
    route_s_m: float


@dataclass(frozen=True, slots=True)
class ActorMotion:
    """An actor at one instant: its pose in the map and its forward speed."""

    pose: SE2
    speed_mps: float


@dataclass(frozen=True, slots=True)
class ActorCommand:
    """How an actor shall move now: a vehicle by speed and curvature (left positive), a walker by speed and heading."""

    speed_mps: float
    curvature_radpm: float
    heading_rad: float


class _Started:
    """Tells whether a moment has come; once it has, it stays so."""

    def __init__(self, when: When) -> None:
        self._when = when
        self._since_s: float | None = None

    def update(self, ego: Ego, own: SE2) -> float | None:
        """Return the seconds since the moment, None before it."""
        if self._since_s is None and self._has_come(ego, own):
            self._since_s = ego.time_s
        return None if self._since_s is None else ego.time_s - self._since_s

    def _has_come(self, ego: Ego, own: SE2) -> bool:
        when = self._when
        if when.ego_within_m is not None:
            return math.hypot(ego.pose.x_m - own.x_m, ego.pose.y_m - own.y_m) <= when.ego_within_m
        if when.ego_at_m is not None:
            return ego.route_s_m >= when.ego_at_m
        return when.after_s is None or ego.time_s >= when.after_s


class _Player:
    """What all actors share: the moment they start, smooth speed, and giving in to whatever holds them up."""

    def __init__(self, spec: ActorSpec, route: Route) -> None:
        self.spec = spec
        self.start = place_of(spec, route)
        self._route = route
        self._started = _Started(spec.when)
        self._speed_mps = 0.0
        self._last_s: float | None = None
        self._held_up_steps = 0

    def step(self, ego: Ego, own: ActorMotion) -> ActorCommand:
        """Return what to do from now to the next step."""
        dt_s = 0.0 if self._last_s is None else ego.time_s - self._last_s
        self._last_s = ego.time_s
        if self._started.update(ego, own.pose) is None:
            return ActorCommand(0.0, 0.0, self.start.yaw_rad)
        self._notice_obstacles(own)
        wanted_mps, up_mps2, down_mps2 = self._wanted_speed(ego, own)
        if self._held_up_steps >= _HELD_UP_STEPS:
            wanted_mps, down_mps2 = 0.0, _STOPPING_MPS2
        low, high = self._speed_mps - down_mps2 * dt_s, self._speed_mps + up_mps2 * dt_s
        self._speed_mps = min(max(wanted_mps, low), high)
        return ActorCommand(self._speed_mps, self._curvature(own), self.start.yaw_rad)

    def _notice_obstacles(self, own: ActorMotion) -> None:
        if self._held_up_steps >= _HELD_UP_STEPS:
            return
        held_up = self._speed_mps > _HELD_UP_MIN_MPS and own.speed_mps < _HELD_UP_SHARE * self._speed_mps
        self._held_up_steps = self._held_up_steps + 1 if held_up else 0

    def _wanted_speed(self, ego: Ego, own: ActorMotion) -> tuple[float, float, float]:
        """Speed, acceleration and deceleration (m/s, m/s2)."""
        return 0.0, _STOPPING_MPS2, _STOPPING_MPS2

    def _curvature(self, own: ActorMotion) -> float:
        return 0.0


class _Crossing(_Player):
    """Straight on, then stand."""

    def __init__(self, spec: ActorSpec, route: Route, cross: Cross) -> None:
        super().__init__(spec, route)
        self._cross = cross

    def _wanted_speed(self, ego: Ego, own: ActorMotion) -> tuple[float, float, float]:
        left_m = self._cross.distance_m - self._passed(own)
        stopping_mps = math.sqrt(max(2.0 * _STOPPING_MPS2 * left_m, 0.0))
        return min(self._cross.speed_mps, stopping_mps), self._cross.acceleration_mps2, _STOPPING_MPS2

    def _curvature(self, own: ActorMotion) -> float:
        look_m = _look_ahead_m(self._speed_mps)
        return _curvature_to(own.pose, self.start.compose(SE2(self._passed(own) + look_m, 0.0, 0.0)))

    def _passed(self, own: ActorMotion) -> float:
        return self.start.inverse().compose(own.pose).x_m


class _Driving(_Player):
    """Along the route or against it, keeping its distance to the left of it."""

    def __init__(self, spec: ActorSpec, route: Route, place: OnRoute, drive: Drive | CutIn) -> None:
        super().__init__(spec, route)
        self._drive = drive
        self._left_m, self._s_m = place.left_m, place.ahead_m
        self._direction = -1.0 if math.cos(math.radians(place.turned_deg)) < 0.0 else 1.0

    def _wanted_speed(self, ego: Ego, own: ActorMotion) -> tuple[float, float, float]:
        near_m = self._s_m
        self._s_m = self._route.project(own.pose.x_m, own.pose.y_m, near_m - _SEARCH_M, near_m + _SEARCH_M).s_m
        goal_m = self._route.length_m + _BEYOND_ROUTE_M if self._direction > 0.0 else -_BEYOND_ROUTE_M
        stopping_mps = math.sqrt(max(2.0 * _STOPPING_MPS2 * (goal_m - self._s_m) * self._direction, 0.0))
        return min(self._drive.speed_mps, stopping_mps), self._drive.acceleration_mps2, _STOPPING_MPS2

    def _curvature(self, own: ActorMotion) -> float:
        there_m = self._s_m + self._direction * _look_ahead_m(self._speed_mps)
        target = self._route.pose_at(there_m).compose(SE2(0.0, self._left_at(there_m), 0.0))
        return _curvature_to(own.pose, target)

    def _left_at(self, s_m: float) -> float:
        """Return how far to the left of the route it shall be at ``s_m``."""
        return self._left_m


class _Braking(_Driving):
    """Drives, brakes to a stop at some moment, and goes on after a while, or never."""

    def __init__(self, spec: ActorSpec, route: Route, place: OnRoute, drive: Drive, brake: Brake) -> None:
        super().__init__(spec, route, place, drive)
        self._brake = brake
        self._braking = _Started(brake.when)
        self._stood_since_s: float | None = None

    def _wanted_speed(self, ego: Ego, own: ActorMotion) -> tuple[float, float, float]:
        wanted_mps, up_mps2, down_mps2 = super()._wanted_speed(ego, own)
        if self._is_braking(ego, own):
            return 0.0, up_mps2, self._brake.deceleration_mps2
        return wanted_mps, up_mps2, down_mps2

    def _is_braking(self, ego: Ego, own: ActorMotion) -> bool:
        if self._braking.update(ego, own.pose) is None:
            return False
        if self._stood_since_s is None and own.speed_mps < _STANDING_MPS:
            self._stood_since_s = ego.time_s
        if self._stood_since_s is None or self._brake.for_s is None:
            return True
        return ego.time_s - self._stood_since_s < self._brake.for_s


class _CuttingIn(_Driving):
    """Drives, and moves over to another distance from the route at some moment."""

    def __init__(self, spec: ActorSpec, route: Route, place: OnRoute, cut_in: CutIn) -> None:
        super().__init__(spec, route, place, cut_in)
        self._cut_in = cut_in
        self._change = _Started(cut_in.change)
        self._from_s_m: float | None = None

    def _wanted_speed(self, ego: Ego, own: ActorMotion) -> tuple[float, float, float]:
        wanted_mps, up_mps2, down_mps2 = super()._wanted_speed(ego, own)
        if self._change.update(ego, own.pose) is None:
            return wanted_mps, up_mps2, down_mps2
        if self._from_s_m is None:
            self._from_s_m = self._s_m
        return wanted_mps if self._cut_in.then_mps is None else self._cut_in.then_mps, up_mps2, down_mps2

    def _left_at(self, s_m: float) -> float:
        if self._from_s_m is None:
            return self._left_m
        share = min(max((s_m - self._from_s_m) * self._direction / self._cut_in.over_m, 0.0), 1.0)
        return self._left_m + (self._cut_in.to_left_m - self._left_m) * share * share * (3.0 - 2.0 * share)


class Cast:
    """All actors of one drive of a scenario (already varied by its seed).

    ``ego_s_m`` is how much of its route the judged vehicle had passed at the last step.
    """

    def __init__(self, actors: tuple[ActorSpec, ...], route: Route) -> None:
        self._players = {spec.name: _player(spec, route) for spec in actors}
        self._tracker = RouteTracker(route)
        self.ego_s_m = 0.0

    @property
    def starts(self) -> dict[str, SE2]:
        """Where each actor stands at first, by name."""
        return {name: player.start for name, player in self._players.items()}

    def step(self, time_s: float, ego: SE2, motions: Mapping[str, ActorMotion]) -> dict[str, ActorCommand]:
        """Return the commands of all actors that are there, by name, from their motions at ``time_s``."""
        self.ego_s_m = self._tracker.update(ego.x_m, ego.y_m).s_m
        now = Ego(time_s, ego, self.ego_s_m)
        return {name: self._players[name].step(now, motion) for name, motion in motions.items()}


def place_of(spec: ActorSpec, route: Route) -> SE2:
    """Return where an actor starts, in the map."""
    place = spec.place
    if isinstance(place, OnRoute):
        turned_rad = math.radians(place.turned_deg)
        return route.pose_at(place.ahead_m).compose(SE2(0.0, place.left_m, turned_rad))
    return SE2(place.x_m, place.y_m, wrap_angle(math.radians(place.yaw_deg)))


def _player(spec: ActorSpec, route: Route) -> _Player:
    if isinstance(spec.behaviour, Cross):
        return _Crossing(spec, route, spec.behaviour)
    if isinstance(spec.place, OnRoute) and isinstance(spec.behaviour, CutIn):
        return _CuttingIn(spec, route, spec.place, spec.behaviour)
    if isinstance(spec.place, OnRoute) and isinstance(spec.behaviour, Drive):
        brake = spec.behaviour.brake
        if brake is None:
            return _Driving(spec, route, spec.place, spec.behaviour)
        return _Braking(spec, route, spec.place, spec.behaviour, brake)
    return _Player(spec, route)


def _look_ahead_m(speed_mps: float) -> float:
    return max(_MIN_LOOK_AHEAD_M, _LOOK_AHEAD_S * speed_mps)


def _curvature_to(own: SE2, target: SE2) -> float:
    """Curvature of the arc from a pose through a point (pure pursuit, Coulter 1992)."""
    aim = own.inverse().compose(target)
    squared = aim.x_m * aim.x_m + aim.y_m * aim.y_m
    curvature = 2.0 * aim.y_m / squared if squared > 0.0 else 0.0
    return min(max(curvature, -_MAX_CURVATURE_RADPM), _MAX_CURVATURE_RADPM)

"""A scenario's actors in the simulator: spawned, moved by ordinary client calls, and destroyed.

A vehicle is given its speed every step and steers with its wheels; a walker is given its walk. So both move by the
simulator's physics and can be hit.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import carla

from waypilot.geometry import SE2, Pose
from waypilot.route import Route
from waypilot.scenarios import Scenario
from waypilot.scenarios.actors import ActorSpec
from waypilot.scenarios.cast import ActorCommand, ActorMotion, Cast
from waypilot_carla import convert
from waypilot_carla.errors import SetupError
from waypilot_carla.spawn import SPAWN_HEIGHT_M, find_blueprint, vehicle_info

_WALKER_HEIGHT_M = 1.0
_STANDING_MPS = 0.05
_Command = carla.command
_STANDING = carla.VehicleControl(brake=1.0, hand_brake=True)


@dataclass(frozen=True, slots=True)
class _Member:
    """An actor that was spawned; ``steer_per_angle`` turns a wheel angle (rad) to a steering command."""

    actor: carla.Actor
    spec: ActorSpec
    wheelbase_m: float = 0.0
    max_steer_rad: float = 0.0


class ActorPlayer:
    """Moves the actors of one drive. ``ids`` are those of what was spawned so far, also when spawning failed."""

    def __init__(self, world: carla.World, town: carla.Map, scenario: Scenario, route: Route) -> None:
        self._world, self._town, self._scenario = world, town, scenario
        self._cast = Cast(scenario.actors, route)
        self._members: dict[str, _Member] = {}
        self.ids: list[int] = []

    @property
    def ego_s_m(self) -> float:
        """How much of its route the judged vehicle had passed when ``commands`` was last called."""
        return self._cast.ego_s_m

    def spawn(self) -> None:
        """Put every actor to its place, standing. Raises SetupError for a place that is taken."""
        starts = self._cast.starts
        for spec in self._scenario.actors:
            actor = self._spawn(spec, starts[spec.name])
            self.ids.append(actor.id)
            if spec.is_walker:
                self._members[spec.name] = _Member(actor, spec)
                continue
            actor.apply_control(_STANDING)
            info = vehicle_info(actor, spec.name)
            self._members[spec.name] = _Member(actor, spec, info.wheelbase_m, info.max_steer_rad)

    def commands(self, time_s: float, ego: SE2, snapshot: carla.WorldSnapshot) -> list[carla.command]:
        """Return what to tell the simulator before its next step, from the states of its last one."""
        states = {name: snapshot.find(member.actor.id) for name, member in self._members.items()}
        motions = {name: _motion(state) for name, state in states.items() if state is not None}
        told = self._cast.step(time_s, ego, motions)
        return [
            command for name, what in told.items() for command in _commands(self._members[name], motions[name], what)
        ]

    def _spawn(self, spec: ActorSpec, at: SE2) -> carla.Actor:
        blueprint = find_blueprint(self._world, spec.type)
        blueprint.set_attribute("role_name", spec.name)
        if blueprint.has_attribute("is_invincible"):
            blueprint.set_attribute("is_invincible", "false")
        ground = self._town.get_waypoint(convert.location(at.x_m, at.y_m), lane_type=carla.LaneType.Any)
        height_m = ground.transform.location.z + (_WALKER_HEIGHT_M if spec.is_walker else SPAWN_HEIGHT_M)
        pose = Pose.from_xyz_rpy(at.x_m, at.y_m, height_m, yaw_rad=at.yaw_rad)
        actor = self._world.try_spawn_actor(blueprint, convert.transform(pose))
        if actor is None:
            raise SetupError(
                f"cannot spawn actor {spec.name!r} ({spec.type}) of scenario {self._scenario.name} at "
                f"({at.x_m:.1f}, {at.y_m:.1f}): something stands there; change its place"
            )
        return actor


def _motion(state: carla.ActorSnapshot) -> ActorMotion:
    pose = convert.pose(state.get_transform()).planar
    vx, vy, _ = convert.vector(state.get_velocity())
    return ActorMotion(pose, vx * math.cos(pose.yaw_rad) + vy * math.sin(pose.yaw_rad))


def _commands(member: _Member, motion: ActorMotion, what: ActorCommand) -> Sequence[carla.command]:
    actor_id = member.actor.id
    if member.spec.is_walker:
        heading = carla.Vector3D(math.cos(what.heading_rad), -math.sin(what.heading_rad), 0.0)
        return [_Command.ApplyWalkerControl(actor_id, carla.WalkerControl(heading, what.speed_mps, False))]
    if what.speed_mps < _STANDING_MPS:
        return [_Command.ApplyVehicleControl(actor_id, _STANDING)]
    wheel_rad = math.atan(member.wheelbase_m * what.curvature_radpm)
    steer = -min(max(wheel_rad / member.max_steer_rad, -1.0), 1.0)
    yaw = motion.pose.yaw_rad
    velocity = carla.Vector3D(what.speed_mps * math.cos(yaw), -what.speed_mps * math.sin(yaw), 0.0)
    return [
        _Command.ApplyVehicleControl(actor_id, carla.VehicleControl(steer=steer)),
        _Command.ApplyTargetVelocity(actor_id, velocity),
    ]

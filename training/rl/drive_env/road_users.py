"""A scenario's actors and lights in the engine; the counterpart of ``waypilot_carla.stage``, without a client."""

from __future__ import annotations

import math

from carla_lite.engine import TrafficLight, Vehicle, VehicleControl, Walker, WalkerControl, World
from carla_lite.scene import Lamp
from training.rl.drive_env.client_view import seen_motion, seen_pose, seen_steering, seen_vector, single
from waypilot.geometry import SE2, Pose
from waypilot.route import Route
from waypilot.scenarios import Scenario
from waypilot.scenarios.actors import ActorSpec
from waypilot.scenarios.cast import ActorCommand, ActorMotion, Cast
from waypilot.scenarios.lights import LightPlayer
from waypilot.surroundings import LightState, SceneInfo
from waypilot.types import EgoState

SPAWN_HEIGHT_M = 0.2
_WALKER_HEIGHT_M = 1.0
_STANDING_MPS = 0.05
_STANDING = VehicleControl(brake=1.0, hand_brake=True)
_LAMPS = {LightState.RED: Lamp.RED, LightState.GREEN: Lamp.GREEN}


class RoadUsers:
    """Everybody but the judged vehicle. ``actors`` are the scenario's, in its order.

    Raises SpawnError when a place is taken.
    """

    def __init__(self, world: World, scenario: Scenario, route: Route, scene: SceneInfo) -> None:
        self._cast = Cast(scenario.actors, route)
        starts = self._cast.starts
        self._members = {spec.name: _spawn(world, spec, starts[spec.name]) for spec in scenario.actors}
        self._steering = {
            name: seen_steering(actor) for name, actor in self._members.items() if isinstance(actor, Vehicle)
        }
        self._lights = None if scenario.lights is None else LightPlayer(scenario.lights, route, scene)
        self._signals: dict[int, TrafficLight] = {light.id: light for light in world.signals.lights}

    @property
    def actors(self) -> tuple[Vehicle | Walker, ...]:
        """All actors."""
        return tuple(self._members.values())

    def begin(self) -> None:
        """Switch the lights for the first frame."""
        if self._lights is not None:
            self._show(self._lights.step(0.0, -1.0, 0.0))

    def play(self, ego: EgoState, time_s: float) -> None:
        """Tell everybody what to do until the next step, from the states of the last one."""
        if not self._members and self._lights is None:
            return
        motions = {name: _motion(actor) for name, actor in self._members.items()}
        for name, what in self._cast.step(time_s, ego.pose_map_from_base_link.planar, motions).items():
            self._command(name, motions[name], what)
        if self._lights is not None:
            self._show(self._lights.step(time_s, self._cast.ego_s_m, ego.speed_mps))

    def _command(self, name: str, motion: ActorMotion, what: ActorCommand) -> None:
        actor = self._members[name]
        if isinstance(actor, Walker):
            heading = seen_vector((math.cos(what.heading_rad), math.sin(what.heading_rad), 0.0))
            actor.apply_control(WalkerControl(heading, single(what.speed_mps)))
            return
        if what.speed_mps < _STANDING_MPS:
            actor.apply_control(_STANDING)
            return
        wheelbase_m, max_steer_rad = self._steering[name]
        wheel_rad = math.atan(wheelbase_m * what.curvature_radpm)
        steer = -min(max(wheel_rad / max_steer_rad, -1.0), 1.0)
        yaw = motion.pose.yaw_rad
        actor.apply_control(VehicleControl(steer=single(steer)))
        actor.set_velocity(seen_vector((what.speed_mps * math.cos(yaw), what.speed_mps * math.sin(yaw), 0.0)))

    def _show(self, states: dict[int, LightState]) -> None:
        for signal_id, state in states.items():
            self._signals[signal_id].lamp = _LAMPS[state]


def _spawn(world: World, spec: ActorSpec, at: SE2) -> Vehicle | Walker:
    height_m = _WALKER_HEIGHT_M if spec.is_walker else SPAWN_HEIGHT_M
    actor = world.spawn(spec.type, {}, seen_pose(Pose.from_xyz_rpy(at.x_m, at.y_m, height_m, yaw_rad=at.yaw_rad)))
    if isinstance(actor, Vehicle):
        actor.apply_control(_STANDING)
        return actor
    if isinstance(actor, Walker):
        return actor
    raise TypeError(f"{spec.type} is neither a vehicle nor a walker")


def _motion(actor: Vehicle | Walker) -> ActorMotion:
    pose, (vx, vy, _) = seen_motion(actor)
    return ActorMotion(pose, vx * math.cos(pose.yaw_rad) + vy * math.sin(pose.yaw_rad))

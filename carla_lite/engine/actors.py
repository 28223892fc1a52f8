"""The things in a world: passive ones that only have a pose, and bodies that move and collide.

Poses and vectors are in map axes (REP 103), SI units, of the actor origin: on the ground for vehicles and props, in
the middle of the body for walkers.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import replace
from typing import TYPE_CHECKING

from carla_lite.engine import body as b
from carla_lite.engine.catalog import ActorClass, Blueprint
from carla_lite.engine.controls import VehicleControl, WalkerControl
from carla_lite.engine.handling import Handling
from waypilot.geometry import FloatArray, Pose, Vector3

if TYPE_CHECKING:
    from carla_lite.engine.signals import TrafficLight

DEFAULT_SPEED_LIMIT_KPH = 30.0
"""What CARLA reports for a vehicle that has passed no speed sign."""

_ZERO: Vector3 = (0.0, 0.0, 0.0)
# What hangs higher than the tallest vehicle is over everybody's head.
_OVERHEAD_M = 4.5
# Speeds (m/s) from which the automatic gearbox shows gear 2, 3, ...
_GEAR_SPEEDS_MPS = (4.5, 9.0, 14.0, 20.0, 27.0)


class Actor:
    """Something with an id and a pose: a sensor, the spectator, or the base of bodies.

    With a parent, ``relative_pose`` is the pose in the parent's axes and the world keeps ``pose`` in step with it.
    """

    def __init__(
        self, actor_id: int, blueprint: Blueprint, attributes: dict[str, str], pose: Pose, parent: Actor | None = None
    ) -> None:
        """Create an actor; ``pose`` is in map axes without a parent and in the parent's axes with one."""
        self.id = actor_id
        self.blueprint = blueprint
        self.attributes = attributes
        self.parent_id = parent.id if parent else None
        self.relative_pose = pose if parent else None
        self._pose = parent.pose.compose(pose) if parent else pose
        self.velocity_mps: Vector3 = _ZERO
        self.angular_velocity_radps: Vector3 = _ZERO
        self.acceleration_mps2: Vector3 = _ZERO

    @property
    def type_id(self) -> str:
        """Blueprint id, such as ``sensor.camera.rgb``."""
        return self.blueprint.type_id

    @property
    def actor_class(self) -> ActorClass:
        """What the actor is to the engine."""
        return self.blueprint.actor_class

    @property
    def half_extent_m(self) -> Vector3:
        """Half sizes of the bounding box along the actor's axes."""
        return self.blueprint.half_extent_m

    @property
    def box_center_m(self) -> Vector3:
        """Middle of the bounding box relative to the actor origin."""
        return self.blueprint.box_center_m

    @property
    def pose(self) -> Pose:
        """Where the actor origin is, map axes."""
        return self._pose

    def set_pose(self, pose: Pose) -> None:
        """Move the actor at once; velocities stay. ``pose`` is in map axes, in the parent's for an attached actor."""
        if self.relative_pose is None:
            self._pose = pose
        else:
            self.relative_pose = pose

    def follow(self, parent: Actor) -> None:
        """Take up the place that the parent's present pose gives."""
        if self.relative_pose is None:
            raise ValueError(f"actor {self.id} is not attached to anything")
        self._pose = parent.pose.compose(self.relative_pose)
        self.velocity_mps = parent.velocity_mps
        self.angular_velocity_radps = parent.angular_velocity_radps
        self.acceleration_mps2 = parent.acceleration_mps2

    def detach(self) -> None:
        """Stay where one is when the parent goes."""
        self.parent_id = self.relative_pose = None
        self.velocity_mps = self.angular_velocity_radps = self.acceleration_mps2 = _ZERO


class BodyActor(Actor):
    """An actor with a body on the ground: it is moved by physics, collides, and takes impulses.

    The ground is flat: while physics is on, height, roll and pitch of the pose are those of a body standing on it.
    """

    def __init__(self, actor_id: int, blueprint: Blueprint, attributes: dict[str, str], pose: Pose) -> None:
        """Create a body at rest: on the ground below ``pose``, or just there when it has no physics (a prop)."""
        planar = pose.planar
        self.body: FloatArray = b.new_body(blueprint, planar.x_m, planar.y_m, planar.yaw_rad)
        super().__init__(actor_id, blueprint, attributes, pose)
        self.simulates_physics = self.actor_class is not ActorClass.PROP
        self.collides = True
        self._lets_go = False
        self._led: tuple[Vector3, Vector3] | None = None
        self._height_m = max(blueprint.half_extent_m[2] - blueprint.box_center_m[2], 0.0)
        self._settle()
        self._touch_what_is_in_reach()

    @property
    def heights_m(self) -> tuple[float, float]:
        """Height over the ground of the lower and the upper side of the bounding box."""
        middle_m = self.pose.z_m + self.box_center_m[2]
        return middle_m - self.half_extent_m[2], middle_m + self.half_extent_m[2]

    def _touch_what_is_in_reach(self) -> None:
        low_m, high_m = self.heights_m
        self.body[b.COLLIDES] = float(self.collides and low_m < _OVERHEAD_M and high_m > 0.0)

    def _settle(self) -> None:
        """Rebuild pose and velocities from the body."""
        x, y, yaw, vx, vy, rate = self.body[: b.YAW_RATE + 1].tolist()
        if self.simulates_physics:
            self._pose = Pose.from_xyz_rpy(x, y, self._height_m, yaw_rad=yaw)
        self.velocity_mps = (vx, vy, 0.0)
        self.angular_velocity_radps = (0.0, 0.0, rate)

    def read_back(self, row: FloatArray, dt_s: float) -> None:
        """Take over the body's state after a step of ``dt_s``; what is led is seen to move as it was led."""
        before = self.velocity_mps
        self.body[:] = row
        self._settle()
        if self._led is not None:
            self.velocity_mps, self.angular_velocity_radps = self._led
            self._led = None
        if self._lets_go:
            b.set_pedals(self.body, VehicleControl())
        vx, vy, _ = self.velocity_mps
        self.acceleration_mps2 = ((vx - before[0]) / dt_s, (vy - before[1]) / dt_s, 0.0)

    def lead(self, pose: Pose, velocity_mps: Vector3, angular_velocity_radps: Vector3 = _ZERO) -> None:
        """Put the actor at ``pose``; in the next step it is seen to move with these velocities (map axes).

        For bodies whose physics are off and that somebody else moves, step by step. Raises ValueError for anything
        that is not finite.
        """
        self._require_finite("velocities", (*velocity_mps, *angular_velocity_radps))
        self.set_pose(pose)
        self._led = (velocity_mps, angular_velocity_radps)

    def set_pose(self, pose: Pose) -> None:
        """Move the actor at once, keeping its velocity as CARLA does; it stands on the ground while physics is on."""
        planar = pose.planar
        if not all(map(math.isfinite, (planar.x_m, planar.y_m, pose.z_m, planar.yaw_rad))):
            raise ValueError(f"the pose of actor {self.id} is not finite: {pose}")
        self.body[[b.X, b.Y, b.YAW]] = planar.x_m, planar.y_m, planar.yaw_rad
        self._pose = pose
        self._settle()
        self._touch_what_is_in_reach()

    def set_simulates_physics(self, enabled: bool) -> None:
        """Switch physics; without it the actor stays where it is put and nothing pushes it."""
        self.simulates_physics = enabled
        b.set_pushable(self.body, self.blueprint, enabled and self.actor_class is not ActorClass.PROP)
        if not enabled:
            self.body[[b.VX, b.VY, b.YAW_RATE]] = 0.0
        self._settle()
        self._touch_what_is_in_reach()

    def set_collides(self, enabled: bool) -> None:
        """Let the actor touch others, or pass through everything (the ground holds it all the same)."""
        self.collides = enabled
        self._touch_what_is_in_reach()

    def set_velocity(self, velocity_mps: Vector3) -> None:
        """Set the velocity of the origin, map axes; its vertical part is ignored. No effect without physics."""
        self._require_finite("velocity", velocity_mps)
        if self.simulates_physics:
            self.body[b.VX], self.body[b.VY] = velocity_mps[:2]
            self._settle()

    def set_yaw_rate(self, yaw_rate_radps: float) -> None:
        """Set the yaw rate. No effect without physics."""
        self._require_finite("yaw rate", (yaw_rate_radps,))
        if self.simulates_physics:
            self.body[b.YAW_RATE] = yaw_rate_radps
            self._settle()

    def add_impulse(self, impulse_ns: Vector3) -> None:
        """Push the centre of mass (N s, map axes); its vertical part is ignored."""
        self._require_finite("impulse", impulse_ns)
        self.body[b.VX] += impulse_ns[0] * self.body[b.INVERSE_MASS]
        self.body[b.VY] += impulse_ns[1] * self.body[b.INVERSE_MASS]
        self._settle()

    def add_angular_impulse(self, impulse_nms: float) -> None:
        """Turn the body about the vertical axis (N m s)."""
        self._require_finite("angular impulse", (impulse_nms,))
        self.body[b.YAW_RATE] += impulse_nms * self.body[b.INVERSE_INERTIA]
        self._settle()

    def _require_finite(self, what: str, values: tuple[float, ...]) -> None:
        if not all(map(math.isfinite, values)):
            raise ValueError(f"the {what} for actor {self.id} is {values}, expected finite numbers")


class Vehicle(BodyActor):
    """A car, truck or two-wheeler; it obeys the last control until the next one.

    The world keeps ``traffic_light`` (the one that the vehicle is at) and ``speed_limit_kph`` up to date.
    ``brake_light_on`` lights the brake lamps whatever the pedal does. ``open_doors`` are CARLA's numbers, 0 to 5.
    """

    def __init__(self, actor_id: int, blueprint: Blueprint, attributes: dict[str, str], pose: Pose) -> None:
        """Create a vehicle at rest with no pedal pressed."""
        super().__init__(actor_id, blueprint, attributes, pose)
        self._control = VehicleControl()
        self._lets_go = attributes.get("sticky_control", "true").lower() == "false"
        self.handling = Handling()
        self.has_gravity = True
        self.brake_light_on = False
        self.open_doors: set[int] = set()
        self.traffic_light: TrafficLight | None = None
        self.speed_limit_kph = DEFAULT_SPEED_LIMIT_KPH

    @property
    def control(self) -> VehicleControl:
        """The control in force."""
        return self._control

    def apply_control(self, control: VehicleControl) -> None:
        """Obey ``control`` from the next step on; without ``sticky_control`` in that step only."""
        self._control = control
        b.set_pedals(self.body, control)

    def set_physics(self, mass_kg: float, max_steer_rad: float) -> None:
        """Change mass (its yaw inertia with it) and the largest wheel angle; raises ValueError for impossible ones."""
        self._require_finite("mass and wheel angle", (mass_kg, max_steer_rad))
        if mass_kg <= 0.0 or not 0.0 <= max_steer_rad < math.pi / 2.0:
            raise ValueError(f"mass {mass_kg} kg must be positive and wheel angle {max_steer_rad} rad in [0, pi/2)")
        self.blueprint = replace(self.blueprint, mass_kg=mass_kg, max_steer_rad=max_steer_rad)
        self.body[b.MAX_WHEEL_ANGLE] = max_steer_rad
        b.set_pushable(self.body, self.blueprint, self.simulates_physics)

    def set_handling(self, handling: Handling) -> None:
        """Drive as ``handling`` says from the next step on."""
        self.handling = handling
        handling.write(self.body)
        self.body[b.GRIP] = self.own_grip

    @property
    def grip(self) -> float:
        """What the tyres hold where the vehicle was in the last step."""
        return float(self.body[b.GRIP])

    @property
    def own_grip(self) -> float:
        """What the tyres hold where no friction trigger is: nothing without gravity, as they carry no load then."""
        return self.handling.grip if self.has_gravity else 0.0

    def set_gravity(self, enabled: bool) -> None:
        """Let the vehicle weigh on its tyres, or glide over the ground with nothing but the air to slow it."""
        self.has_gravity = enabled
        self.body[b.GRIP] = self.own_grip

    @property
    def speed_mps(self) -> float:
        """Signed forward speed."""
        _, _, yaw, vx, vy = self.body[: b.VY + 1].tolist()  # numpy's own numbers are slow one by one
        return float(vx * math.cos(yaw) + vy * math.sin(yaw))

    @property
    def wheel_angle_rad(self) -> float:
        """Angle of the front wheels, left positive."""
        return float(self.body[b.WHEEL_ANGLE])

    @property
    def gear(self) -> int:
        """The gear engaged: -1 reverse, 0 neutral, 1.. forward (by speed, or as shifted by hand)."""
        if self._control.manual_gear_shift:
            return self._control.gear
        if self._control.reverse:
            return -1
        return 1 + bisect_right(_GEAR_SPEEDS_MPS, self.speed_mps)

    def hold_velocity(self, velocity_mps: Vector3 | None) -> None:
        """Hold a velocity given in the vehicle's axes whatever the pedals do; None lets go."""
        held = velocity_mps is not None
        if velocity_mps is not None:
            self._require_finite("constant velocity", velocity_mps)
            self.body[[b.TARGET_X, b.TARGET_Y]] = velocity_mps[:2]
        self.body[b.HOLDS_VELOCITY] = float(held)


class Walker(BodyActor):
    """A pedestrian that walks where its control says and can be knocked aside."""

    def __init__(self, actor_id: int, blueprint: Blueprint, attributes: dict[str, str], pose: Pose) -> None:
        """Create a standing walker."""
        super().__init__(actor_id, blueprint, attributes, pose)
        self._control = WalkerControl()

    @property
    def control(self) -> WalkerControl:
        """The control in force."""
        return self._control

    def apply_control(self, control: WalkerControl) -> None:
        """Walk as ``control`` says from the next step on, facing the way."""
        self._control = control
        vx, vy = control.velocity_mps
        self.body[[b.TARGET_X, b.TARGET_Y]] = vx, vy
        if vx or vy:
            self.body[b.YAW] = math.atan2(vy, vx)
            self._settle()

    def walk_to(self, feet: Pose, speed_mps: float) -> None:
        """Put the walker's feet at ``feet``; in the next step it is seen to walk the way it faces.

        This is how a client's navigation moves walkers: step by step, with their physics off. Raises ValueError for a
        pose or speed that is not finite.
        """
        yaw = feet.planar.yaw_rad
        self.lead(
            Pose(feet.x_m, feet.y_m, feet.z_m + self._height_m, feet.orientation),
            (speed_mps * math.cos(yaw), speed_mps * math.sin(yaw), 0.0),
        )


BODY_TYPES: dict[ActorClass, type[BodyActor]] = {
    ActorClass.VEHICLE: Vehicle,
    ActorClass.WALKER: Walker,
    ActorClass.PROP: BodyActor,
}

"""One drive under way: engine, road users, controller and judge, advanced plan by plan. No picture is drawn here."""

from __future__ import annotations

import copy
import math
from dataclasses import dataclass

from carla_lite.engine import Vehicle, VehicleControl, World
from carla_lite.scene import Camera, DynamicScene
from training.rl.drive_env.client_view import (
    engine_control,
    engine_weather,
    seen_ego,
    seen_field_of_view_rad,
    seen_pose,
    seen_vector,
)
from training.rl.drive_env.config import DriveEnvConfig
from training.rl.drive_env.idling import IDLE_GRACE_S, IDLE_MPS, road_is_free
from training.rl.drive_env.infractions import (
    BLOCKED,
    GOAL,
    IDLE,
    NONE,
    OFF_ROAD,
    OFF_ROUTE,
    RED_LIGHT,
    WRONG_WAY,
    RedLights,
    collided_with,
    time_to_collision_s,
    uncomfortable,
)
from training.rl.drive_env.places import CATALOG, Order
from training.rl.drive_env.reward import StepFacts
from training.rl.drive_env.road_users import SPAWN_HEIGHT_M, RoadUsers
from training.rl.drive_env.stop_signs import StopSigns
from waypilot.control.follower import TimedPlan, WaypointFollower
from waypilot.geometry import SE2, Pose, wrap_angle
from waypilot.rig import CameraSpec
from waypilot.route import RouteProjection, RouteTracker
from waypilot.surroundings import Footprint, SceneInfo
from waypilot.types import NANOSECONDS_PER_SECOND, EgoState, Trajectory

SETTLE_TICKS = 2
_FULL_BRAKE = VehicleControl(brake=1.0, hand_brake=True)
_BLOCKED_MPS = 0.1
_GOAL_M = 10.0


@dataclass(slots=True)
class _Course:
    """How far the vehicle has come, and how long it has stood: at all, and where the road was free."""

    passed_m: float
    standing_s: float = 0.0
    idle_s: float = 0.0


class Drive:
    """Drives one order. ``ego`` is the vehicle's state as the policy is told it; ``ended`` how the drive ended.

    ``settle_ticks`` braked ticks come before the first frame; rain falls by this clock.
    Raises SpawnError when a place of the scenario is taken.
    """

    def __init__(self, order: Order, config: DriveEnvConfig, settle_ticks: int = SETTLE_TICKS) -> None:
        self.order, self.config = order, config
        world = self.world = World(order.place.town, CATALOG)
        world.weather = engine_weather(order.scenario.weather)
        self.vehicle = _spawn_vehicle(world, order)
        half_x, half_y, _ = seen_vector(self.vehicle.half_extent_m)
        self.footprint = Footprint(half_x, half_y, seen_vector(self.vehicle.box_center_m)[0])
        self.scene = SceneInfo(self.footprint, order.stop_lines)
        self.users = RoadUsers(world, order.scenario, order.route, self.scene)
        self.red_lights = RedLights(
            order.stop_lines, {light.id: light for light in world.signals.lights}, self.footprint
        )
        self.stop_signs = StopSigns(order.stop_lines, self.footprint)
        self._follower = WaypointFollower()
        self._tracker = RouteTracker(order.route)
        self.ended = NONE
        self.steps = 0
        self._settle(settle_ticks)

    @property
    def time_s(self) -> float:
        """Simulated time since the first frame."""
        return (self.ego.stamp_ns - self._first_ns) / NANOSECONDS_PER_SECOND

    @property
    def standing_s(self) -> float:
        """For how long the vehicle has stood."""
        return self._course.standing_s

    @property
    def idle_s(self) -> float:
        """For how much of the time since it last moved the vehicle has stood on a free road."""
        return self._course.idle_s

    @property
    def passed_m(self) -> float:
        """How much of the route has been passed."""
        return self._course.passed_m

    def camera(self, spec: CameraSpec) -> Camera:
        """Return a camera of the vehicle where it is now."""
        pose = self.vehicle.pose.compose(seen_pose(spec.pose_base_link_from_camera))
        return Camera(spec.width_px, spec.height_px, seen_field_of_view_rad(spec), pose)

    def visible(self) -> DynamicScene:
        """Return what the vehicle's cameras see besides the town."""
        return self.world.scene(frozenset({self.vehicle.id}))

    def advance(self, plan: Trajectory) -> StepFacts:
        """Follow a plan of the present stamp until the next look, or until the drive ends."""
        timed = TimedPlan(plan, self.ego.pose_map_from_base_link.planar)
        passed_m, harsh, ignored = self._course.passed_m, False, self.stop_signs.ignored
        for _ in range(self.config.ticks):
            output = self._follower.step(self.ego, timed)
            self.vehicle.apply_control(engine_control(output.control))
            self.users.play(self.ego, self.time_s)
            before = self.ego
            self._tick()
            harsh = harsh or uncomfortable(before, self.ego, self.config.tick_s)
            if self.ended:
                break
        self._locate()
        self.steps += 1
        target_mps = self.order.scenario.target_speed_mps
        if not self.ended:
            self.ended = self._judge_place()
        return StepFacts(
            progress=(self._course.passed_m - passed_m) / (target_mps * self.config.step_s),
            lateral_m=self.place.lateral_m,
            speed_share=self.ego.speed_mps / target_mps,
            uncomfortable=harsh,
            time_to_collision_s=self.time_to_collision_s,
            idle=self.idle_s >= IDLE_GRACE_S,
            signs_ignored=self.stop_signs.ignored - ignored,
            ended=self.ended,
        )

    def fork(self) -> Drive:
        """Return an independent copy that goes on from here; what never changes is shared."""
        town = self.order.place.town
        shared = [self.order, self.config, self.footprint, self.scene, town, CATALOG, self.order.route, *town.posts]
        shared += [self.order.scenario, *(actor.blueprint for actor in self.world.actors.values())]
        return copy.deepcopy(self, {id(thing): thing for thing in shared})

    def _settle(self, ticks: int) -> None:
        self.vehicle.apply_control(_FULL_BRAKE)
        for _ in range(ticks):
            self.world.step(self.config.tick_s)
        self.world.signals.reset()
        self.users.begin()
        self._course = _Course(0.0)
        self._tick()
        self._first_ns = self.ego.stamp_ns
        self._locate()

    def _locate(self) -> None:
        pose = self.ego.pose_map_from_base_link.planar
        self.place: RouteProjection = self._tracker.update(pose.x_m, pose.y_m)
        self._course.passed_m = max(self._course.passed_m, min(self.place.s_m, self.order.route.length_m))
        self.time_to_collision_s = time_to_collision_s(self.ego, self.footprint, self.users.actors)

    def _tick(self) -> None:
        events = self.world.step(self.config.tick_s)
        self.ego: EgoState = seen_ego(self.vehicle, self.world.time_ns)
        pose = self.ego.pose_map_from_base_link.planar
        self._count_standing(pose)
        self.stop_signs.update(pose, math.hypot(*self.ego.linear_velocity_mps[:2]))
        self.ended = collided_with(events.collisions, self.vehicle.id, self.users.actors)
        if self.red_lights.run(pose) and not self.ended:
            self.ended = RED_LIGHT

    def _count_standing(self, pose: SE2) -> None:
        course, speed_mps = self._course, math.hypot(*self.ego.linear_velocity_mps[:2])
        course.standing_s = 0.0 if speed_mps >= _BLOCKED_MPS else course.standing_s + self.config.tick_s
        if speed_mps >= IDLE_MPS:
            course.idle_s = 0.0
        elif road_is_free(pose, self.users.actors, self.red_lights):
            course.idle_s += self.config.tick_s

    def _judge_place(self) -> str:
        pose = self.ego.pose_map_from_base_link.planar
        if abs(wrap_angle(pose.yaw_rad - self.place.heading_rad)) > math.pi / 2.0:
            return WRONG_WAY
        if self.place.distance_m > self.config.max_lateral_m:
            return OFF_ROUTE
        if not self.order.place.town.on_road(pose.x_m, pose.y_m):
            return OFF_ROAD
        if self._course.standing_s >= self.config.blocked_s:
            return BLOCKED
        if self.idle_s >= self.config.idle_s:
            return IDLE
        return GOAL if self._course.passed_m >= self.order.route.length_m - _GOAL_M else NONE


def _spawn_vehicle(world: World, order: Order) -> Vehicle:
    start = order.scenario.start_pose
    pose = Pose.from_xyz_rpy(start.x_m, start.y_m, SPAWN_HEIGHT_M, yaw_rad=start.yaw_rad)
    vehicle = world.spawn(order.scenario.vehicle_type, {}, seen_pose(pose))
    if not isinstance(vehicle, Vehicle):
        raise TypeError(f"{order.scenario.vehicle_type} is no vehicle")
    return vehicle

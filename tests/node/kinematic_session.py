"""A simulator session without a simulator: a car that obeys at once, on a straight road. For tests of the nodes."""

from __future__ import annotations

import math

import numpy as np

from waypilot.geometry import SE2, Pose
from waypilot.rig import DEFAULT_RIG
from waypilot.route import Route
from waypilot.surroundings import (
    ActorState,
    Footprint,
    LightState,
    SceneInfo,
    SignalKind,
    StopLine,
    Surroundings,
)
from waypilot.types import ActorKind, CollisionEvent, Control, EgoState, LaneInvasionEvent
from waypilot_carla.errors import SetupError, SimulatorLost
from waypilot_carla.frame import (
    GnssFix,
    ImuSample,
    LateEvents,
    PreparedScenario,
    SimulatorFrame,
    VehicleInfo,
    VehicleStatus,
    WheelInfo,
)

TICK_NS = 50_000_000
FIRST_STAMP_NS = 20_700_000_000
COLLISION_FRAME = 10
WHEELBASE_M = 3.0
MAX_WHEEL_RAD = math.radians(70.0)
SCENE = SceneInfo(Footprint(2.4, 1.0, 0.1), (StopLine(3, SignalKind.TRAFFIC_LIGHT, (40.0, 1.75), (40.0, -1.75), 0.0),))
# In the next lane, so that whoever obeys traffic passes it.
SLOW_CAR = ActorState(7, ActorKind.VEHICLE, "vehicle.audi.a2", SE2(55.0, 3.5, 0.0), (1.0, 0.0), 1.85, 0.9)

VEHICLE = VehicleInfo(
    actor_id=24,
    type_id="vehicle.tesla.model3",
    role_name="ego_vehicle",
    wheels=(WheelInfo(3.5, 0.25, MAX_WHEEL_RAD, 0.35, 1500.0, 3000.0, (1.5, 0.8, 0.3)),),
    wheelbase_m=WHEELBASE_M,
    max_steer_rad=MAX_WHEEL_RAD,
    half_extent_m=(2.4, 1.0, 0.7),
    max_rpm=15000.0,
    moment_of_inertia_kgm2=1.0,
    damping_rate_full_throttle=0.15,
    damping_rate_zero_throttle_clutch_engaged=2.0,
    damping_rate_zero_throttle_clutch_disengaged=0.35,
    use_gear_autobox=True,
    gear_switch_time_s=0.0,
    clutch_strength=10.0,
    mass_kg=1845.0,
    drag_coefficient=0.15,
    center_of_mass_m=(0.45, 0.0, -0.1),
)


class KinematicSession:
    """Same calls as ``waypilot_carla.SimulatorSession``.

    Map ``Missing`` does not exist. ``lost_after`` frames the simulator stops answering.
    """

    server_version = "kinematic"

    def __init__(self, lost_after: int | None = None) -> None:
        self._lost_after = lost_after
        self.closed = False

    def prepare(self, scenario, seed):
        if scenario.map == "Missing":
            raise SetupError("no map 'Missing', the simulator has: Straight")
        self._frame = 0
        self._stamp_ns = FIRST_STAMP_NS
        self._speed = 0.0
        self._control = Control(brake=1.0)
        self._pose = scenario.start_pose
        start, goal = np.array([self._pose.x_m, self._pose.y_m]), np.array(scenario.goal_m)
        count = math.ceil(float(np.linalg.norm(goal - start))) + 1
        route = Route(np.linspace(start, goal, count))
        return PreparedScenario(
            route=route,
            goal_m=scenario.goal_m,
            map_name=scenario.map,
            opendrive="<OpenDRIVE/>",
            vehicle=VEHICLE,
            start_pose=self._map_pose(),
            settled_frame=0,
            settled_stamp_ns=FIRST_STAMP_NS - TICK_NS,
            scene=SCENE,
        )

    def tick(self):
        self._frame += 1
        if self._lost_after is not None and self._frame > self._lost_after:
            raise SimulatorLost("no answer to the tick within 5 s")
        if self._frame > 1:
            self._stamp_ns += TICK_NS
            self._drive(TICK_NS / 1e9)
        stamp_ns = self._stamp_ns
        image = np.full((180, 320, 4), 255, np.uint8)
        image[..., 0], image[..., 1], image[..., 2] = 10, 20, self._frame % 256
        pose = self._map_pose()
        velocity = (self._speed, 0.0, 0.0)
        return SimulatorFrame(
            frame=self._frame,
            stamp_ns=stamp_ns,
            ego=EgoState(stamp_ns, pose, velocity, (0.0, 0.0, 0.0)),
            status=VehicleStatus(self._control, 1, False, (0.0, 0.0, 0.0)),
            images_bgra={DEFAULT_RIG[0].name: image},
            imu=ImuSample(stamp_ns, (0.0, 0.0, 9.81), (0.0, 0.0, 0.0), pose.orientation),
            gnss=GnssFix(stamp_ns, 49.0, 8.0, 110.0),
            collisions=self._collisions(stamp_ns),
            lane_invasions=(LaneInvasionEvent(stamp_ns, (1, 2)),) if self._frame == COLLISION_FRAME else (),
            surroundings=Surroundings(stamp_ns, (SLOW_CAR,), ((3, LightState.GREEN),)),
        )

    def apply(self, control):
        self._control = control

    def finish(self):
        return LateEvents((CollisionEvent(FIRST_STAMP_NS, 0, ActorKind.STATIC, (0.0, 0.0, 1.0)),), ())

    def close(self):
        self.closed = True

    def _collisions(self, stamp_ns):
        if self._frame != COLLISION_FRAME:
            return ()
        return (CollisionEvent(stamp_ns, 7, ActorKind.VEHICLE, (1.0, -2.0, 0.5)),)

    def _drive(self, dt_s):
        pedals = 6.0 * self._control.throttle - 8.0 * self._control.brake
        self._speed = max(self._speed + pedals * dt_s, 0.0)
        turn = self._speed * math.tan(-self._control.steer * MAX_WHEEL_RAD) / WHEELBASE_M * dt_s
        yaw = self._pose.yaw_rad + turn
        way_m = self._speed * dt_s
        self._pose = SE2(self._pose.x_m + way_m * math.cos(yaw), self._pose.y_m + way_m * math.sin(yaw), yaw)

    def _map_pose(self):
        return Pose.from_xyz_rpy(self._pose.x_m, self._pose.y_m, 0.0, 0.0, 0.0, self._pose.yaw_rad)

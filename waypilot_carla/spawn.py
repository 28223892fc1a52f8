"""Putting the vehicle into the world and reading what it is."""

from __future__ import annotations

import math
from collections.abc import Sequence

import carla

from waypilot.geometry import Pose
from waypilot.scenarios import Scenario
from waypilot_carla import convert
from waypilot_carla.errors import SetupError
from waypilot_carla.frame import VehicleInfo, WheelInfo

# CARLA refuses to spawn a vehicle that touches the road; it settles from this height while braked.
SPAWN_HEIGHT_M = 0.2
_CENTIMETRES_PER_METRE = 100.0


def find_blueprint(world: carla.World, blueprint_id: str) -> carla.ActorBlueprint:
    """Look a blueprint up. Raises SetupError for one that the simulator does not have."""
    library = world.get_blueprint_library()
    try:
        return library.find(blueprint_id)
    except IndexError as error:
        family = blueprint_id.rsplit(".", 1)[0]
        known = ", ".join(sorted(blueprint.id for blueprint in library.filter(f"{family}.*"))) or "none"
        raise SetupError(f"the simulator has no blueprint {blueprint_id!r}; of {family} it has: {known}") from error


def spawn_vehicle(world: carla.World, town: carla.Map, scenario: Scenario, role_name: str) -> carla.Vehicle:
    """Spawn the scenario's vehicle at its start, just above the road. Raises SetupError when the place is taken."""
    blueprint = find_blueprint(world, scenario.vehicle_type)
    blueprint.set_attribute("role_name", role_name)
    start = scenario.start_pose
    road = town.get_waypoint(convert.location(start.x_m, start.y_m))
    height_m = road.transform.location.z + SPAWN_HEIGHT_M
    pose = Pose.from_xyz_rpy(start.x_m, start.y_m, height_m, yaw_rad=start.yaw_rad)
    vehicle = world.try_spawn_actor(blueprint, convert.transform(pose))
    if vehicle is None:
        raise SetupError(
            f"cannot spawn {scenario.vehicle_type} at ({start.x_m:.1f}, {start.y_m:.1f}) on {scenario.map}: something "
            "stands there; remove it or move the scenario's start"
        )
    return vehicle


def vehicle_info(vehicle: carla.Vehicle, role_name: str) -> VehicleInfo:
    """Read the vehicle's physics, in SI units and REP 103 axes."""
    physics, extent = vehicle.get_physics_control(), vehicle.bounding_box.extent
    wheels = tuple(_wheel(wheel, vehicle.get_transform()) for wheel in physics.wheels)
    return VehicleInfo(
        actor_id=vehicle.id,
        type_id=vehicle.type_id,
        role_name=role_name,
        wheels=wheels,
        wheelbase_m=_wheelbase(wheels),
        max_steer_rad=max((wheel.max_steer_rad for wheel in wheels), default=0.0),
        half_extent_m=(extent.x, extent.y, extent.z),
        max_rpm=physics.max_rpm,
        moment_of_inertia_kgm2=physics.moi,
        damping_rate_full_throttle=physics.damping_rate_full_throttle,
        damping_rate_zero_throttle_clutch_engaged=physics.damping_rate_zero_throttle_clutch_engaged,
        damping_rate_zero_throttle_clutch_disengaged=physics.damping_rate_zero_throttle_clutch_disengaged,
        use_gear_autobox=physics.use_gear_autobox,
        gear_switch_time_s=physics.gear_switch_time,
        clutch_strength=physics.clutch_strength,
        mass_kg=physics.mass,
        drag_coefficient=physics.drag_coefficient,
        center_of_mass_m=convert.vector(physics.center_of_mass),
    )


def _wheel(wheel: carla.WheelPhysicsControl, vehicle: carla.Transform) -> WheelInfo:
    """CARLA gives wheel positions in centimetres of the world, radii in centimetres."""
    world = wheel.position / _CENTIMETRES_PER_METRE
    pose = convert.pose(vehicle)
    at_x, at_y, at_z = convert.vector(world)
    local = pose.orientation.conjugate().rotate((at_x - pose.x_m, at_y - pose.y_m, at_z - pose.z_m))
    return WheelInfo(
        tire_friction=wheel.tire_friction,
        damping_rate=wheel.damping_rate,
        max_steer_rad=math.radians(wheel.max_steer_angle),
        radius_m=wheel.radius / _CENTIMETRES_PER_METRE,
        max_brake_torque_nm=wheel.max_brake_torque,
        max_handbrake_torque_nm=wheel.max_handbrake_torque,
        position_m=local,
    )


def _wheelbase(wheels: Sequence[WheelInfo]) -> float:
    along = [wheel.position_m[0] for wheel in wheels]
    return max(along) - min(along) if along else 0.0

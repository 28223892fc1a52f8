"""Core values <-> numbers of CARLA's recorder log: centimetres and degrees in Unreal's axes, rotations roll first."""

from __future__ import annotations

from collections.abc import Sequence

from carla_lite.engine import Actor, TrafficLight, TrafficSign, Vehicle
from carla_lite.engine.catalog import ActorClass
from carla_lite.recording.log_records import ActorAdded, ActorKind, Attribute, BoxRecord, Kinematics, VehicleRecord
from carla_lite.wire.records import angular_velocity_deg_s
from waypilot.geometry import Pose, Vector3, pose_from_carla, pose_to_carla, vector_from_carla

_CM_PER_M = 100.0
LogPose = tuple[float, float, float, float, float, float]


def log_pose(pose: Pose) -> LogPose:
    """Return x, y, z (cm), roll, pitch, yaw (deg) of a pose."""
    (x_m, y_m, z_m), (pitch, yaw, roll) = pose_to_carla(pose)
    return (_CM_PER_M * x_m, _CM_PER_M * y_m, _CM_PER_M * z_m, roll, pitch, yaw)


def read_log_pose(values: Sequence[float]) -> Pose:
    """Return the pose of x, y, z (cm), roll, pitch, yaw (deg)."""
    x_cm, y_cm, z_cm, roll, pitch, yaw = values
    return pose_from_carla(x_cm / _CM_PER_M, y_cm / _CM_PER_M, z_cm / _CM_PER_M, pitch, yaw, roll)


def actor_kind(actor: Actor) -> ActorKind:
    """Return what the log takes an actor for."""
    if isinstance(actor, TrafficLight):
        return ActorKind.TRAFFIC_LIGHT
    if isinstance(actor, TrafficSign):
        return ActorKind.TRAFFIC_SIGN
    kinds = {
        ActorClass.VEHICLE: ActorKind.VEHICLE,
        ActorClass.WALKER: ActorKind.WALKER,
        ActorClass.SENSOR: ActorKind.SENSOR,
    }
    return kinds.get(actor.actor_class, ActorKind.OTHER)


def added(actor: Actor, definition_id: int) -> ActorAdded:
    """Write a new actor; the place of one with a parent is in the parent's axes."""
    pose = actor.relative_pose or actor.pose
    attributes = tuple(Attribute(int(a.type), a.name, actor.attributes[a.name]) for a in actor.blueprint.attributes)
    return ActorAdded(actor.id, actor_kind(actor), *log_pose(pose), definition_id, actor.type_id, attributes)


def vehicle_record(vehicle: Vehicle) -> VehicleRecord:
    """Write a vehicle's control, with the gear engaged."""
    control = vehicle.control
    return VehicleRecord(vehicle.id, control.steer, control.throttle, control.brake, control.hand_brake, vehicle.gear)


def kinematics(actor: Actor) -> Kinematics:
    """Write an actor's velocities."""
    return Kinematics(
        actor.id, *vector_from_carla(actor.velocity_mps), *angular_velocity_deg_s(actor.angular_velocity_radps)
    )


def bounding_box(actor: Actor) -> BoxRecord:
    """Write an actor's bounding box in its own axes."""
    return _box(actor, actor.box_center_m)


def trigger_volume(sign: TrafficSign) -> BoxRecord:
    """Write a sign's trigger volume: its middle in the world, its half sizes along the sign's axes."""
    middle = sign.pose.compose(Pose.from_xyz_rpy(*sign.box_center_m))
    return _box(sign, (middle.x_m, middle.y_m, middle.z_m))


def _box(actor: Actor, middle_m: Vector3) -> BoxRecord:
    middle_cm = (_CM_PER_M * value for value in vector_from_carla(middle_m))
    half_cm = (_CM_PER_M * value for value in actor.half_extent_m)
    return BoxRecord._make((actor.id, *middle_cm, *half_cm))

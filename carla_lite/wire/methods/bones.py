"""Calls about the bones of pedestrians."""

from __future__ import annotations

from typing import Any

from carla_lite.engine import Walker
from carla_lite.engine.skeleton import Posture, bones
from carla_lite.wire import readers, records
from carla_lite.wire.errors import CallError
from carla_lite.wire.simulation import Simulation
from carla_lite.wire.table import MethodTable
from waypilot.geometry import Pose

TABLE = MethodTable()

_MAX_BONES = 256
_bone_name = readers.text_of(100)


def _read_bones(value: Any) -> dict[str, Pose]:
    (named,) = readers.record(value, "WalkerBoneControlIn", readers.list_of(_read_bone, limit=_MAX_BONES))
    return dict(named)


def _read_bone(value: Any) -> tuple[str, Pose]:
    name, pose = readers.record(value, "bone", _bone_name, records.read_transform)
    return name, pose


def _posture(simulation: Simulation, actor_id: int) -> Posture:
    walker = simulation.actor_of(Walker, actor_id)
    return simulation.postures.setdefault(actor_id, Posture(2.0 * walker.half_extent_m[2]))


def _feet(simulation: Simulation, actor_id: int) -> Pose:
    walker = simulation.actor_of(Walker, actor_id)
    low_m = walker.box_center_m[2] - walker.half_extent_m[2]
    return walker.pose.compose(Pose.from_xyz_rpy(0.0, 0.0, low_m))


@TABLE.value(readers.actor_id)
def get_bones_transform(simulation: Simulation, actor_id: int) -> list[Any]:
    """Return every bone's name and its transforms in the world, from the feet, and in its parent's axes."""
    posture, feet = _posture(simulation, actor_id), _feet(simulation, actor_id)
    relative = posture.relative()
    rows = []
    for name, component in posture.component().items():
        poses = (feet.compose(component), component, relative[name])
        rows.append([name, *map(records.transform, poses)])
    return [rows]


@TABLE.void(readers.actor_id, _read_bones)
def set_bones_transform(simulation: Simulation, actor_id: int, poses: dict[str, Pose]) -> None:
    """Take bones of a pose of the client's own; ``blend_pose`` says how far they are taken up."""
    try:
        _posture(simulation, actor_id).set_bones(poses)
    except ValueError as error:
        raise CallError(str(error)) from error


@TABLE.void(readers.actor_id, readers.number)
def blend_pose(simulation: Simulation, actor_id: int, blend: float) -> None:
    """Hold the bones between the walker's own pose (0) and the client's (1); beyond counts as the end."""
    _posture(simulation, actor_id).blend = min(max(blend, 0.0), 1.0)


@TABLE.void(readers.actor_id)
def get_pose_from_animation(simulation: Simulation, actor_id: int) -> None:
    """Begin the client's pose anew from the walker's own."""
    _posture(simulation, actor_id).from_animation()


@TABLE.value(readers.actor_id)
def get_actor_bone_names(simulation: Simulation, actor_id: int) -> list[str]:
    """Return the names of a walker's bones."""
    simulation.actor_of(Walker, actor_id)
    return [bone.name for bone in bones()]


@TABLE.value(readers.actor_id)
def get_actor_bone_world_transforms(simulation: Simulation, actor_id: int) -> list[Any]:
    """Return where a walker's bones are, in the order of their names."""
    feet = _feet(simulation, actor_id)
    return [records.transform(feet.compose(pose)) for pose in _posture(simulation, actor_id).component().values()]


@TABLE.value(readers.actor_id)
def get_actor_bone_relative_transforms(simulation: Simulation, actor_id: int) -> list[Any]:
    """Return a walker's bones in their parents' axes, in the order of their names."""
    return [records.transform(pose) for pose in _posture(simulation, actor_id).relative().values()]

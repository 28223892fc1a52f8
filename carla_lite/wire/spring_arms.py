"""Spring arms: cameras that swing after their parent instead of being fixed to it, as Unreal's do.

The figures are those of CARLA's ActorAttacher. The arm leads from the parent's origin to where the child is attached
and keeps its length and pitch; its heading follows the parent's with a lag, and pitch and roll of the parent do not
matter. A child looks along the arm at the parent, turned by its own rotation. An arm that is no ghost starts higher
and stops at obstacles.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum

from carla_lite.engine import Actor, World
from carla_lite.render import Perception
from waypilot.geometry import Pose, Quaternion, Vector3, wrap_angle

LAG_SPEED_PER_S = 8.0
"""Part of the difference in heading that is made up per second."""

_LAG_STEP_S = 1.0 / 60.0
_PROBE_RADIUS_M = 0.12
_RAISED_M = 0.3


class Attachment(IntEnum):
    """How an actor is attached to its parent; the numbers are CARLA's."""

    RIGID = 0
    SPRING_ARM = 1
    SPRING_ARM_GHOST = 2


@dataclass(slots=True)
class _Arm:
    """One arm: ``offset`` is where the child is attached in the parent's axes, ``heading_rad`` where the arm points."""

    ghost: bool
    offset: Pose
    heading_rad: float
    set_pose: Pose


class SpringArms:
    """All spring arms of one episode. The world holds children rigidly; after each step the arms move them on."""

    def __init__(self, world: World, perception: Callable[[], Perception]) -> None:
        """Swing in ``world``; ``perception`` finds obstacles, and is asked for only by arms that are no ghosts."""
        self._world = world
        self._perception = perception
        self._arms: dict[int, _Arm] = {}

    def add(self, child: Actor, attachment: Attachment) -> None:
        """Put a new, attached actor onto an arm; one that is attached rigidly stays as it is."""
        offset = child.relative_pose
        if attachment is Attachment.RIGID or offset is None or child.parent_id is None:
            return
        heading = _target_heading(self._world.actors[child.parent_id].pose, offset)
        self._arms[child.id] = _Arm(attachment is Attachment.SPRING_ARM_GHOST, offset, heading, offset)
        self._swing(child, self._arms[child.id], 0.0)

    def step(self, step_s: float) -> None:
        """Move all children to where they are ``step_s`` later."""
        for child_id, arm in list(self._arms.items()):
            child = self._world.actors.get(child_id)
            if child is None or child.parent_id is None:
                del self._arms[child_id]
            else:
                self._swing(child, arm, step_s)

    def _swing(self, child: Actor, arm: _Arm, step_s: float) -> None:
        assert child.parent_id is not None
        assert child.relative_pose is not None
        parent = self._world.actors[child.parent_id]
        if child.relative_pose is not arm.set_pose:  # somebody has moved the child
            arm.offset = child.relative_pose
        arm.heading_rad = lagged(arm.heading_rad, _target_heading(parent.pose, arm.offset), step_s)
        arm.set_pose = parent.pose.inverse().compose(self._end(parent, arm))
        child.set_pose(arm.set_pose)
        child.follow(parent)

    def _end(self, parent: Actor, arm: _Arm) -> Pose:
        """Return where the child is at the end of the arm."""
        pitch_rad, _ = _look(arm.offset)
        orientation = Quaternion.from_rpy(0.0, pitch_rad, arm.heading_rad)
        x, y, z = orientation.rotate((-1.0, 0.0, 0.0))
        start = (parent.pose.x_m, parent.pose.y_m, parent.pose.z_m + (0.0 if arm.ghost else _RAISED_M))
        length_m = math.hypot(arm.offset.x_m, arm.offset.y_m, arm.offset.z_m)
        if not arm.ghost:
            length_m = self._free_length(start, (x, y, z), length_m, parent)
        end = (start[0] + length_m * x, start[1] + length_m * y, start[2] + length_m * z)
        return Pose(*end, orientation.compose(arm.offset.orientation))

    def _free_length(self, start: Vector3, direction: Vector3, length_m: float, parent: Actor) -> float:
        """Return how far the probe comes before it touches something: the ground, the town, another actor."""
        if direction[2] < 0.0:
            length_m = min(length_m, max(start[2] - _PROBE_RADIUS_M, 0.0) / -direction[2])
        scene = self._world.scene(frozenset((parent.id,)))
        met = self._perception().sweep(start, direction, length_m, _PROBE_RADIUS_M, scene, True)
        return length_m if met is None else met.distance_m


def lagged(heading_rad: float, target_rad: float, step_s: float) -> float:
    """Return the heading of an arm that lags behind one that turns evenly to ``target_rad`` within ``step_s``."""
    rate = wrap_angle(target_rad - heading_rad) / step_s if step_s > 0.0 else 0.0
    goal, left_s = heading_rad, step_s
    while left_s > 1e-4:
        part_s = min(_LAG_STEP_S, left_s)
        goal += rate * part_s
        left_s -= part_s
        heading_rad += (goal - heading_rad) * min(LAG_SPEED_PER_S * part_s, 1.0)
    return wrap_angle(heading_rad)


def _look(offset: Pose) -> tuple[float, float]:
    """Return pitch and yaw of the look from an offset at the origin."""
    flat = math.hypot(offset.x_m, offset.y_m)
    return math.atan2(offset.z_m, flat), math.atan2(-offset.y_m, -offset.x_m) if flat > 0.0 else 0.0


def _target_heading(parent: Pose, offset: Pose) -> float:
    pitch_rad, yaw_rad = _look(offset)
    return parent.orientation.compose(Quaternion.from_rpy(0.0, pitch_rad, yaw_rad)).yaw_rad

"""The bones of a pedestrian: names as in CARLA, places those of a person of its height standing with hanging arms.

Bones are for who asks for them: cameras draw the walker as a whole.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise

from waypilot.geometry import Pose, Quaternion, Vector3

_FINGERS = ("Thumb", "Index", "Middle", "Ring", "Pinky")
_FINGER_SPREAD = 0.011
_PHALANX = 0.014
# Name, parent, and place in the parent's axes (forward, left, up) in body heights; L stands for both sides.
_MIDDLE: tuple[tuple[str, str, Vector3], ...] = (
    ("crl_root", "", (0.0, 0.0, 0.0)),
    ("crl_hips__C", "crl_root", (0.0, 0.0, 0.53)),
    ("crl_spine__C", "crl_hips__C", (0.0, 0.0, 0.07)),
    ("crl_spine01__C", "crl_spine__C", (0.0, 0.0, 0.12)),
    ("crl_neck__C", "crl_spine01__C", (0.0, 0.0, 0.13)),
    ("crl_Head__C", "crl_neck__C", (0.01, 0.0, 0.05)),
)
_SIDE: tuple[tuple[str, str, Vector3], ...] = (
    ("crl_eye__L", "crl_Head__C", (0.05, 0.018, 0.036)),
    ("crl_shoulder__L", "crl_spine01__C", (0.0, 0.03, 0.1)),
    ("crl_arm__L", "crl_shoulder__L", (0.0, 0.08, 0.0)),
    ("crl_foreArm__L", "crl_arm__L", (0.0, 0.0, -0.17)),
    ("crl_hand__L", "crl_foreArm__L", (0.0, 0.0, -0.15)),
    ("crl_thigh__L", "crl_hips__C", (0.0, 0.05, -0.02)),
    ("crl_leg__L", "crl_thigh__L", (0.0, 0.0, -0.24)),
    ("crl_foot__L", "crl_leg__L", (0.0, 0.0, -0.23)),
    ("crl_toe__L", "crl_foot__L", (0.08, 0.0, -0.03)),
    ("crl_toeEnd__L", "crl_toe__L", (0.04, 0.0, 0.0)),
)


@dataclass(frozen=True, slots=True)
class Bone:
    """One bone: ``rest`` is its pose in the axes of its parent (the walker's feet for the root), in body heights."""

    name: str
    parent: str
    rest: Vector3


@lru_cache(maxsize=1)
def bones() -> tuple[Bone, ...]:
    """Return the skeleton, parents before their children."""
    found = [Bone(*row) for row in _MIDDLE]
    for name, parent, (x, y, z) in (*_SIDE, *_fingers()):
        for side, sign in (("L", 1.0), ("R", -1.0)):
            mirrored = parent[:-1] + side if parent.endswith("__L") else parent
            found.append(Bone(name[:-1] + side, mirrored, (x, sign * y, z)))
    return tuple(found)


def _fingers() -> Iterable[tuple[str, str, Vector3]]:
    for number, finger in enumerate(_FINGERS):
        names = [f"crl_hand{finger}{joint}__L" for joint in ("", "01", "02", "End")]
        yield names[0], "crl_hand__L", ((1.5 - number) * _FINGER_SPREAD, 0.0, -0.02 if number == 0 else -0.05)
        for parent, child in pairwise(names):
            yield child, parent, (0.0, 0.0, -_PHALANX)


def _mix(first: Pose, second: Pose, share: float) -> Pose:
    """Return the pose at ``share`` of the way from one to the other, turning the shorter way."""
    a, b = first.orientation, second.orientation
    sign = 1.0 if a.x * b.x + a.y * b.y + a.z * b.z + a.w * b.w >= 0.0 else -1.0
    pairs = ((a.x, b.x), (a.y, b.y), (a.z, b.z), (a.w, b.w))
    mixed = [(1.0 - share) * p + share * sign * q for p, q in pairs]
    length = math.hypot(*mixed)
    places = ((first.x_m, second.x_m), (first.y_m, second.y_m), (first.z_m, second.z_m))
    x, y, z = ((1.0 - share) * p + share * q for p, q in places)
    return Pose(x, y, z, Quaternion(*(value / length for value in mixed)))


@dataclass(slots=True)
class Posture:
    """How a walker of ``height_m`` holds its bones: its own pose, a client's, or ``blend`` (0 to 1) of the way."""

    height_m: float
    blend: float = 0.0
    custom: dict[str, Pose] = field(default_factory=dict)

    def set_bones(self, poses: dict[str, Pose]) -> None:
        """Take bones of the client's pose, each in its parent's axes; raises ValueError for a bone that is none."""
        unknown = poses.keys() - {bone.name for bone in bones()}
        if unknown:
            raise ValueError(f"walkers have no bone '{min(unknown)[:80]}'")
        self.custom.update(poses)

    def from_animation(self) -> None:
        """Begin the client's pose anew from the walker's own."""
        self.custom.clear()

    def relative(self) -> dict[str, Pose]:
        """Return every bone in its parent's axes."""
        found = {}
        for bone in bones():
            x, y, z = bone.rest
            rest = Pose.from_xyz_rpy(x * self.height_m, y * self.height_m, z * self.height_m)
            custom = self.custom.get(bone.name)
            found[bone.name] = rest if custom is None else _mix(rest, custom, self.blend)
        return found

    def component(self) -> dict[str, Pose]:
        """Return every bone in the axes of the walker's feet."""
        relative = self.relative()
        found: dict[str, Pose] = {}
        for bone in bones():
            own = relative[bone.name]
            found[bone.name] = found[bone.parent].compose(own) if bone.parent else own
        return found

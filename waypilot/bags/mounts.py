"""Where cameras sit, from what a bag says of its frames: the chain on ``/tf_static`` from base_link to the camera."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from waypilot.bags.bag import Bag
from waypilot.bags.layout import Layout
from waypilot.geometry import Pose, Quaternion
from waypilot.messages import MalformedMessageError

TF_STATIC, TF_TYPE = "/tf_static", "tf2_msgs/msg/TFMessage"
#: Chains of frames are short; a longer one goes round.
MAX_CHAIN = 32
#: Frames of images should have z along the optical axis, x right, y down (REP 103), and then by convention end so.
_OPTICAL = "_optical_frame", "_optical"
#: What turns such a camera's axes into those of a mount: x along the optical axis, y left, z up.
_OPTICAL_FROM_CAMERA = Quaternion(0.5, -0.5, 0.5, 0.5)
_UNIT_TOLERANCE = 1e-2

#: Parent frame and parent from child, by child frame.
Transforms = Mapping[str, tuple[str, Pose]]


def static_mounts(bag: Bag, layout: Layout, cameras: Mapping[str, str]) -> tuple[dict[str, Pose], list[str]]:
    """Tell base_link from camera (x along the optical axis) for those ``cameras`` (name to topic) that the bag locates.

    base_link is the odometry's ``child_frame_id``. Returns the mounts by camera, and why others have none.
    """
    transforms, notes = _transforms(bag)
    if not transforms:
        return {}, notes
    base = _first(bag, layout.odometry, lambda message: message.child_frame_id)
    mounts = {}
    for name, topic in cameras.items():
        frame = _first(bag, topic, lambda message: message.header.frame_id)
        pose = chain(transforms, base, frame)
        if pose is None:
            notes.append(f"camera {name}: {TF_STATIC} does not lead from {base!r} to {frame!r}")
        else:
            mounts[name] = _along_axis(pose, frame)
    return mounts, notes


def chain(transforms: Transforms, base: str, frame: str) -> Pose | None:
    """Tell base from frame, over as many frames as there are in between; None where they are not connected.

    Both may hang below a common ancestor: base_link is often itself the child of base_footprint.
    """
    base_ancestors, frame_ancestors = _ancestors(transforms, base), _ancestors(transforms, frame)
    for ancestor, from_frame in frame_ancestors.items():
        if ancestor in base_ancestors:
            return base_ancestors[ancestor].inverse().compose(from_frame)
    return None


def _ancestors(transforms: Transforms, frame: str) -> dict[str, Pose]:
    """List a frame and what is above it, each with ancestor from frame."""
    if not frame:
        return {}
    pose = Pose.from_xyz_rpy(0.0, 0.0, 0.0)
    found = {frame: pose}
    while frame in transforms and len(found) < MAX_CHAIN:
        frame, step = transforms[frame]
        if frame in found:
            break
        pose = step.compose(pose)
        found[frame] = pose
    return found


def _transforms(bag: Bag) -> tuple[dict[str, tuple[str, Pose]], list[str]]:
    topic = bag.topics.get(TF_STATIC)
    if topic is None or topic.type != TF_TYPE:
        return {}, []
    found: dict[str, tuple[str, Pose]] = {}
    notes: list[str] = []
    for message in bag.messages({TF_STATIC}):
        try:
            found.update(bag.read(message, lambda told: _transforms_from_msg(told, notes)))
        except MalformedMessageError as error:
            notes.append(f"{TF_STATIC}: {error}")
    return found, notes


def _transforms_from_msg(message: Any, notes: list[str]) -> dict[str, tuple[str, Pose]]:
    found = {}
    for entry in message.transforms:
        try:
            found[_bare(entry.child_frame_id)] = _bare(entry.header.frame_id), _pose(entry.transform)
        except MalformedMessageError as error:
            notes.append(f"{TF_STATIC}: {entry.child_frame_id}: {error}")
    return found


def _first(bag: Bag, topic: str, frame: Any) -> str:
    """Read the frame that the first readable message of a topic names; empty where there is none."""
    for message in bag.messages({topic}):
        try:
            return _bare(str(bag.read(message, frame)))
        except MalformedMessageError:
            continue
    return ""


def _bare(frame: str) -> str:
    """Leave out the slash that frames of ROS 1 begin with."""
    return frame.lstrip("/")


def _pose(transform: Any) -> Pose:
    t, q = transform.translation, transform.rotation
    values = tuple(map(float, (t.x, t.y, t.z, q.x, q.y, q.z, q.w)))
    norm = math.hypot(*values[3:])
    if not all(map(math.isfinite, values)) or abs(norm - 1.0) > _UNIT_TOLERANCE:
        raise MalformedMessageError(f"a transform that is none: {values}")
    x_m, y_m, z_m = values[:3]
    return Pose(x_m, y_m, z_m, Quaternion(*(value / norm for value in values[3:])))


def _along_axis(pose: Pose, frame: str) -> Pose:
    """Turn an optical frame's axes into a mount's; an upright camera shows what it is where its name does not."""
    down = -pose.orientation.rotate((0.0, 1.0, 0.0))[2]
    up = pose.orientation.rotate((0.0, 0.0, 1.0))[2]
    if not frame.endswith(_OPTICAL) and down <= up:
        return pose
    return Pose(pose.x_m, pose.y_m, pose.z_m, pose.orientation.compose(_OPTICAL_FROM_CAMERA))

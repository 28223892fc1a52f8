"""What of the surroundings was observed, and why something that needs them cannot be judged."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from waypilot.boxes import Boxes
from waypilot.geometry import SE2, FloatArray
from waypilot.surroundings import Footprint, SceneInfo, Surroundings
from waypilot.types import ActorKind, EgoState

NOT_OBSERVED = "the surroundings were not observed"
NO_MAP = "the simulator gave no map of the road"


@dataclass(frozen=True, slots=True, eq=False)
class Traffic:
    """The other road users of all frames in one table of M rows, ordered by frame, then by id.

    ``frame`` (M,) is the index into the drive's frames; ``velocity_mps`` (M, 2) is in map axes.
    """

    frame: NDArray[np.int64]
    actor_id: NDArray[np.int64]
    is_vehicle: NDArray[np.bool_]
    is_pedestrian: NDArray[np.bool_]
    boxes: Boxes
    velocity_mps: FloatArray

    @staticmethod
    def of(surroundings: tuple[Surroundings | None, ...]) -> Traffic:
        """Lay out one entry per frame; frames without any add no row."""
        seen = [(i, actor) for i, around in enumerate(surroundings) if around is not None for actor in around.actors]
        rows = [
            (*_place(actor.pose_map_from_box), actor.half_length_m, actor.half_width_m, *actor.velocity_mps)
            for _, actor in seen
        ]
        table = np.array(rows, dtype=np.float64).reshape(-1, 7)
        return Traffic(
            frame=np.array([i for i, _ in seen], dtype=np.int64),
            actor_id=np.array([a.actor_id for _, a in seen], dtype=np.int64),
            is_vehicle=np.array([a.kind is ActorKind.VEHICLE for _, a in seen], dtype=np.bool_),
            is_pedestrian=np.array([a.kind is ActorKind.PEDESTRIAN for _, a in seen], dtype=np.bool_),
            boxes=Boxes(table[:, 0:2], table[:, 2], table[:, 3], table[:, 4]),
            velocity_mps=table[:, 5:7],
        )


def _place(pose: SE2) -> tuple[float, float, float]:
    return pose.x_m, pose.y_m, pose.yaw_rad


def ego_boxes(footprint: Footprint, poses: list[SE2]) -> Boxes:
    """Return the vehicle's own rectangle at N poses of base_link."""
    yaw_rad = np.array([pose.yaw_rad for pose in poses], dtype=np.float64)
    ahead = np.stack([np.cos(yaw_rad), np.sin(yaw_rad)], axis=-1) * footprint.centre_x_m
    origin = np.array([(pose.x_m, pose.y_m) for pose in poses], dtype=np.float64).reshape(-1, 2)
    size = np.ones(len(poses))
    return Boxes(origin + ahead, yaw_rad, size * footprint.half_length_m, size * footprint.half_width_m)


def fault(scene: SceneInfo | None, egos: tuple[EgoState, ...], around: tuple[Surroundings | None, ...]) -> str | None:
    """Say why nothing can be judged by the surroundings, or None when every frame has them."""
    if scene is None:
        return NOT_OBSERVED
    missing = sum(frame is None for frame in around)
    return f"the surroundings of {missing} of {len(egos)} frames are missing" if missing else None

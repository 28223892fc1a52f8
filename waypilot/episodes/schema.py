"""What a recorded drive is: ``episode.json`` as values, and both ways between values and JSON.

One folder holds one episode: ``episode.json`` and the JPEG images it names. The same schema carries drives of
the expert in a simulator, drives of a learned policy that the expert labelled, bags, and foreign data sets.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from pathlib import PurePosixPath
from typing import Any

from waypilot.config import config_to_dict
from waypilot.episodes.extras import CameraIntrinsics, RatedTrajectory, RouteAhead, rating_to_json
from waypilot.geometry import FloatArray, Pose
from waypilot.rig import CameraSpec
from waypilot.types import Control, EgoState, RouteCommand

SCHEMA = "waypilot.episode/1"
EPISODE_FILE = "episode.json"
PARTIAL_SUFFIX = ".partial"
"""Ends the name of an episode's folder until the episode is complete."""


class EpisodeError(ValueError):
    """An episode cannot be read or written; the message names the file, the frame and the field."""


class WaypointSource(Enum):
    """Where a waypoint label comes from."""

    EXPERT_PLAN = "expert_plan"
    DRIVEN_PATH = "driven_path"


@dataclass(frozen=True, slots=True, eq=False)
class EpisodeFrame:
    """One recorded moment.

    ``images`` maps a camera name to the image's path relative to the episode's folder; a camera that gave no
    image is absent. ``waypoints_m`` is the label: (N, 2) in base_link axes at ``ego.stamp_ns``, waypoint i
    belonging to ``stamp + (i + 1) * waypoint_dt_ns``; None where no label exists. ``target_point_m`` is the next
    sparse route point in base_link. ``control`` is what the driver commanded, None where unknown. ``ratings`` are
    futures that people rated, where a data set has them; ``ahead`` is what a simulator knows to be on the route.
    """

    ego: EgoState
    command: RouteCommand
    target_point_m: tuple[float, float] | None
    control: Control | None
    images: Mapping[str, PurePosixPath]
    waypoints_m: FloatArray | None
    ratings: tuple[RatedTrajectory, ...] = ()
    ahead: RouteAhead | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Episode:
    """A recorded drive.

    ``route_id`` names the road driven (same roads, same id): data sets are split by town and route. ``weather`` has
    a preset's name or a description, ``weather_parameters`` the simulator's own numbers. ``recorder`` holds the
    resolved configuration of whatever wrote this, for the record. ``reference_point`` says which point of the vehicle
    base_link is, where that is not the simulator's actor origin; ``intrinsics`` has lens models by camera name.
    """

    episode_id: str
    source: str
    town: str
    route_id: str
    weather: str
    seed: int
    cameras: tuple[CameraSpec, ...]
    waypoint_dt_ns: int
    waypoint_source: WaypointSource
    frames: tuple[EpisodeFrame, ...]
    weather_parameters: Mapping[str, float] = field(default_factory=dict)
    recorder: Mapping[str, Any] = field(default_factory=dict)
    reference_point: str | None = None
    intrinsics: Mapping[str, CameraIntrinsics] = field(default_factory=dict)


def episode_to_json(episode: Episode) -> dict[str, Any]:
    """Turn an episode into the data of ``episode.json``. Optional fields appear only when they say something."""
    optional: dict[str, Any] = {}
    if episode.reference_point is not None:
        optional["reference_point"] = episode.reference_point
    if episode.intrinsics:
        optional["intrinsics"] = {name: config_to_dict(value) for name, value in sorted(episode.intrinsics.items())}
    return {
        "schema": SCHEMA,
        "episode_id": episode.episode_id,
        "source": episode.source,
        "town": episode.town,
        "route_id": episode.route_id,
        "weather": episode.weather,
        "weather_parameters": dict(episode.weather_parameters),
        "seed": episode.seed,
        "recorder": dict(episode.recorder),
        "cameras": [config_to_dict(camera) for camera in episode.cameras],
        "waypoint_dt_ns": episode.waypoint_dt_ns,
        "waypoint_source": episode.waypoint_source.value,
        **optional,
        "frames": [_frame_to_json(frame) for frame in episode.frames],
    }


def _pose_to_json(pose: Pose) -> list[float]:
    """[x, y, z, qx, qy, qz, qw]: metres and a unit quaternion."""
    q = pose.orientation
    return [pose.x_m, pose.y_m, pose.z_m, q.x, q.y, q.z, q.w]


def _frame_to_json(frame: EpisodeFrame) -> dict[str, Any]:
    control = frame.control
    return {
        "stamp_ns": frame.ego.stamp_ns,
        "pose_map_from_base_link": _pose_to_json(frame.ego.pose_map_from_base_link),
        "linear_velocity_mps": list(frame.ego.linear_velocity_mps),
        "angular_velocity_radps": list(frame.ego.angular_velocity_radps),
        "command": frame.command.name,
        "target_point_m": None if frame.target_point_m is None else list(frame.target_point_m),
        "control": None
        if control is None
        else {
            "throttle": control.throttle,
            "steer": control.steer,
            "brake": control.brake,
            "hand_brake": control.hand_brake,
            "reverse": control.reverse,
        },
        "images": {name: str(path) for name, path in sorted(frame.images.items())},
        "waypoints_m": None if frame.waypoints_m is None else frame.waypoints_m.tolist(),
        **({"ratings": [rating_to_json(rating) for rating in frame.ratings]} if frame.ratings else {}),
        **({"ahead": config_to_dict(frame.ahead)} if frame.ahead is not None else {}),
    }

"""From the data of ``episode.json`` to values; every complaint names the field and what was expected."""

from __future__ import annotations

import math
import sys
from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import PurePosixPath
from typing import Any, TypeVar

import numpy as np

from waypilot.config import ConfigError, config_from_mapping
from waypilot.episodes.extras import CameraIntrinsics, RatedTrajectory, RouteAhead
from waypilot.episodes.schema import SCHEMA, Episode, EpisodeError, EpisodeFrame, WaypointSource
from waypilot.geometry import FloatArray, Pose, Quaternion
from waypilot.rig import CameraSpec
from waypilot.types import Control, EgoState, RouteCommand

_EPISODE_KEYS = frozenset(
    {
        "schema",
        "episode_id",
        "source",
        "town",
        "route_id",
        "weather",
        "weather_parameters",
        "seed",
        "recorder",
        "cameras",
        "waypoint_dt_ns",
        "waypoint_source",
        "frames",
    }
)
_OPTIONAL_EPISODE_KEYS = frozenset({"reference_point", "intrinsics"})
_FRAME_KEYS = frozenset(
    {
        "stamp_ns",
        "pose_map_from_base_link",
        "linear_velocity_mps",
        "angular_velocity_radps",
        "command",
        "target_point_m",
        "control",
        "images",
        "waypoints_m",
    }
)
_OPTIONAL_FRAME_KEYS = frozenset({"ratings", "ahead"})
_RATING_KEYS = frozenset({"waypoints_m", "score"})
_CONTROL_KEYS = frozenset({"throttle", "steer", "brake", "hand_brake", "reverse"})
_QUATERNION_TOLERANCE = 1e-3
Member = TypeVar("Member", bound=Enum)
Built = TypeVar("Built")


def episode_from_json(data: object) -> Episode:
    """Build an episode from parsed JSON.

    Raises EpisodeError naming the field that is wrong and what was expected there.
    """
    if not isinstance(data, dict) or data.get("schema") != SCHEMA:
        found = data.get("schema") if isinstance(data, dict) else type(data).__name__
        raise EpisodeError(f"schema: is {found!r}, expected {SCHEMA!r}; is this an episode file at all?")
    _keys(data, _EPISODE_KEYS, "episode", _OPTIONAL_EPISODE_KEYS)
    intrinsics = _mapping(data.get("intrinsics", {}), "intrinsics")
    return Episode(
        episode_id=_text(data["episode_id"], "episode_id"),
        source=_text(data["source"], "source"),
        town=_text(data["town"], "town"),
        route_id=_text(data["route_id"], "route_id"),
        weather=_text(data["weather"], "weather"),
        weather_parameters=_weather(data["weather_parameters"]),
        seed=_integer(data["seed"], "seed"),
        recorder=_mapping(data["recorder"], "recorder"),
        cameras=tuple(_camera(item, f"cameras[{i}]") for i, item in enumerate(_list(data, "cameras"))),
        waypoint_dt_ns=_integer(data["waypoint_dt_ns"], "waypoint_dt_ns"),
        waypoint_source=_member(
            {source.value: source for source in WaypointSource}, data["waypoint_source"], "waypoint_source"
        ),
        frames=tuple(_frame(item, f"frames[{i}]") for i, item in enumerate(_list(data, "frames"))),
        reference_point=_text(data["reference_point"], "reference_point") if "reference_point" in data else None,
        intrinsics={name: _built(CameraIntrinsics, value, f"intrinsics.{name}") for name, value in intrinsics.items()},
    )


def _camera(data: object, where: str) -> CameraSpec:
    camera = _built(CameraSpec, data, where)
    _check_unit(camera.pose_base_link_from_camera.orientation, f"{where}.pose_base_link_from_camera")
    return camera


def _frame(data: object, where: str) -> EpisodeFrame:
    values = _keys(_mapping(data, where), _FRAME_KEYS, where, _OPTIONAL_FRAME_KEYS)
    vx, vy, vz = _numbers(values["linear_velocity_mps"], 3, f"{where}.linear_velocity_mps")
    wx, wy, wz = _numbers(values["angular_velocity_radps"], 3, f"{where}.angular_velocity_radps")
    ego = EgoState(
        stamp_ns=_integer(values["stamp_ns"], f"{where}.stamp_ns"),
        pose_map_from_base_link=_pose(values["pose_map_from_base_link"], f"{where}.pose_map_from_base_link"),
        linear_velocity_mps=(vx, vy, vz),
        angular_velocity_radps=(wx, wy, wz),
    )
    images = _mapping(values["images"], f"{where}.images")
    return EpisodeFrame(
        ego=ego,
        command=_member({command.name: command for command in RouteCommand}, values["command"], f"{where}.command"),
        target_point_m=_target(values["target_point_m"], f"{where}.target_point_m"),
        control=_control(values["control"], f"{where}.control"),
        images={name: _image_path(path, f"{where}.images.{name}") for name, path in images.items()},
        waypoints_m=_waypoints(values["waypoints_m"], f"{where}.waypoints_m"),
        ratings=_ratings(values, f"{where}.ratings") if "ratings" in values else (),
        ahead=_built(RouteAhead, values["ahead"], f"{where}.ahead") if "ahead" in values else None,
    )


def _ratings(values: Mapping[str, Any], where: str) -> tuple[RatedTrajectory, ...]:
    ratings = []
    for i, item in enumerate(_list(values, "ratings")):
        fields = _keys(_mapping(item, f"{where}[{i}]"), _RATING_KEYS, f"{where}[{i}]")
        waypoints_m = _waypoints(fields["waypoints_m"], f"{where}[{i}].waypoints_m")
        if waypoints_m is None:
            raise EpisodeError(f"{where}[{i}].waypoints_m: is null, expected N pairs [x, y] in metres")
        (score,) = _numbers([fields["score"]], 1, f"{where}[{i}].score")
        ratings.append(RatedTrajectory(waypoints_m, score))
    return tuple(ratings)


def _built(cls: type[Built], data: object, where: str) -> Built:
    try:
        return config_from_mapping(cls, _mapping(data, where), where)
    except ConfigError as error:
        raise EpisodeError(str(error)) from error


def _waypoints(data: object, where: str) -> FloatArray | None:
    if data is None:
        return None
    try:
        waypoints_m = np.asarray(data, dtype=np.float64)
    except (ValueError, TypeError, OverflowError) as error:
        raise EpisodeError(f"{where}: {error}; expected N pairs [x, y] in metres") from error
    if waypoints_m.ndim != 2 or waypoints_m.shape[1] != 2 or waypoints_m.shape[0] == 0:
        raise EpisodeError(f"{where}: has shape {waypoints_m.shape}, expected (N, 2) with N >= 1, or null")
    if not bool(np.isfinite(waypoints_m).all()):
        raise EpisodeError(f"{where}: holds a number that is not finite, expected metres in base_link")
    return waypoints_m


def _image_path(data: object, where: str) -> PurePosixPath:
    path = PurePosixPath(_text(data, where))
    if path.is_absolute() or ".." in path.parts:
        raise EpisodeError(f"{where}: is {str(path)!r}, expected a path inside the episode's folder")
    return path


def _control(data: object, where: str) -> Control | None:
    if data is None:
        return None
    values = _keys(_mapping(data, where), _CONTROL_KEYS, where)
    for name in ("hand_brake", "reverse"):
        if not isinstance(values[name], bool):
            raise EpisodeError(f"{where}.{name}: is {values[name]!r}, expected true or false")
    throttle, steer, brake = _numbers([values["throttle"], values["steer"], values["brake"]], 3, where)
    try:
        return Control(throttle, steer, brake, values["hand_brake"], values["reverse"])
    except ValueError as error:
        raise EpisodeError(f"{where}: {error}") from error


def _target(data: object, where: str) -> tuple[float, float] | None:
    if data is None:
        return None
    x_m, y_m = _numbers(data, 2, where)
    return x_m, y_m


def _pose(data: object, where: str) -> Pose:
    x, y, z, qx, qy, qz, qw = _numbers(data, 7, where)
    orientation = Quaternion(qx, qy, qz, qw)
    _check_unit(orientation, where)
    return Pose(x, y, z, orientation)


def _check_unit(q: Quaternion, where: str) -> None:
    norm = math.sqrt(q.x * q.x + q.y * q.y + q.z * q.z + q.w * q.w)
    if abs(norm - 1.0) > _QUATERNION_TOLERANCE:
        raise EpisodeError(f"{where}: quaternion has length {norm:.4f}, expected 1 (order x, y, z, w)")


def _weather(data: object) -> dict[str, float]:
    values = _mapping(data, "weather_parameters")
    return {key: _numbers([value], 1, f"weather_parameters.{key}")[0] for key, value in values.items()}


def _keys(
    values: Mapping[str, Any], expected: frozenset[str], where: str, optional: frozenset[str] = frozenset()
) -> Mapping[str, Any]:
    if missing := sorted(expected - set(values)):
        raise EpisodeError(f"{where}: lacks {', '.join(missing)}")
    if unknown := sorted(set(values) - expected - optional):
        known = ", ".join(sorted(expected | optional))
        raise EpisodeError(f"{where}: has unknown {', '.join(unknown)}; {SCHEMA} knows {known}")
    return values


def _mapping(data: object, where: str) -> Mapping[str, Any]:
    if not isinstance(data, dict):
        raise EpisodeError(f"{where}: is {data!r}, expected an object")
    return data


def _list(values: Mapping[str, Any], where: str) -> Sequence[Any]:
    data = values[where]
    if not isinstance(data, list):
        raise EpisodeError(f"{where}: is {data!r}, expected a list")
    return data


def _numbers(data: object, count: int, where: str) -> list[float]:
    if not isinstance(data, list) or len(data) != count:
        raise EpisodeError(f"{where}: is {data!r}, expected {count} numbers")
    for item in data:
        if isinstance(item, bool) or not isinstance(item, int | float) or not abs(item) <= sys.float_info.max:
            raise EpisodeError(f"{where}: holds {item!r}, expected a finite number")
    return [float(item) for item in data]


def _integer(data: object, where: str) -> int:
    if isinstance(data, bool) or not isinstance(data, int):
        raise EpisodeError(f"{where}: is {data!r}, expected an integer")
    return data


def _text(data: object, where: str) -> str:
    if not isinstance(data, str) or not data:
        raise EpisodeError(f"{where}: is {data!r}, expected a non-empty text")
    return data


def _member(members: Mapping[str, Member], data: object, where: str) -> Member:
    if not isinstance(data, str) or data not in members:
        raise EpisodeError(f"{where}: is {data!r}, expected one of {', '.join(members)}")
    return members[data]

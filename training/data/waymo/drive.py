"""A drive ready to be written: its header, and its frames with the records that hold their images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from training.data.waymo.cameras import CameraModel
from training.data.waymo.index import RecordRef
from waypilot.episodes import Episode, EpisodeFrame, WaypointSource

WAYPOINT_DT_NS = 250_000_000
WAYPOINTS = 20


@dataclass(frozen=True, slots=True, eq=False)
class Drive:
    """What becomes one episode. ``header`` has no frames; ``cameras`` are the models behind ``header.cameras``."""

    header: Episode
    frames: tuple[tuple[RecordRef, EpisodeFrame], ...]
    cameras: Mapping[str, CameraModel]


def drive_header(
    name: str,
    source: str,
    place: str,
    route: str,
    weather: str,
    reference_point: str,
    cameras: Mapping[str, CameraModel],
    recorder: Mapping[str, Any],
) -> Episode:
    """Header of an imported drive. ``recorder`` says how values were derived that the records do not hold."""
    return Episode(
        episode_id=name,
        source=source,
        town=place,
        route_id=route,
        weather=weather,
        seed=0,
        cameras=tuple(model.spec for model in cameras.values()),
        waypoint_dt_ns=WAYPOINT_DT_NS,
        waypoint_source=WaypointSource.DRIVEN_PATH,
        frames=(),
        recorder=recorder,
        reference_point=reference_point,
        intrinsics={camera: model.intrinsics for camera, model in cameras.items()},
    )

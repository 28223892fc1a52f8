"""Recorded drives: schema, reader, writer and checker (``python -m waypilot.episodes check GLOB``)."""

from waypilot.episodes.check import check_episode
from waypilot.episodes.extras import CameraIntrinsics, RatedTrajectory, RouteAhead
from waypilot.episodes.images import JPEG_QUALITY, decode_jpeg, encode_jpeg
from waypilot.episodes.reader import find_episodes, load_episode, load_image
from waypilot.episodes.schema import (
    EPISODE_FILE,
    SCHEMA,
    Episode,
    EpisodeError,
    EpisodeFrame,
    WaypointSource,
)
from waypilot.episodes.writer import EpisodeWriter

__all__ = [
    "EPISODE_FILE",
    "JPEG_QUALITY",
    "SCHEMA",
    "CameraIntrinsics",
    "Episode",
    "EpisodeError",
    "EpisodeFrame",
    "EpisodeWriter",
    "RatedTrajectory",
    "RouteAhead",
    "WaypointSource",
    "check_episode",
    "decode_jpeg",
    "encode_jpeg",
    "find_episodes",
    "load_episode",
    "load_image",
]

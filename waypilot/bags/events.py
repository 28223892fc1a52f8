"""What happens in a recorded drive, as ``frames.FrameReader`` tells it, and how messages are read as such events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from waypilot.messages import (
    control_from_msg,
    setup_from_msg,
    stamp_from_msg,
    surroundings_from_msg,
    trajectory_from_msg,
)
from waypilot.route import Route
from waypilot.scenarios import Scenario
from waypilot.surroundings import SceneInfo, Surroundings
from waypilot.types import Control, EgoState, RgbImage, Trajectory


@dataclass(frozen=True, slots=True)
class Frame:
    """One moment of drive number ``drive``; ``images`` lacks the cameras without an image near it."""

    drive: int
    ego: EgoState
    images: Mapping[str, RgbImage]
    route: Route | None


@dataclass(frozen=True, slots=True)
class Motioned:
    """The vehicle moved on: odometry arrived up to here. For those who wait for the future of a frame."""

    ego: EgoState


@dataclass(frozen=True, slots=True)
class Planned:
    """Waypoints that were published during the drive."""

    plan: Trajectory


@dataclass(frozen=True, slots=True)
class Commanded:
    """A vehicle command that was published during the drive."""

    stamp_ns: int
    control: Control


@dataclass(frozen=True, slots=True)
class Staged:
    """A drive's set-up was told; it may come after the drive's first frames. ``scene`` None: nothing is observed."""

    scenario: Scenario
    route: Route
    scene: SceneInfo | None


@dataclass(frozen=True, slots=True)
class MapTold:
    """The map of a drive, as OpenDRIVE text; told like a set-up, or once for several drives."""

    name: str
    xodr: str


@dataclass(frozen=True, slots=True)
class Surrounded:
    """What was around the vehicle on one frame."""

    surroundings: Surroundings


@dataclass(frozen=True, slots=True)
class Restarted:
    """Time fell back, or the vehicle was put elsewhere: what comes belongs to another drive."""


Event = Frame | Motioned | Planned | Commanded | Staged | MapTold | Surrounded | Restarted


def staged_from_msg(message: Any) -> Staged:
    """Read waypilot_msgs/ScenarioSetup. Raises MalformedMessageError."""
    setup = setup_from_msg(message)
    return Staged(setup.scenario, setup.route, setup.scene)


def planned_from_msg(message: Any) -> Planned:
    """Read waypoints. Raises MalformedMessageError."""
    return Planned(trajectory_from_msg(message))


def commanded_from_msg(message: Any) -> Commanded:
    """Read a stamped vehicle command. Raises MalformedMessageError."""
    return Commanded(stamp_from_msg(message.header.stamp), control_from_msg(message))


def surrounded_from_msg(message: Any) -> Surrounded:
    """Read waypilot_msgs/Surroundings. Raises MalformedMessageError."""
    return Surrounded(surroundings_from_msg(message))


def map_told_from_msg(message: Any) -> MapTold:
    """Read carla_msgs/CarlaWorldInfo."""
    return MapTold(str(message.map_name), str(message.opendrive))

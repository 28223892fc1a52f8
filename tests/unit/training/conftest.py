"""Tiny drives with a camera that shows which way the label bends, so that a network has something to learn."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from waypilot.episodes import Episode, EpisodeFrame, EpisodeWriter, RouteAhead, WaypointSource
from waypilot.geometry import Pose
from waypilot.rig import DEFAULT_RIG, CameraSpec
from waypilot.types import Control, EgoState, RouteCommand

DT_NS = 250_000_000
HEADER = Episode(
    episode_id="tiny",
    source="test",
    town="Town",
    route_id="0",
    weather="clear",
    seed=0,
    cameras=DEFAULT_RIG,
    waypoint_dt_ns=DT_NS,
    waypoint_source=WaypointSource.EXPERT_PLAN,
    frames=(),
)


def bend_image(bend: float, camera: CameraSpec = DEFAULT_RIG[0]) -> np.ndarray:
    """A bright column left of the middle for a left bend (bend > 0), right for a right bend."""
    width, height = camera.width_px, camera.height_px
    image = np.full((height, width, 3), 60, dtype=np.uint8)
    column, half = int(width * (0.5 - 0.375 * bend)), width // 32
    image[height // 2 :, column - half : column + half] = 220
    return image


def bend_label(bend: float, speed_mps: float = 8.0) -> np.ndarray:
    """Twenty waypoints on a parabola that ends 5 m aside at full bend."""
    times_s = 0.25 * np.arange(1, 21)
    return np.stack([speed_mps * times_s, 0.2 * bend * times_s**2], axis=1)


def bend_frame(index: int, bend: float) -> EpisodeFrame:
    pose = Pose.from_xyz_rpy(0.5 * index, 0.0, 0.0)
    return EpisodeFrame(
        ego=EgoState(200_000_000 * index, pose, (8.0, 0.0, 0.0), (0.0, 0.0, 0.0)),
        command=RouteCommand.LANE_FOLLOW,
        target_point_m=(30.0, 0.0),
        control=Control(throttle=0.3),
        images={},
        waypoints_m=bend_label(bend),
    )


@pytest.fixture
def make_episodes(tmp_path: Path) -> Callable[..., str]:
    """Write episodes of routes 0, 1, ... and return the glob pattern that finds them."""

    def write(
        episodes: int = 4,
        frames: int = 8,
        rig: tuple[CameraSpec, ...] = DEFAULT_RIG,
        folder: str = "episodes",
        ahead: Callable[[float], RouteAhead | None] = lambda _: None,
    ) -> str:
        for number in range(episodes):
            random = np.random.default_rng(number)
            writer = EpisodeWriter(
                tmp_path / folder / f"{number:03d}",
                replace(HEADER, route_id=str(number), cameras=rig),
            )
            for index in range(frames):
                bend = float(random.uniform(-1.0, 1.0))
                frame = replace(bend_frame(index, bend), ahead=ahead(bend))
                writer.add_frame(frame, {"front": bend_image(bend, rig[0])})
            writer.finish()
        return str(tmp_path / folder / "**" / "*.json")

    return write

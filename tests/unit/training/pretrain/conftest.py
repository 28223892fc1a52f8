"""Tiny drives whose camera shows where the car heads, so that there is a motion to see."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.unit.training.conftest import HEADER, bend_frame
from waypilot.episodes import EpisodeFrame, EpisodeWriter
from waypilot.geometry import Pose
from waypilot.types import RouteCommand


def heading_image(yaw_rad: float) -> np.ndarray:
    """A bright column that moves to the right when the car turns left."""
    image = np.full((180, 320, 3), 60, dtype=np.uint8)
    column = int(160 + 250 * yaw_rad)
    image[80:, column - 12 : column + 12] = 220
    return image


def heading_frame(index: int, yaw_rad: float, labelled: bool) -> EpisodeFrame:
    frame = bend_frame(index, 2.0 * yaw_rad)
    ego = replace(frame.ego, pose_map_from_base_link=Pose.from_xyz_rpy(0.5 * index, 0.0, 0.0, 0.0, 0.0, yaw_rad))
    if labelled:
        return replace(frame, ego=ego)
    return replace(frame, ego=ego, waypoints_m=None, command=RouteCommand.VOID, target_point_m=None, control=None)


@pytest.fixture
def make_drives(tmp_path: Path) -> Callable[..., str]:
    """Write drives whose heading changes at random and return the glob pattern that finds them."""

    def write(drives: int = 3, frames: int = 12, labelled: bool = True, folder: str = "drives") -> str:
        for number in range(drives):
            random = np.random.default_rng(number)
            writer = EpisodeWriter(tmp_path / folder / f"{number:03d}", replace(HEADER, route_id=str(number)))
            for index in range(frames):
                yaw_rad = float(random.uniform(-0.5, 0.5))
                writer.add_frame(heading_frame(index, yaw_rad, labelled), {"front": heading_image(yaw_rad)})
            writer.finish()
        return str(tmp_path / folder / "**" / "*.json")

    return write

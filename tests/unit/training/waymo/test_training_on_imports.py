"""Imported drives of several cars feed the waypoint network's data loading."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from training.data.import_waymo import main
from training.data.sample_table import build_table, load_episodes
from training.data.waypoint_dataset import WaypointDataset
from training.models.config import WaypointModelConfig
from waypilot.episodes import EpisodeError, find_episodes
from waypilot.types import RouteCommand


@pytest.fixture
def episodes(kit, shards, tmp_path) -> Callable[[], list]:
    def make() -> list:
        payloads = []
        for car, intent in (("car-a", 2), ("car-b", 3)):
            for number in range(3):
                message = kit.E2ERecord(car, number, cameras=(1, 8), calibrations=(1, 8), intent=intent).message()
                for calibration in message.frame.context.calibrations:
                    calibration.intrinsic[0] *= 1.0 if car == "car-a" else 1.01
                    calibration.extrinsic.transform[3] += 0.0 if car == "car-a" else 0.02
                payloads.append(message.SerializeToString())
        size = ("--image-width", "32", "--image-height", "16")
        assert main(["--records", shards(payloads), "--out", str(tmp_path / "out"), *size]) == 0
        return load_episodes(find_episodes(str(tmp_path / "out" / "**" / "*.json")))[0]

    return make


def test_cars_with_slightly_different_calibrations_make_one_table(kit, episodes):
    table = build_table(episodes())
    assert len(table) == 6
    assert table.command.tolist() == [int(RouteCommand.LEFT)] * 3 + [int(RouteCommand.RIGHT)] * 3
    np.testing.assert_allclose(table.waypoints_m[4], kit.Circle().local(0.25 * np.arange(1, 21)), atol=1e-5)
    config = WaypointModelConfig(cameras=("front", "rear_right"), image_width_px=32, image_height_px=32, crop_top_px=0)
    with pytest.raises(EpisodeError, match="the network expects"):
        WaypointDataset(table, config, cache=True)


def test_cars_with_other_cameras_do_not(episodes):
    pairs = episodes()
    path, other = pairs[1]
    wider = replace(other.cameras[0], fov_rad=1.2 * other.cameras[0].fov_rad)
    pairs[1] = (path, replace(other, cameras=(wider, other.cameras[1])))
    with pytest.raises(EpisodeError, match="train on episodes of one kind"):
        build_table(pairs)

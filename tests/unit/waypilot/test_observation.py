from __future__ import annotations

import math

import numpy as np
import pytest

from waypilot.geometry import Pose
from waypilot.observation import ObservationBuilder, ObservationConfig
from waypilot.rig import CameraSpec
from waypilot.types import EgoState, RouteCommand

MOUNT = Pose.from_xyz_rpy(1.3, 0.0, 2.0)
CAMERAS = (CameraSpec("front", 32, 18, 1.5, MOUNT), CameraSpec("rear", 16, 9, 1.5, MOUNT))


def ego_at(x: float, y: float, yaw: float, stamp_ns: int = 7) -> EgoState:
    return EgoState(stamp_ns, Pose.from_xyz_rpy(x, y, 0.0, yaw_rad=yaw), (5.0, 0.0, 0.0), (0.0, 0.0, 0.0))


def good_images() -> dict[str, np.ndarray]:
    return {"front": np.full((18, 32, 3), 101, np.uint8), "rear": np.full((9, 16, 3), 102, np.uint8)}


def test_observation_of_a_good_frame(town_route) -> None:
    images = good_images() | {"extra": np.zeros((1, 1, 3), np.uint8)}
    ego = ego_at(45.0, 1.0, 0.0)
    seen = ObservationBuilder(town_route, ObservationConfig(CAMERAS)).build(ego, images)
    assert (seen.stamp_ns, seen.ego, seen.command) == (7, ego, RouteCommand.LEFT)
    assert seen.image_valid == {"front": True, "rear": True}
    assert set(seen.images) == {"front", "rear"}
    assert seen.images["front"] is images["front"]


def test_the_target_point_is_given_in_base_link(make_route) -> None:
    builder = ObservationBuilder(make_route((100, 0)), ObservationConfig(()))
    seen = builder.build(ego_at(10.0, 2.0, math.pi / 2), {})
    # next via point (30, 0) in map; the vehicle at (10, 2) looks along +y, so the point is to its right and behind
    assert seen.target_point_m == pytest.approx((-2.0, -20.0))
    assert builder.projection is not None
    assert (builder.projection.s_m, builder.projection.lateral_m) == pytest.approx((10.0, 2.0))


@pytest.mark.parametrize(
    ("front", "fault"),
    [
        (None, "front: missing"),
        (np.zeros((32, 18, 3), np.uint8), "front: wrong shape"),
        (np.zeros((18, 32, 4), np.uint8), "front: wrong shape"),
        (np.zeros((18, 32), np.uint8), "front: wrong shape"),
        (np.zeros((18, 32, 3), np.float32), "front: wrong type"),
    ],
)
def test_an_unusable_image_is_left_out_and_counted(make_route, front, fault: str) -> None:
    images = good_images()
    del images["front"]
    if front is not None:
        images["front"] = front
    builder = ObservationBuilder(make_route((100, 0)), ObservationConfig(CAMERAS))
    for count in (1, 2):
        seen = builder.build(ego_at(0.0, 0.0, 0.0), images)
        assert seen.image_valid == {"front": False, "rear": True}
        assert set(seen.images) == {"rear"}
        assert builder.faults == {fault: count}


def test_reset_starts_on_the_new_route_with_nothing_counted(make_route) -> None:
    builder = ObservationBuilder(make_route((100, 0)), ObservationConfig(CAMERAS))
    builder.build(ego_at(80.0, 0.0, 0.0), {})
    builder.reset(make_route((60, 0)))
    assert not builder.faults
    assert builder.projection is None
    builder.build(ego_at(3.0, 0.0, 0.0), good_images())
    assert builder.projection is not None
    assert builder.projection.s_m == pytest.approx(3.0)


def test_camera_names_must_differ() -> None:
    with pytest.raises(ValueError, match="names must differ, got front, front"):
        ObservationConfig((CAMERAS[0], CAMERAS[0]))


def test_without_a_route_the_command_is_unknown_and_images_are_looked_at_all_the_same() -> None:
    builder = ObservationBuilder(None, ObservationConfig(CAMERAS))
    seen = builder.build(ego_at(45.0, 1.0, 0.0), {"front": np.zeros((18, 32, 3), np.uint8)} | {"rear": None})
    assert seen.command is RouteCommand.VOID
    assert all(map(math.isnan, seen.target_point_m))
    assert builder.latest_faults == ("front: black", "rear: missing")
    assert builder.projection is None

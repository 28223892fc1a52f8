"""Changed views against the renderer, which draws what the moved vehicle really sees."""

import math
from dataclasses import replace

import numpy as np
import pytest
import torch

from carla_lite.maps import load_town
from carla_lite.render import Renderer
from carla_lite.scene import Camera, DynamicScene, Weather
from training.data.view_change import ViewChange, draw_moves, move_points
from training.models.config import WaypointModelConfig
from training.models.preprocess import shrink_images, to_unit_range
from waypilot.geometry import SE2, Pose
from waypilot.rig import DEFAULT_RIG

CONFIG = WaypointModelConfig()


def seen_from(renderer: Renderer, vehicle: SE2) -> torch.Tensor:
    """The shrunken picture (1, 1, 3, h, w) of a vehicle's front camera."""
    camera = vehicle.compose(SE2(1.3, 0.0, 0.0))
    pose = Pose.from_xyz_rpy(camera.x_m, camera.y_m, 2.0, yaw_rad=camera.yaw_rad)
    bgra = renderer.rgb(Camera(320, 180, math.radians(100.0), pose), DynamicScene(0, 0.0, Weather(), ()))
    rgb = torch.from_numpy(np.ascontiguousarray(bgra[None, :, :, 2::-1]))
    return to_unit_range(shrink_images(rgb, CONFIG))[None]


@pytest.fixture(scope="module")
def town_renderer() -> tuple[Renderer, SE2]:
    town = load_town("Lite01")
    return Renderer(town.scene), town.spawn_points[0].planar


@pytest.mark.parametrize(
    ("left_m", "yaw_deg", "share"), [(0.0, 4.0, 0.35), (0.0, -6.0, 0.35), (0.5, 0.0, 0.6), (-0.4, 3.0, 0.5)]
)
def test_the_changed_view_is_what_the_moved_vehicle_sees(
    town_renderer: tuple[Renderer, SE2], left_m: float, yaw_deg: float, share: float
) -> None:
    renderer, vehicle = town_renderer
    yaw_rad = math.radians(yaw_deg)
    before = seen_from(renderer, vehicle)
    after = seen_from(renderer, vehicle.compose(SE2(0.0, left_m, yaw_rad)))
    changed = ViewChange(DEFAULT_RIG, CONFIG)(before, torch.tensor([[left_m, yaw_rad]]))
    inner = (..., slice(12, -12))  # what was outside the picture cannot be known
    error, unchanged = ((image - after)[inner].abs().mean().item() for image in (changed, before))
    assert error < share * unchanged


def test_unmoved_vehicles_see_the_same() -> None:
    images = torch.rand((2, 1, 3, CONFIG.input_height_px, CONFIG.input_width_px))
    changed = ViewChange(DEFAULT_RIG, CONFIG)(images, torch.zeros(2, 2))
    torch.testing.assert_close(changed, images, atol=1e-4, rtol=0.0)


def test_every_camera_is_changed_by_its_own_geometry() -> None:
    side = replace(DEFAULT_RIG[0], name="left", pose_base_link_from_camera=Pose.from_xyz_rpy(0, 0.5, 2, yaw_rad=1.0))
    config = replace(CONFIG, cameras=("front", "left"))
    images = torch.rand((3, 1, 3, config.input_height_px, config.input_width_px)).expand(-1, 2, -1, -1, -1)
    moves = torch.tensor([[0.3, 0.02]] * 3)
    changed = ViewChange((DEFAULT_RIG[0], side), config)(images, moves)
    alone = ViewChange((side,), CONFIG)(images[:, 1:], moves)
    # Noise changes by 1 from pixel to pixel, and places in the picture are rounded to 2e-5 of one.
    torch.testing.assert_close(changed[:, 1:], alone, atol=1e-4, rtol=0.0)
    assert not torch.allclose(changed[:, 0], changed[:, 1])


def test_waypoints_stay_where_they_are_on_the_road() -> None:
    points = torch.tensor([[[2.0, 0.0], [4.0, 1.0]]])
    moved = move_points(points, torch.tensor([[0.5, 0.3]]))
    back = SE2(0.0, 0.5, 0.3).transform_points(moved[0].numpy().astype(float))
    np.testing.assert_allclose(back, points[0].numpy(), atol=1e-6)
    torch.testing.assert_close(move_points(points[:, 0], torch.tensor([[0.5, 0.3]])), moved[:, 0])


def test_moves_keep_to_their_bounds() -> None:
    moves = draw_moves(1000, 0.5, 0.1, torch.Generator().manual_seed(0))
    assert 0.45 < moves[:, 0].abs().max() <= 0.5
    assert 0.09 < moves[:, 1].abs().max() <= 0.1
    assert moves.mean(dim=0).abs().max() < 0.05


def test_a_camera_on_the_ground_is_refused() -> None:
    low = replace(DEFAULT_RIG[0], pose_base_link_from_camera=Pose.from_xyz_rpy(1.0, 0.0, 0.0))
    with pytest.raises(ValueError, match=r"camera front is 0.0 m above the ground"):
        ViewChange((low,), CONFIG)

from dataclasses import replace

import numpy as np
import pytest
import torch

from training.models.config import COMMANDS, WaypointModelConfig
from training.models.encoder import BACKBONES
from training.models.heads import DeltaWaypointHead
from training.models.preprocess import command_indices, shrink_images, to_unit_range
from training.models.waypoint_model import ModelInput, WaypointModel
from waypilot.types import RouteCommand

CONFIG = WaypointModelConfig()


def batch(size: int, cameras: int = 1, seed: int = 0) -> ModelInput:
    random = torch.Generator().manual_seed(seed)
    return ModelInput(
        images=torch.rand(size, cameras, 3, 64, 160, generator=random),
        image_valid=torch.ones(size, cameras, dtype=torch.bool),
        speed_mps=10.0 * torch.rand(size, generator=random),
        command=torch.randint(0, len(COMMANDS), (size,), generator=random),
        target_point_m=torch.rand(size, 2, generator=random),
    )


def model_with_weights(config: WaypointModelConfig = CONFIG) -> WaypointModel:
    torch.manual_seed(0)
    model = WaypointModel(config).eval()
    torch.nn.init.normal_(model.head.linear.weight, std=0.1)
    return model


def test_shrinking_is_the_exact_rounded_mean() -> None:
    image = np.random.default_rng(0).integers(0, 256, (2, 180, 320, 3), dtype=np.uint8)
    blocks = image[:, 52:].reshape(2, 64, 2, 160, 2, 3).astype(np.float64)
    expected = np.floor(blocks.mean(axis=(2, 4)) + 0.5).astype(np.uint8)
    assert np.array_equal(shrink_images(torch.from_numpy(image), CONFIG).numpy(), expected)


@pytest.mark.parametrize(
    "images", [torch.zeros(1, 180, 321, 3, dtype=torch.uint8), torch.zeros(1, 180, 320, 3), torch.zeros(180, 320, 3)]
)
def test_images_of_another_size_or_type_are_refused(images: torch.Tensor) -> None:
    with pytest.raises(ValueError, match="expected uint8"):
        shrink_images(images, CONFIG)


def test_unit_range_moves_channels_first() -> None:
    image = torch.zeros(1, 64, 160, 3, dtype=torch.uint8)
    image[0, 5, 7] = torch.tensor([255, 51, 0], dtype=torch.uint8)
    assert to_unit_range(image)[0, :, 5, 7].tolist() == pytest.approx([1.0, 0.2, 0.0])


def test_commands_map_to_rows_and_unknown_ones_are_refused() -> None:
    numbers = torch.tensor([int(RouteCommand.LANE_FOLLOW), int(RouteCommand.VOID), int(RouteCommand.LEFT)])
    assert [COMMANDS[row] for row in command_indices(numbers)] == [
        RouteCommand.LANE_FOLLOW,
        RouteCommand.VOID,
        RouteCommand.LEFT,
    ]
    with pytest.raises(ValueError, match="unknown"):
        command_indices(torch.tensor([9]))


def test_untrained_network_plans_constant_velocity() -> None:
    inputs = batch(3)
    waypoints = WaypointModel(CONFIG)(inputs)
    assert waypoints.shape == (3, 20, 2)
    assert torch.allclose(waypoints[:, -1, 0], 5.0 * inputs.speed_mps, atol=1e-4)
    assert torch.equal(waypoints[..., 1], torch.zeros(3, 20))


def test_masked_camera_carries_no_information() -> None:
    model = model_with_weights(WaypointModelConfig(cameras=("front", "left")))
    inputs = batch(4, cameras=2)
    valid = inputs.image_valid.clone()
    valid[:, 1] = False
    with torch.inference_mode():
        masked = model(replace(inputs, image_valid=valid))
        other = inputs.images.clone()
        other[:, 1] = torch.rand(4, 3, 64, 160)
        assert torch.equal(model(replace(inputs, images=other, image_valid=valid)), masked)
        assert not torch.equal(model(inputs), masked)
        nothing = replace(inputs, image_valid=torch.zeros_like(valid))
        assert torch.equal(model(nothing), model(replace(nothing, images=torch.rand_like(inputs.images))))


def test_masked_camera_gets_no_gradient() -> None:
    model = model_with_weights(WaypointModelConfig(cameras=("front", "left")))
    inputs = batch(2, cameras=2)
    images = inputs.images.requires_grad_()
    valid = torch.tensor([[True, False], [True, True]])
    model(replace(inputs, images=images, image_valid=valid)).sum().backward()
    assert images.grad is not None
    assert torch.equal(images.grad[0, 1], torch.zeros_like(images.grad[0, 1]))
    assert float(images.grad[1, 1].abs().sum()) > 0.0


def test_target_point_matters_only_when_switched_on() -> None:
    inputs = batch(2)
    moved = replace(inputs, target_point_m=inputs.target_point_m + 10.0)
    with torch.inference_mode():
        off = model_with_weights()
        assert torch.equal(off(inputs), off(moved))
        on = model_with_weights(WaypointModelConfig(use_target_point=True))
        assert not torch.equal(on(inputs), on(moved))


def test_samples_of_a_batch_do_not_mix() -> None:
    model, inputs = model_with_weights(), batch(3)
    changed = inputs.images.clone()
    changed[1] = 0.0
    with torch.inference_mode():
        a, b = model(inputs), model(replace(inputs, images=changed))
    assert torch.equal(a[0], b[0])
    assert torch.equal(a[2], b[2])
    assert not torch.equal(a[1], b[1])


def test_delta_head_starts_at_zero_and_is_bounded() -> None:
    torch.manual_seed(0)
    head = DeltaWaypointHead(latent_dim=128, num_waypoints=20, max_delta_m=1.5)
    latent = 10.0 * torch.randn(16, 128)
    assert torch.equal(head(latent), torch.zeros(16, 20, 2))
    torch.nn.init.normal_(head.last.weight, std=10.0)
    delta = head(latent).detach().abs()
    bound = 1.5 * torch.arange(1, 21) / 20
    assert bool((delta <= bound[:, None] + 1e-6).all())
    assert float(delta[:, -1].max()) > 1.4


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"cameras": ()}, "cameras"),
        ({"cameras": ("a", "a")}, "cameras"),
        ({"crop_top_px": 53}, "input height_px"),
        ({"image_width_px": 300}, "input width_px"),
        ({"channels": (16, 32, 64)}, "channels"),
        ({"num_waypoints": 0}, "num_waypoints"),
    ],
)
def test_config_refuses_what_the_network_cannot_be(changes: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        WaypointModelConfig(**changes)


def test_backbones_are_swapped_by_name() -> None:
    sizes = {}
    for name in BACKBONES:
        config = WaypointModelConfig(backbone=name)
        model = WaypointModel(config)
        images = torch.rand(2, 3, config.input_height_px, config.input_width_px)
        assert model.encoder(images).shape == (2, config.camera_feature_dim)
        sizes[name] = sum(parameter.numel() for parameter in model.encoder.parameters())
    assert sizes["plain"] < sizes["residual"] < sizes["deep"]
    with pytest.raises(ValueError, match="backbone is 'vit', expected one of residual, plain, deep"):
        WaypointModel(WaypointModelConfig(backbone="vit"))

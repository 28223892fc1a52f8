import numpy as np
import pytest
import torch

from training.models.config import WaypointModelConfig
from training.pretrain.monitors import effective_rank, feature_health, motion_errors
from training.pretrain.objective import MotionModel, covariance_term, pretrain_loss, variance_term


def noise(rows: int, columns: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(rows, columns, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_variance_term_punishes_features_that_stand_still() -> None:
    assert float(variance_term(torch.ones(8, 5))) == pytest.approx(1.0 - 0.01)
    assert float(variance_term(3.0 * noise(200, 5))) == 0.0
    half = torch.cat([3.0 * noise(200, 5), torch.ones(200, 5)], dim=1)
    assert float(variance_term(half)) == pytest.approx(0.5 * (1.0 - 0.01))


def test_covariance_term_punishes_features_that_tell_the_same() -> None:
    signal = torch.tensor([1.0, -1.0, 1.0, -1.0])
    other = torch.tensor([1.0, 1.0, -1.0, -1.0])
    assert float(covariance_term(torch.stack([signal, other], dim=1))) == pytest.approx(0.0)
    # Two equal features: both covariances are 4 / 3, squared, summed, divided by two features.
    assert float(covariance_term(torch.stack([signal, signal], dim=1))) == pytest.approx((4.0 / 3.0) ** 2)


def test_a_collapsed_encoder_has_the_larger_loss() -> None:
    motion = torch.zeros(32, 3, dtype=torch.float64)
    spread, same = 2.0 * noise(64, 6).view(32, 2, 6), torch.ones(32, 2, 6, dtype=torch.float64)
    healthy, collapsed = (pretrain_loss(motion, motion, f, 1.0, 0.0) for f in (spread, same))
    assert float(healthy.total) < 0.1 < 0.9 < float(collapsed.total)
    assert float(collapsed.motion) == 0.0


def test_the_head_needs_both_images_and_the_order_matters() -> None:
    torch.manual_seed(0)
    config = WaypointModelConfig()
    model = MotionModel(config, max_gap_s=2.0)
    features = torch.rand(1, 2, config.camera_feature_dim)
    gap, camera = torch.tensor([1.0]), torch.zeros(1, dtype=torch.int64)
    forward = model.motion(features, gap, camera)
    assert forward.shape == (1, 3)
    assert not torch.allclose(forward, model.motion(features.flip(1), gap, camera))
    for view in range(2):
        changed = features.clone()
        changed[:, view] += 1.0
        assert not torch.allclose(forward, model.motion(changed, gap, camera))


def test_effective_rank_counts_directions() -> None:
    signs = np.array([[a, b, c] for a in (-1.0, 1.0) for b in (-1.0, 1.0) for c in (-1.0, 1.0)])
    assert effective_rank(signs) == pytest.approx(3.0)
    assert effective_rank(signs[:, :1] * np.ones((1, 5)) + 7.0) == pytest.approx(1.0)
    assert effective_rank(np.ones((8, 3))) == 0.0


def test_feature_health_finds_dead_features() -> None:
    features = np.concatenate([noise(500, 3).numpy(), np.ones((500, 1))], axis=1)
    health = feature_health(features)
    assert health["dead_features"] == 0.25
    assert health["feature_std"] == pytest.approx(0.75, abs=0.05)
    assert health["effective_rank"] == pytest.approx(3.0, abs=0.05)


def test_motion_errors_known_answers() -> None:
    motion = np.array([[1.0, 0.0, 0.5], [3.0, 0.0, -0.5]], dtype=np.float32)
    perfect = motion_errors(motion, motion)
    assert perfect["forward_explained"] == perfect["yaw_explained"] == 1.0
    assert perfect["lateral_explained"] == 0.0  # it never changes
    mean = motion_errors(np.tile(motion.mean(axis=0), (2, 1)), motion)
    assert mean["forward_explained"] == pytest.approx(0.0)
    assert mean["forward_error_m"] == pytest.approx(1.0)
    assert mean["yaw_error_rad"] == pytest.approx(0.5)

import pytest
import torch

from training.models.heads import DeltaWaypointHead
from training.models.path_delta import PathDeltaConfig, path_delta

CONFIG = PathDeltaConfig(slower_mps=10.0, faster_mps=2.0, lateral_m=1.0, rise_s=1.5)


def straight(speed_mps: float) -> torch.Tensor:
    plan = torch.zeros(1, 20, 2)
    plan[0, :, 0] = 0.25 * speed_mps * torch.arange(1, 21)
    return plan


def wishes(faster: float, left: float = 0.0) -> torch.Tensor:
    return torch.tensor([faster, left]).expand(1, 20, 2)


def test_no_wish_is_exactly_no_correction() -> None:
    plan = torch.randn(50, 20, 2).cumsum(dim=1)
    assert torch.equal(path_delta(plan, torch.zeros(50, 20, 2), CONFIG), torch.zeros(50, 20, 2))


def test_a_car_at_full_speed_can_be_stopped() -> None:
    plan = straight(8.0)
    assert torch.allclose(plan + path_delta(plan, wishes(-1.0), CONFIG), torch.zeros(1, 20, 2), atol=1e-5)
    slow = plan + path_delta(plan, wishes(-0.5), CONFIG)
    assert torch.allclose(slow, straight(3.0), atol=1e-4)


def test_a_standing_car_can_be_started_and_a_moving_one_hastened() -> None:
    standing = torch.zeros(1, 20, 2)
    assert torch.allclose(path_delta(standing, wishes(1.0), CONFIG), straight(2.0), atol=1e-4)
    plan = straight(8.0)
    assert torch.allclose(plan + path_delta(plan, wishes(1.0), CONFIG), straight(10.0), atol=1e-3)


def test_slower_stays_on_the_path_of_a_bend() -> None:
    angles = torch.arange(1, 21) * 0.1
    plan = torch.stack([10.0 * torch.sin(angles), 10.0 - 10.0 * torch.cos(angles)], dim=1)[None]
    slow = plan + path_delta(plan, wishes(-0.1), CONFIG)
    assert torch.allclose((slow - torch.tensor([0.0, 10.0])).norm(dim=2), torch.full((1, 20), 10.0), atol=0.02)
    assert float(slow[0, -1].norm()) < float(plan[0, -1].norm())


def test_side_step_is_to_the_left_and_rises_to_its_bound() -> None:
    plan = straight(8.0)
    delta = path_delta(plan, wishes(0.0, 1.0), CONFIG)
    assert torch.allclose(delta[0, :, 0], torch.zeros(20), atol=1e-6)
    assert torch.allclose(delta[0, :, 1], (0.25 * torch.arange(1, 21) / 1.5).clamp(max=1.0), atol=1e-6)


def test_head_over_paths_needs_the_plan_and_starts_at_zero() -> None:
    head = DeltaWaypointHead(8, 20, num_modes=2, path={"slower_mps": 6.0})
    plan = straight(8.0)
    assert torch.equal(head(torch.randn(1, 8), plan_m=plan), torch.zeros(1, 20, 2))
    assert head.path == PathDeltaConfig(slower_mps=6.0)
    with pytest.raises(ValueError, match="expected the plan"):
        head(torch.randn(1, 8))


@pytest.mark.parametrize(("name", "value"), [("slower_mps", 0.0), ("lateral_m", -1.0), ("rise_s", float("nan"))])
def test_impossible_bounds_are_refused(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=name):
        PathDeltaConfig(**{name: value})

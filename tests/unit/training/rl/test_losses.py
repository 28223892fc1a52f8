import math

import pytest
import torch
from torch.distributions import Normal, kl_divergence

from training.rl import losses


def column(*values: float) -> torch.Tensor:
    return torch.tensor(values)[:, None]


def test_advantages_by_hand() -> None:
    # gamma 0.5, lambda 0.5; errors: 1 + 0.5*2 - 1 = 1, 2 + 0.5*3 - 2 = 1.5, 3 + 0 - 3 = 0 at the terminal step.
    advantages = losses.generalised_advantages(
        column(1.0, 2.0, 3.0), column(1.0, 2.0, 3.0), column(2.0, 3.0, 0.0), column(0, 0, 1).bool(), 0.5, 0.5
    )
    assert advantages[:, 0].tolist() == pytest.approx([1.0 + 0.25 * 1.5, 1.5, 0.0])


def test_nothing_flows_back_from_the_next_episode() -> None:
    done = column(1, 0).bool()
    advantages = losses.generalised_advantages(column(1.0, 100.0), column(0.0, 0.0), column(0.0, 0.0), done, 0.9, 0.9)
    assert advantages[0, 0] == 1.0


def test_a_cut_off_episode_counts_on_what_would_have_come() -> None:
    done = column(1).bool()
    advantages = losses.generalised_advantages(column(1.0), column(2.0), column(10.0), done, 0.9, 0.9)
    assert advantages[0, 0] == pytest.approx(1.0 + 9.0 - 2.0)


def test_with_full_traces_advantages_are_returns_minus_values() -> None:
    torch.manual_seed(0)
    rewards, values = torch.randn(20, 3), torch.randn(20, 3)
    next_values = torch.cat([values[1:], torch.zeros(1, 3)])
    done = torch.zeros(20, 3, dtype=torch.bool)
    done[-1] = True
    advantages = losses.generalised_advantages(rewards, values, next_values, done, 0.97, 1.0)
    assert torch.allclose(advantages + values, losses.rewards_to_go(rewards, 0.97), atol=1e-5)


def test_gaussians_agree_with_torch() -> None:
    torch.manual_seed(0)
    mean, other, value = torch.randn(5, 4), torch.randn(5, 4), torch.randn(5, 4)
    log_std, other_log_std = torch.randn(4), torch.randn(4)
    p, q = Normal(mean, log_std.exp()), Normal(other, other_log_std.exp())
    assert torch.allclose(losses.gaussian_log_prob(value, mean, log_std), p.log_prob(value).sum(-1), atol=1e-4)
    assert torch.allclose(losses.gaussian_entropy(log_std), p.entropy()[0].sum(), atol=1e-5)
    kl = losses.gaussian_kl(mean, log_std, other, other_log_std)
    assert torch.allclose(kl, kl_divergence(p, q).sum(-1), rtol=1e-4, atol=1e-4)
    assert torch.allclose(losses.gaussian_kl(mean, log_std, mean, log_std), torch.zeros(5), atol=1e-6)


def test_clipping_takes_the_worse_of_both() -> None:
    log_ratio = torch.tensor([math.log(1.5), math.log(0.5), math.log(1.5), math.log(0.5)])
    advantages = torch.tensor([1.0, 1.0, -1.0, -1.0])
    # min(1.5, 1.2), min(0.5, 0.8), min(-1.5, -1.2), min(-0.5, -0.8)
    assert losses.clipped_policy_loss(log_ratio, advantages, 0.2) == pytest.approx(-(1.2 + 0.5 - 1.5 - 0.8) / 4)
    assert losses.clip_fraction(log_ratio, 0.2) == 1.0
    assert losses.clip_fraction(log_ratio, 0.6) == 0.0


def test_beyond_the_clip_range_nothing_pulls_further() -> None:
    log_ratio = torch.tensor([math.log(1.5)], requires_grad=True)
    losses.clipped_policy_loss(log_ratio, torch.tensor([1.0]), 0.2).backward()
    assert log_ratio.grad == 0.0


def test_kl_estimate_is_zero_for_equal_and_near_truth_for_different_policies() -> None:
    assert losses.approximate_kl(torch.zeros(10)) == 0.0
    torch.manual_seed(0)
    old, new = Normal(0.0, 1.0), Normal(0.2, 1.1)
    samples = old.sample((200_000,))
    estimate = losses.approximate_kl(new.log_prob(samples) - old.log_prob(samples))
    assert float(estimate) == pytest.approx(float(kl_divergence(old, new)), rel=0.05)


def test_value_loss_by_hand() -> None:
    predicted, old, target = torch.tensor([1.0, 3.0]), torch.tensor([0.0, 0.0]), torch.tensor([2.0, 2.0])
    assert losses.value_loss(predicted, old, target, None) == pytest.approx(0.5)
    # Held to 0.5: errors (0.5 - 2)^2 each, worse than (1 - 2)^2 and (3 - 2)^2.
    assert losses.value_loss(predicted, old, target, 0.5) == pytest.approx(0.5 * 2.25)


def test_group_advantages_compare_within_the_group_only() -> None:
    returns = torch.tensor([[1.0, 3.0], [100.0, 104.0], [5.0, 5.0]])
    assert losses.group_advantages(returns).tolist() == [[-1.0, 1.0], [-1.0, 1.0], [0.0, 0.0]]


def test_batch_advantages_keep_the_groups_proportions_and_count_only_what_was_driven() -> None:
    returns = torch.tensor([[1.0, 3.0], [100.0, 104.0], [5.0, 5.0], [0.0, 900.0]])
    counted = torch.tensor([[True, True], [True, True], [True, True], [False, False]])
    spread = ((1 + 1 + 4 + 4 + 0 + 0) / 6) ** 0.5
    found = losses.batch_advantages(returns, counted)[:3] * spread
    assert torch.allclose(found, torch.tensor([[-1.0, 1.0], [-2.0, 2.0], [0.0, 0.0]]))


def test_rewards_to_go_by_hand() -> None:
    assert losses.rewards_to_go(torch.tensor([1.0, 2.0, 4.0]), 0.5).tolist() == [3.0, 4.0, 4.0]


def test_explained_variance() -> None:
    target = torch.tensor([1.0, 2.0, 3.0])
    assert losses.explained_variance(target, target) == 1.0
    assert losses.explained_variance(torch.full((3,), 2.0), target) == 0.0
    assert losses.explained_variance(-target, target) == pytest.approx(-3.0)
    assert losses.explained_variance(target, torch.ones(3)) == 0.0


def test_normalised_has_mean_zero_and_deviation_one() -> None:
    values = losses.normalised(torch.tensor([1.0, 2.0, 6.0]))
    assert float(values.mean()) == pytest.approx(0.0, abs=1e-6)
    assert float(values.std(unbiased=False)) == pytest.approx(1.0, abs=1e-6)
    assert losses.normalised(torch.full((4,), 3.0)).tolist() == [0.0] * 4

"""The mathematics of PPO and GRPO as pure functions of tensors; no networks, no environments."""

from __future__ import annotations

import math

import torch

_EPSILON = 1e-8
_LOG_2_PI = math.log(2.0 * math.pi)


def gaussian_log_prob(value: torch.Tensor, mean: torch.Tensor, log_std: torch.Tensor) -> torch.Tensor:
    """Log density (M,) of values (M, A) under independent Gaussians; ``log_std`` broadcasts to (M, A)."""
    scaled = (value - mean) * torch.exp(-log_std)
    return -(0.5 * scaled.square() + log_std + 0.5 * _LOG_2_PI).sum(dim=-1)


def gaussian_entropy(log_std: torch.Tensor) -> torch.Tensor:
    """Entropy in nats of independent Gaussians, summed over the last axis."""
    return (log_std + 0.5 * (1.0 + _LOG_2_PI)).sum(dim=-1)


def gaussian_kl(
    mean: torch.Tensor, log_std: torch.Tensor, other_mean: torch.Tensor, other_log_std: torch.Tensor
) -> torch.Tensor:
    """KL(this || other) in nats of independent Gaussians, summed over the last axis."""
    ratio = torch.exp(2.0 * (log_std - other_log_std))
    distance = (mean - other_mean).square() * torch.exp(-2.0 * other_log_std)
    return 0.5 * (ratio + distance - 1.0 - torch.log(ratio)).sum(dim=-1)


def generalised_advantages(
    rewards: torch.Tensor,
    values: torch.Tensor,
    next_values: torch.Tensor,
    done: torch.Tensor,
    discount: float,
    trace: float,
) -> torch.Tensor:
    """GAE (Schulman et al. 2016, eq. 16), all (T, B).

    ``next_values`` are those of the state a step led to: 0 where the episode terminated, the value of the last state
    where it was cut off by the time limit. ``done`` marks both, for nothing flows back from the next episode.
    """
    errors = rewards + discount * next_values - values
    keep = discount * trace * (~done).to(rewards.dtype)
    advantages = torch.empty_like(rewards)
    following = torch.zeros_like(rewards[0])
    for t in range(len(rewards) - 1, -1, -1):
        following = errors[t] + keep[t] * following
        advantages[t] = following
    return advantages


def normalised(values: torch.Tensor) -> torch.Tensor:
    """Shift and scale to mean 0 and standard deviation 1; equal values become zeros."""
    return (values - values.mean()) / (values.std(unbiased=False) + _EPSILON)


def group_advantages(returns: torch.Tensor) -> torch.Tensor:
    """GRPO's advantages (Shao et al. 2024, section 4.1.2): returns (G, K) normalised within each of the G groups.

    A group whose members all did equally well teaches nothing: zeros.
    """
    centred = returns - returns.mean(dim=1, keepdim=True)
    spread = returns.std(dim=1, unbiased=False, keepdim=True)
    return torch.where(spread > 1e-6, centred / spread.clamp(min=1e-6), torch.zeros_like(centred))


def batch_advantages(returns: torch.Tensor, counted: torch.Tensor) -> torch.Tensor:
    """Centre returns (G, K) in their group and divide them by the spread over all groups' ``counted`` (G, K) entries.

    So a group whose members did nearly alike teaches less than one whose members did not.
    """
    centred = returns - returns.mean(dim=1, keepdim=True)
    return centred / centred[counted].std(unbiased=False).clamp(min=1e-6)


def rewards_to_go(rewards: torch.Tensor, discount: float) -> torch.Tensor:
    """Discounted sums of what follows, own reward included, along the first axis (T, ...)."""
    sums = torch.empty_like(rewards)
    following = torch.zeros_like(rewards[0])
    for t in range(len(rewards) - 1, -1, -1):
        following = rewards[t] + discount * following
        sums[t] = following
    return sums


def clipped_policy_loss(log_ratio: torch.Tensor, advantages: torch.Tensor, clip: float) -> torch.Tensor:
    """PPO's clipped surrogate (Schulman et al. 2017, eq. 7), negated, mean over (M,)."""
    ratio = torch.exp(log_ratio)
    return -torch.min(ratio * advantages, ratio.clamp(1.0 - clip, 1.0 + clip) * advantages).mean()


def clip_fraction(log_ratio: torch.Tensor, clip: float) -> torch.Tensor:
    """Share of samples whose probability ratio lies outside the clip range."""
    return ((torch.exp(log_ratio) - 1.0).abs() > clip).to(log_ratio.dtype).mean()


def approximate_kl(log_ratio: torch.Tensor) -> torch.Tensor:
    """Estimate KL(old || new) >= 0 from samples of the old policy (Schulman 2020, estimator k3)."""
    return (torch.exp(log_ratio) - 1.0 - log_ratio).mean()


def value_loss(predicted: torch.Tensor, old: torch.Tensor, target: torch.Tensor, clip: float | None) -> torch.Tensor:
    """Half the mean squared error; with ``clip`` the worse of it and that of a prediction held near ``old``."""
    error = (predicted - target).square()
    if clip is not None:
        held = old + (predicted - old).clamp(-clip, clip)
        error = torch.max(error, (held - target).square())
    return 0.5 * error.mean()


def explained_variance(predicted: torch.Tensor, target: torch.Tensor) -> float:
    """1: values predict returns exactly; 0: no better than their mean. NaN for constant returns becomes 0."""
    variance = float(target.var(unbiased=False))
    return 0.0 if variance < _EPSILON else 1.0 - float((target - predicted).var(unbiased=False)) / variance

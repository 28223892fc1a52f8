"""The learner: a Gaussian policy around the delta head, and a value network."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

from training.models.heads import DeltaWaypointHead
from training.models.path_delta import PathDeltaConfig
from training.rl.exploration import LastingNoise
from training.rl.losses import gaussian_log_prob

# Keeps a latent that hardly varies without cameras from being blown up where it does vary, with cameras. The other
# inputs mean the same everywhere.
_LATENT_STD_FLOOR = 0.1
_STD_FLOOR = 0.01


@dataclass(frozen=True, slots=True)
class AgentConfig:
    """Sizes of the learner.

    The delta head moves the last waypoint by at most ``max_delta_m`` per axis, the others in proportion to their time,
    along ``num_modes`` smooth modes; with ``path`` it changes speed and place along the plan instead, within those
    bounds. Both networks have tanh layers: the head one of ``hidden_dim``, the critic two.
    ``initial_std`` is that of the exploration in units of the modes' coefficients; ``noise_memory`` how much of it
    stays from one step to the next (``exploration.LastingNoise``).
    """

    max_delta_m: float = 12.0
    num_modes: int = 2
    hidden_dim: int = 64
    initial_std: float = 0.4
    noise_memory: float = 0.0
    path: PathDeltaConfig | None = None

    def __post_init__(self) -> None:
        for name in ("max_delta_m", "num_modes", "hidden_dim", "initial_std"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} is {getattr(self, name)}, expected a positive number")
        if not 0.0 <= self.noise_memory < 1.0:
            raise ValueError(f"noise_memory is {self.noise_memory}, expected 0 to below 1")


class RunningNorm(nn.Module):
    """Mean and standard deviation of all rows seen so far; ``forward`` removes them.

    ``std_floor`` (size,) is what the standard deviation never falls below.
    """

    std_floor: torch.Tensor
    mean: torch.Tensor
    variance: torch.Tensor
    count: torch.Tensor

    def __init__(self, std_floor: torch.Tensor):
        super().__init__()
        size = len(std_floor)
        self.register_buffer("std_floor", std_floor.clone(), persistent=False)
        self.register_buffer("mean", torch.zeros(size))
        self.register_buffer("variance", torch.ones(size))
        self.register_buffer("count", torch.zeros(()))

    @torch.no_grad()
    def update(self, rows: torch.Tensor) -> None:
        """Take in rows (M, size) (Chan et al. 1979)."""
        count, mean, variance = float(len(rows)), rows.mean(dim=0), rows.var(dim=0, unbiased=False)
        total = self.count + count
        shift = mean - self.mean
        share = count / total
        self.variance.copy_((1 - share) * self.variance + share * variance + share * (1 - share) * shift.square())
        self.mean += share * shift
        self.count.copy_(total)

    @property
    def std(self) -> torch.Tensor:
        """Standard deviation, never below its floor."""
        return torch.maximum(self.variance.sqrt(), self.std_floor)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Normalise rows (M, size)."""
        return (rows - self.mean) / self.std


class PPOAgent(nn.Module):
    """Policy over the coefficients of the delta head's modes, and the critic.

    Inputs are rows (B, actor_dim + extra_dim): first what the head sees, then what only the critic sees.
    The policy is a Gaussian around the head's coefficients with one standard deviation per coefficient; actions are
    coefficients (B, 2 * num_modes). The untrained policy's mean is exactly zero: the SFT plan itself.
    """

    initial_log_std: torch.Tensor
    return_mean: torch.Tensor
    return_std: torch.Tensor

    def __init__(self, head_sizes: dict[str, Any], extra_dim: int, config: AgentConfig):
        super().__init__()
        self.head_sizes = head_sizes
        self.head = DeltaWaypointHead(**head_sizes)
        self.actor_dim = self.head.input_dim
        self.action_dim = 2 * self.head.num_modes
        self._noise_memory = config.noise_memory
        std_floor = torch.full((self.actor_dim + extra_dim,), _STD_FLOOR)
        std_floor[: head_sizes["latent_dim"]] = _LATENT_STD_FLOOR
        self.norm = RunningNorm(std_floor)
        self.log_std = nn.Parameter(torch.full((self.action_dim,), config.initial_std).log())
        # Together with a mean of zero this is the SFT plan, seen as a policy.
        self.register_buffer("initial_log_std", self.log_std.detach().clone())
        self.critic = nn.Sequential(
            _layer(self.actor_dim + extra_dim, config.hidden_dim),
            nn.Tanh(),
            _layer(config.hidden_dim, config.hidden_dim),
            nn.Tanh(),
            _layer(config.hidden_dim, 1, gain=1.0),
        )
        first = self.head.hidden[0]
        assert isinstance(first, nn.Linear)
        nn.init.orthogonal_(first.weight, gain=2**0.5)
        nn.init.zeros_(first.bias)
        self.register_buffer("return_mean", torch.zeros(()))
        self.register_buffer("return_std", torch.ones(()))

    def mean(self, inputs: torch.Tensor) -> torch.Tensor:
        """Mean coefficients (B, action_dim)."""
        return self.mean_of(self.norm(inputs))

    def mean_of(self, rows: torch.Tensor) -> torch.Tensor:
        """Mean coefficients (B, action_dim) of rows that are already normalised."""
        return self.head.coefficients(rows[:, : self.actor_dim]).flatten(1)

    def value(self, inputs: torch.Tensor) -> torch.Tensor:
        """Predict returns (B,) in units of the reward."""
        returns: torch.Tensor = self.critic(self.norm(inputs))[:, 0] * self.return_std + self.return_mean
        return returns

    @torch.no_grad()
    def act(self, inputs: torch.Tensor, noise: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Choose actions (B, action_dim) by standard normal noise of that shape; with their log probabilities (B,)."""
        mean = self.mean(inputs)
        action = mean + torch.exp(self.log_std) * noise
        return action, gaussian_log_prob(action, mean, self.log_std)

    def noise(self, cars: int) -> LastingNoise:
        """Make the exploration noise of so many cars."""
        return LastingNoise(cars, self.action_dim, self._noise_memory)

    def deltas(self, action: torch.Tensor, plan_m: torch.Tensor) -> torch.Tensor:
        """Corrections (B, N, 2) in metres of plans (B, N, 2) that actions (B, action_dim) stand for."""
        return self.head.deltas(action.view(len(action), self.head.num_modes, 2), plan_m)

    @torch.no_grad()
    def update_return_scale(self, returns: torch.Tensor) -> None:
        """Let the critic work in units of the returns (M,) just seen, keeping what it predicts (van Hasselt 2016)."""
        mean, std = returns.mean(), returns.std(unbiased=False).clamp(min=1e-3)
        last = self.critic[-1]
        assert isinstance(last, nn.Linear)
        last.weight.mul_(self.return_std / std)
        last.bias.copy_((last.bias * self.return_std + self.return_mean - mean) / std)
        self.return_mean.copy_(mean)
        self.return_std.copy_(std)

    @torch.no_grad()
    def exported_head(self) -> DeltaWaypointHead:
        """Return a delta head of its own that contains the normalisation: it takes raw inputs and needs no agent."""
        head = copy.deepcopy(self.head)
        mean, std = self.norm.mean[: self.actor_dim], self.norm.std[: self.actor_dim]
        first = head.hidden[0]
        assert isinstance(first, nn.Linear)
        first.weight.div_(std)
        first.bias.sub_(first.weight @ mean)
        return head


def _layer(size_in: int, size_out: int, gain: float = 2**0.5) -> nn.Linear:
    layer = nn.Linear(size_in, size_out)
    nn.init.orthogonal_(layer.weight, gain=gain)
    nn.init.zeros_(layer.bias)
    return layer

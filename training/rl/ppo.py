"""Proximal policy optimisation (Schulman et al. 2017) of the delta head on many cars at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from training.rl import losses
from training.rl.agent import PPOAgent
from training.rl.delta_use import delta_use
from training.rl.rollout import Collector, Experience
from training.rl.world import World

_LAST_LR_SHARE = 0.01


@dataclass(frozen=True, slots=True)
class PPOConfig:
    """How to learn. One iteration: ``num_envs`` cars take ``num_steps`` steps, then ``epochs`` passes over these.

    ``discount`` and ``trace`` are GAE's gamma and lambda. ``entropy_weight`` falls linearly to 0 over the run, as does
    the learning rate. ``kl_weight`` is the leash: the KL divergence (nats) from the policy that the run began with, the
    SFT plan.
    ``target_kl`` (nats) ends an iteration's passes early; ``value_clip`` (in standard deviations of the return): 0 is
    off.
    """

    num_envs: int = 32
    num_steps: int = 32
    epochs: int = 6
    minibatches: int = 2
    lr: float = 2e-3
    discount: float = 0.98
    trace: float = 0.95
    clip: float = 0.2
    value_clip: float = 0.0
    value_weight: float = 0.5
    entropy_weight: float = 1e-3
    kl_weight: float = 1e-3
    grad_clip: float = 0.5
    target_kl: float = 0.05

    def __post_init__(self) -> None:
        for name in ("num_envs", "num_steps", "epochs", "minibatches", "lr", "clip", "grad_clip", "target_kl"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} is {getattr(self, name)}, expected a positive number")
        for name in ("value_clip", "value_weight", "entropy_weight", "kl_weight"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name)}, expected 0 or more")
        for name in ("discount", "trace"):
            if not 0.0 <= getattr(self, name) <= 1.0:
                raise ValueError(f"{name} is {getattr(self, name)}, expected 0 to 1")
        if self.num_envs * self.num_steps < 2 * self.minibatches:
            raise ValueError("a minibatch needs at least two samples: lower minibatches or take more cars or steps")


@dataclass(frozen=True, slots=True, eq=False)
class _Batch:
    """M samples: normalised inputs, and values and returns in the critic's units."""

    rows: torch.Tensor
    actions: torch.Tensor
    log_probs: torch.Tensor
    values: torch.Tensor
    advantages: torch.Tensor
    returns: torch.Tensor

    def pick(self, index: torch.Tensor) -> _Batch:
        return _Batch(*(getattr(self, name)[index] for name in self.__slots__))


class PPOLearner:
    """Collects experience with an agent and improves it; ``iterate`` does both once."""

    def __init__(self, world: World, agent: PPOAgent, config: PPOConfig, seed: int):
        self.agent, self.config = agent, config
        self.collector = Collector(world, agent, seed)
        self.parameters = list(agent.parameters())
        self.optimizer = torch.optim.Adam(self.parameters, lr=config.lr, eps=1e-5, fused=True)
        self.random = torch.Generator().manual_seed(seed)

    @property
    def episodes(self) -> int:
        """Episodes finished so far."""
        return self.collector.episodes

    @property
    def env_steps(self) -> int:
        """Environment steps taken so far."""
        return self.collector.env_steps

    def iterate(self, progress: float) -> dict[str, float]:
        """Collect and learn once; ``progress`` 0..1 through the run sets the schedules. Returns what to log."""
        left = max(0.0, 1.0 - progress)
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.lr * max(left, _LAST_LR_SHARE)
        experience = self.collector.collect(self.config.num_steps, self.random)
        log = {f"delta/{name}": value for name, value in delta_use(experience.deltas_m.flatten(0, 1)).items()}
        if experience.finished:
            log["train/return"] = float(np.mean(experience.finished))
        batch, log["loss/explained_variance"] = self._batch(experience)
        log |= self._learn(batch, self.config.entropy_weight * left)
        # Only now: the log probabilities of this experience belong to the normalisation it was acted on with.
        self.agent.norm.update(experience.inputs.flatten(0, 1))
        return log

    def state(self) -> dict[str, Any]:
        """Everything needed to continue with the same bits; plain data and tensors."""
        return {
            "agent": self.agent.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "random": self.random.get_state(),
            "collector": self.collector.state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a ``state``."""
        self.agent.load_state_dict(state["agent"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.random.set_state(state["random"])
        self.collector.restore(state["collector"])

    @torch.no_grad()
    def _batch(self, new: Experience) -> tuple[_Batch, float]:
        """Turn experience into a batch; also tell how much of the returns' variance the critic explained."""
        agent, config = self.agent, self.config
        values = agent.value(new.inputs.flatten(0, 1)).view(new.rewards.shape)
        following = agent.value(new.next_inputs.flatten(0, 1)).view(new.rewards.shape) * ~new.terminated
        advantages = losses.generalised_advantages(
            new.rewards, values, following, new.done, config.discount, config.trace
        ).flatten()
        old = values.flatten()
        returns = advantages + old
        agent.update_return_scale(returns)
        batch = _Batch(
            rows=agent.norm(new.inputs.flatten(0, 1)),
            actions=new.actions.flatten(0, 1),
            log_probs=new.log_probs.flatten(),
            values=(old - agent.return_mean) / agent.return_std,
            advantages=advantages,
            returns=(returns - agent.return_mean) / agent.return_std,
        )
        return batch, losses.explained_variance(old, returns)

    def _learn(self, batch: _Batch, entropy_weight: float) -> dict[str, float]:
        samples, parts = len(batch.actions), self.config.minibatches
        logs: list[dict[str, torch.Tensor]] = []
        for _ in range(self.config.epochs):
            order = torch.randperm(samples, generator=self.random)
            for index in order.tensor_split(parts):
                logs.append(self._step(batch.pick(index), entropy_weight))
            if float(sum(log["kl"] for log in logs[-parts:])) / parts > self.config.target_kl:
                break
        means = {f"loss/{name}": float(torch.stack([log[name] for log in logs]).mean()) for name in logs[0]}
        return means | {"loss/epochs": len(logs) / parts}

    def _step(self, batch: _Batch, entropy_weight: float) -> dict[str, torch.Tensor]:
        agent, config = self.agent, self.config
        mean = agent.mean_of(batch.rows)
        log_ratio = losses.gaussian_log_prob(batch.actions, mean, agent.log_std) - batch.log_probs
        policy = losses.clipped_policy_loss(log_ratio, losses.normalised(batch.advantages), config.clip)
        predicted = agent.critic(batch.rows)[:, 0]
        value = losses.value_loss(predicted, batch.values, batch.returns, config.value_clip or None)
        entropy = losses.gaussian_entropy(agent.log_std)
        from_sft = losses.gaussian_kl(mean, agent.log_std, torch.zeros_like(mean), agent.initial_log_std).mean()
        total = policy + config.value_weight * value - entropy_weight * entropy + config.kl_weight * from_sft
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.parameters, config.grad_clip)
        self.optimizer.step()
        with torch.no_grad():
            kl, clipped = losses.approximate_kl(log_ratio), losses.clip_fraction(log_ratio, config.clip)
        logged = {"policy": policy, "value": value, "entropy": entropy, "kl": kl, "clip_fraction": clipped}
        logged |= {"kl_from_sft": from_sft, "grad_norm": norm}
        return {name: tensor.detach() for name, tensor in logged.items()}

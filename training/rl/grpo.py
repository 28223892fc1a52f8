"""Group relative policy optimisation (Shao et al. 2024, DeepSeekMath, section 4) of the delta head: no critic.

Several cars drive from the very same start; how much better than its group a car did is its advantage.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray

from training.rl import losses
from training.rl.agent import PPOAgent
from training.rl.delta_use import delta_use
from training.rl.rollout import episode_seeds
from training.rl.world import World

_LAST_LR_SHARE = 0.01


@dataclass(frozen=True, slots=True)
class GRPOConfig:
    """How to learn. One iteration: ``groups`` starts, ``members`` cars from each, driven to the end; then ``epochs``.

    ``advantage``: ``outcome`` gives every step of a car its group-normalised return (the paper's outcome supervision);
    ``process`` compares, step by step, the discounted rewards still to come with those of the group's other cars at
    that step (in the spirit of its process supervision), which tells good steps from bad ones within a drive; to a
    car whose drive has ended nothing more comes: 0.
    ``advantage_scale`` is what differences from the group's mean are divided by: the ``group``'s standard deviation
    (the paper), or that of the whole ``batch``, so that groups whose cars did nearly alike do not count as much as
    those in which some hit somebody (Liu et al. 2025, Dr. GRPO, arXiv 2503.20783, section 3.1, on this bias).
    ``kl_weight`` is the leash: the KL divergence (nats) from the policy that the run began with, the SFT plan.
    ``horizon`` cuts drives after so many steps (0: never). With ``lead_in`` one car of each group first drives alone
    for up to so many steps, and the group starts from where it came: so starts are not only beginnings.
    """

    groups: int = 2
    members: int = 16
    epochs: int = 6
    minibatches: int = 8
    lr: float = 1e-3
    advantage: Literal["outcome", "process"] = "process"
    advantage_scale: Literal["group", "batch"] = "group"
    discount: float = 0.95
    clip: float = 0.2
    kl_weight: float = 1e-3
    grad_clip: float = 0.5
    target_kl: float = 0.05
    horizon: int = 0
    lead_in: int = 0

    def __post_init__(self) -> None:
        for name in ("groups", "epochs", "minibatches", "lr", "clip", "grad_clip", "target_kl"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} is {getattr(self, name)}, expected a positive number")
        if self.members < 2:
            raise ValueError(f"members is {self.members}, expected 2 or more: one car has nobody to be compared with")
        for name in ("kl_weight", "horizon", "lead_in"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name)}, expected 0 or more")
        if not 0.0 <= self.discount <= 1.0:
            raise ValueError(f"discount is {self.discount}, expected 0 to 1")


@dataclass(frozen=True, slots=True, eq=False)
class _Drives:
    """T steps of all cars (T, G * K, ...); ``running`` (T, G * K) tells which steps were really driven."""

    inputs: torch.Tensor
    actions: torch.Tensor
    log_probs: torch.Tensor
    deltas_m: torch.Tensor
    rewards: torch.Tensor
    running: torch.Tensor


class GRPOLearner:
    """Drives groups of cars with an agent and improves it; ``iterate`` does both once. The critic is not used."""

    def __init__(self, world: World, agent: PPOAgent, config: GRPOConfig, seed: int):
        if world.size != config.groups * config.members:
            raise ValueError(f"the world has {world.size} cars, expected {config.groups * config.members}")
        self.world, self.agent, self.config = world, agent, config
        self.actor = [*agent.head.parameters(), agent.log_std]
        self.optimizer = torch.optim.Adam(self.actor, lr=config.lr, eps=1e-5, fused=True)
        self.random = torch.Generator().manual_seed(seed)
        self.noise = agent.noise(world.size)
        self.episodes = 0
        self.env_steps = 0
        self._seed = seed

    def iterate(self, progress: float) -> dict[str, float]:
        """Drive all groups and learn once; ``progress`` 0..1 sets the learning rate. Returns what to log."""
        for group in self.optimizer.param_groups:
            group["lr"] = self.config.lr * max(1.0 - progress, _LAST_LR_SHARE)
        drives = self._drive()
        driven = drives.running
        log = {f"delta/{name}": value for name, value in delta_use(drives.deltas_m[driven]).items()}
        returns = drives.rewards.sum(dim=0)
        log["train/return"] = float(returns.mean())
        log["train/group_spread"] = float(returns.view(self.config.groups, -1).std(dim=1).mean())
        log |= self._learn(drives.inputs[driven], drives, self._advantages(drives)[driven])
        self.agent.norm.update(drives.inputs[driven])
        return log

    def state(self) -> dict[str, Any]:
        """Everything needed to continue with the same bits; plain data and tensors."""
        return {
            "agent": self.agent.state_dict(),
            "optimizer": self.optimizer.state_dict(),
            "random": self.random.get_state(),
            "counts": [self.episodes, self.env_steps],
            # Every iteration starts all cars anew, but where from may depend on what ended before.
            "world": self.world.state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a ``state``."""
        self.agent.load_state_dict(state["agent"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.random.set_state(state["random"])
        self.episodes, self.env_steps = state["counts"]
        self.world.restore(state["world"])

    @torch.no_grad()
    def _drive(self) -> _Drives:
        world, config = self.world, self.config
        first = self.episodes // config.members
        self.noise.restart()
        self._start_groups(episode_seeds(self._seed, first, config.groups))
        self.noise.restart()
        steps: list[tuple[torch.Tensor, ...]] = []
        running = np.ones(world.size, dtype=bool)
        while running.any() and not 0 < config.horizon <= len(steps):
            seen = world.look()
            action, log_prob = self.agent.act(seen.inputs, self.noise.draw(self.random))
            delta_m = self.agent.deltas(action, seen.plan_m)
            step = world.follow(seen.plan_m + delta_m)
            reward = torch.from_numpy(step.reward.astype(np.float32))
            steps.append((seen.inputs, action, log_prob, delta_m, reward, torch.from_numpy(running)))
            running = ~step.done
        self.episodes += world.size
        drives = _Drives(*(torch.stack(column) for column in zip(*steps, strict=True)))
        self.env_steps += int(drives.running.sum())
        return drives

    def _start_groups(self, seeds: NDArray[np.uint64]) -> None:
        """Bring every group to one start: the beginning of its seed's episode, or a place on the way."""
        members, world = self.config.members, self.world
        if not self.config.lead_in:
            world.start(np.arange(world.size), np.repeat(seeds, members))
            return
        leaders = np.arange(0, world.size, members)
        world.start(leaders, seeds)
        world.rest(np.setdiff1d(np.arange(world.size), leaders))
        steps = int(torch.randint(self.config.lead_in + 1, (), generator=self.random))
        for _ in range(steps):
            seen = world.look()
            action, _ = self.agent.act(seen.inputs, self.noise.draw(self.random))
            done = world.follow(seen.plan_m + self.agent.deltas(action, seen.plan_m)).done[leaders]
            world.start(leaders[done], seeds[done])
        self.env_steps += steps * len(leaders)
        for leader in leaders.tolist():
            world.copy(leader, np.arange(leader + 1, leader + members))

    def _advantages(self, drives: _Drives) -> torch.Tensor:
        """Compute the advantage of every step (T, G * K); those not driven have none."""
        groups = self.config.groups
        if self.config.advantage == "outcome":
            returns = drives.rewards.sum(dim=0).expand_as(drives.rewards)
        else:
            returns = losses.rewards_to_go(drives.rewards, self.config.discount)
        shape = (len(returns) * groups, self.config.members)
        by_group, running = returns.reshape(shape), drives.running.reshape(shape)
        if self.config.advantage_scale == "group":
            return losses.group_advantages(by_group).view_as(returns)
        return losses.batch_advantages(by_group, running).view_as(returns)

    def _learn(self, inputs: torch.Tensor, drives: _Drives, advantages: torch.Tensor) -> dict[str, float]:
        rows = self.agent.norm(inputs)
        actions, log_probs = drives.actions[drives.running], drives.log_probs[drives.running]
        parts = self.config.minibatches
        logs: list[dict[str, torch.Tensor]] = []
        for _ in range(self.config.epochs):
            order = torch.randperm(len(rows), generator=self.random)
            for index in order.tensor_split(parts):
                logs.append(self._step(rows[index], actions[index], log_probs[index], advantages[index]))
            if float(sum(log["kl"] for log in logs[-parts:])) / parts > self.config.target_kl:
                break
        means = {f"loss/{name}": float(torch.stack([log[name] for log in logs]).mean()) for name in logs[0]}
        return means | {"loss/epochs": len(logs) / parts}

    def _step(
        self, rows: torch.Tensor, actions: torch.Tensor, log_probs: torch.Tensor, advantages: torch.Tensor
    ) -> dict[str, torch.Tensor]:
        agent, config = self.agent, self.config
        mean = agent.mean_of(rows)
        log_ratio = losses.gaussian_log_prob(actions, mean, agent.log_std) - log_probs
        policy = losses.clipped_policy_loss(log_ratio, advantages, config.clip)
        # The untrained head's mean is zero wherever it is asked, so this is the run's first policy.
        from_sft = losses.gaussian_kl(mean, agent.log_std, torch.zeros_like(mean), agent.initial_log_std).mean()
        total = policy + config.kl_weight * from_sft
        self.optimizer.zero_grad(set_to_none=True)
        total.backward()
        norm = torch.nn.utils.clip_grad_norm_(self.actor, config.grad_clip)
        self.optimizer.step()
        with torch.no_grad():
            kl, clipped = losses.approximate_kl(log_ratio), losses.clip_fraction(log_ratio, config.clip)
            entropy = losses.gaussian_entropy(agent.log_std)
        logged = {"policy": policy, "kl_from_sft": from_sft, "entropy": entropy, "kl": kl, "clip_fraction": clipped}
        return {name: tensor.detach() for name, tensor in (logged | {"grad_norm": norm}).items()}

"""Configuration of a refinement run; the command line and a YAML file are views of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from training.rl.agent import AgentConfig
from training.rl.drive_env.config import DriveEnvConfig
from training.rl.grpo import GRPOConfig
from training.rl.ppo import PPOConfig
from training.rl.toy_config import ToyEnvConfig


@dataclass(frozen=True, slots=True)
class RefinementConfig:
    """What to refine, how, and where the artifacts go.

    ``world`` is where: the toy environment (``env``) or drives in carla_lite (``drive``). ``sft_model`` is the
    checkpoint to refine; empty means the analytic stand-in (toy only). Training ends with the iteration that completes
    ``episodes``, or ``env_steps`` if that is not 0. Every ``eval_every`` of these (0: a tenth of the run) the policy is
    judged on ``eval_episodes`` fixed episodes and saved; checkpoints go to ``checkpoint_folder`` inside ``out_dir``.
    """

    out_dir: str
    sft_model: str = ""
    world: Literal["toy", "drive"] = "toy"
    algorithm: Literal["ppo", "grpo"] = "ppo"
    episodes: int = 1000
    env_steps: int = 0
    seed: int = 0
    eval_every: int = 0
    eval_episodes: int = 200
    checkpoint_folder: str = ""
    agent: AgentConfig = field(default_factory=AgentConfig)
    ppo: PPOConfig = field(default_factory=PPOConfig)
    grpo: GRPOConfig = field(default_factory=GRPOConfig)
    env: ToyEnvConfig = field(default_factory=ToyEnvConfig)
    drive: DriveEnvConfig = field(default_factory=DriveEnvConfig)

    def __post_init__(self) -> None:
        if not self.out_dir:
            raise ValueError("out_dir is empty, expected a folder for the artifacts")
        for name in ("episodes", "eval_episodes"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}, expected 1 or more")
        for name in ("seed", "eval_every", "env_steps"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name)}, expected 0 or more")

    @property
    def budget(self) -> int:
        """How many episodes the run has, or environment steps where it counts in these."""
        return self.env_steps or self.episodes

    @property
    def unit(self) -> str:
        """What the run counts in."""
        return "env_steps" if self.env_steps else "episodes"

    @property
    def eval_interval(self) -> int:
        """Episodes, or environment steps, between evaluations."""
        return self.eval_every or max(1, self.budget // 10)

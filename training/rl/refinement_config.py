"""Configuration of a refinement run; the command line and a YAML file are views of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Literal

from training.rl.agent import AgentConfig
from training.rl.drive_env.config import DriveEnvConfig
from training.rl.grpo import GRPOConfig
from training.rl.ppo import PPOConfig
from training.rl.toy_config import ToyEnvConfig
from waypilot.config import ConfigError, config_from_mapping, config_to_dict
from waypilot.report.run_info import differing_fields

ALGORITHMS: Final = ("ppo", "grpo")
#: Where a run goes is no part of what it is: a folder may be moved.
_MOVABLE_KEYS = frozenset({"out_dir"})


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

        if self.world == "drive" and self.algorithm == "grpo" and self.grpo.groups % self.drive.workers:
            raise ValueError(
                f"grpo.groups is {self.grpo.groups}, expected a multiple of drive.workers ({self.drive.workers}): "
                "a group starts from one place, so it stays in one process"
            )

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


def differing_settings(kept: Mapping[str, Any], config: RefinementConfig) -> list[str]:
    """Name what a run that was kept (``config_to_dict``, perhaps through JSON) did otherwise than ``config`` says."""
    there, here = (
        {key: value for key, value in settings.items() if key not in _MOVABLE_KEYS}
        for settings in (_with_later_fields(kept), config_to_dict(config))
    )
    return [f"{where} ({was!r} there, {now!r} here)" for where, was, now in differing_fields(there, here, "")]


def _with_later_fields(kept: Mapping[str, Any]) -> Mapping[str, Any]:
    """Add the defaults of fields that did not exist when a run was kept: they are what it did."""
    try:
        return config_to_dict(config_from_mapping(RefinementConfig, kept))
    except ConfigError:  # of a version that had other fields or bounds: told field by field
        return kept

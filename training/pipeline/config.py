"""Budgets of the chain; the command line and a YAML file are views of them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class PipelineConfig:
    """How much of everything. The defaults make a policy that drives, in an hour or less on two cores.

    ``train_towns`` are trained on; the drives in ``held_out_town`` judge the SFT network and select the delta head.
    A drive ends after ``max_drive_s`` of simulated time. ``scenarios`` are those of ``suite`` that the refined policy
    drives, empty for all. ``num_threads`` 0 leaves torch's choice; one gives the same bits for any number of cores.
    """

    out_dir: str = "out/pipeline"
    seed: int = 0
    train_towns: tuple[str, ...] = ("Lite02", "generate:1", "generate:2")
    held_out_town: str = "Lite03"
    train_drives_per_town: int = 16
    held_out_drives: int = 6
    max_drive_s: float = 60.0
    pretrain_steps: int = 200
    sft_steps: int = 1500
    batch_size: int = 32
    rl_episodes: int = 2000
    rl_eval_episodes: int = 200
    suite: str = "standard"
    scenarios: tuple[str, ...] = ("straight_clear", "turn_clear")
    num_threads: int = 1
    stage_timeout_s: float = 3600.0

    def __post_init__(self) -> None:
        if not self.out_dir:
            raise ValueError("out_dir is empty, expected a folder for the artifacts")
        for name in ("train_drives_per_town", "held_out_drives", "pretrain_steps", "sft_steps", "rl_episodes"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} is {getattr(self, name)}, expected 1 or more")
        for name in ("max_drive_s", "stage_timeout_s", "rl_eval_episodes"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} is {getattr(self, name)}, expected a positive number")
        if self.batch_size < 2:
            raise ValueError(f"batch_size is {self.batch_size}, expected 2 or more: pre-training compares samples")
        for name in ("seed", "num_threads"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name)}, expected 0 or more")
        self._check_towns()

    def _check_towns(self) -> None:
        if not self.train_towns or not self.held_out_town:
            raise ValueError("train_towns and held_out_town are needed: drives to learn from and drives to judge by")
        towns = (*self.train_towns, self.held_out_town)
        if len(set(towns)) != len(towns):
            raise ValueError(f"a town stands twice in {', '.join(towns)}; judge by roads that were not trained on")


SMOKE_BUDGET: dict[str, object] = {
    "train_towns": ["Lite02"],
    "train_drives_per_town": 1,
    "held_out_drives": 1,
    "max_drive_s": 12.0,
    "pretrain_steps": 3,
    "sft_steps": 3,
    "batch_size": 8,
    "rl_episodes": 40,
    "rl_eval_episodes": 20,
    "scenarios": ["straight_clear"],
}
"""Just enough to see every stage work; what comes out cannot drive."""

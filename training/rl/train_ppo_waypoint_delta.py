"""Refine a waypoint policy with PPO: only the delta head learns, the SFT network stays as it is.

    python -m training.rl.train_ppo_waypoint_delta --sft-model out/sft_waypoint_bc_torch_v0/model.pt \
        --out-dir out/rl_delta_waypoint_v0 --episodes 1000

Leaves checkpoint_*.pt and the artifacts that ``RLRefinementTrainer`` lists in --out-dir.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from training.models.heads import DeltaWaypointHead
from training.rl.agent import PPOAgent
from training.rl.base_plan import SFTWaypointWrapper
from training.rl.command_line import train

__all__ = ["DeltaWaypointHead", "PPOAgent", "SFTWaypointWrapper", "main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Train; returns 0, or 1 with a message."""
    return train("train_ppo_waypoint_delta", "Refine a waypoint policy with PPO.", {"algorithm": "ppo"}, argv)


if __name__ == "__main__":
    sys.exit(main())

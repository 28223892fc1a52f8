"""Refine a waypoint policy with GRPO: groups of drives from the same start instead of a critic.

    python -m training.rl.train_grpo_waypoint_delta --sft-model out/sft_waypoint_bc_torch_v0/model.pt \
        --out-dir out/rl_delta_waypoint_grpo_v0 --episodes 1000

Leaves checkpoint_*.pt and the artifacts that ``RLRefinementTrainer`` lists in --out-dir.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from training.rl.command_line import train


def main(argv: Sequence[str] | None = None) -> int:
    """Train; returns 0, or 1 with a message."""
    return train("train_grpo_waypoint_delta", "Refine a waypoint policy with GRPO.", {"algorithm": "grpo"}, argv)


if __name__ == "__main__":
    sys.exit(main())

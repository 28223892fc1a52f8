"""One refinement run with its artifacts in a folder of their own.

    python -m training.rl.rl_refinement_stub --out-dir out/rl_refinement/run_001 --episodes 50 --seed 42
    python -m training.rl.rl_refinement_stub --sft-model out/sft_waypoint_bc_torch_v0/model.pt \
        --out-dir out/rl_refinement/run_sft_init --episodes 200 --seed 42

Writes config.json, metrics.json (the evaluation at every interval), train_metrics.json (summary), final.pt and
checkpoints/. The command keeps the name under which it is known; nothing in it is a stub.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

from training.rl.command_line import train
from training.rl.refinement import RLRefinementTrainer

__all__ = ["RLRefinementTrainer", "main"]


def main(argv: Sequence[str] | None = None) -> int:
    """Train; returns 0, or 1 with a message."""
    fixed = {"checkpoint_folder": "checkpoints"}
    return train("rl_refinement_stub", "Refine a waypoint policy by reinforcement learning.", fixed, argv)


if __name__ == "__main__":
    sys.exit(main())

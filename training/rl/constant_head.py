"""Make a delta head that always asks for the same change of speed: the control beside heads that learned when.

    python -m training.rl.constant_head --sft-model checkpoints/sft_traffic_base_v1.pt --change-mps=-1 \
        --output out/slower.pt

Whoever drives more slowly hits less, without having learned anything. Such heads tell how much of a gain that
explains; ``judge_heads`` and the evaluation take them as any other.
Exit codes: 0 written, 2 a file or the command line cannot be used.
"""

from __future__ import annotations

import argparse
import math
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from training.models.checkpoint import (
    KIND_DELTA,
    KIND_SFT,
    Checkpoint,
    CheckpointError,
    load_checkpoint,
    save_checkpoint,
)
from training.models.config import WaypointModelConfig
from training.models.heads import DeltaWaypointHead
from training.models.path_delta import PathDeltaConfig
from waypilot.config import config_from_mapping, config_to_dict

EXIT_UNUSABLE = 2
#: The wish that gives the change: its tanh must stay off the ends, where it has no exact inverse.
_WISH = 0.5


def constant_head(sft: Checkpoint, change_mps: float) -> Checkpoint:
    """Build a head over ``sft`` that changes every planned speed by ``change_mps``, never below standing.

    Raises ValueError for a change of zero, which is the network alone, or one that is no number.
    """
    if not change_mps or not math.isfinite(change_mps):
        raise ValueError(f"change_mps is {change_mps}, expected a number other than zero")
    model = config_from_mapping(WaypointModelConfig, sft.model)
    bound_mps = abs(change_mps) / _WISH
    path = PathDeltaConfig(dt_s=model.waypoint_dt_s, slower_mps=bound_mps, faster_mps=bound_mps, lateral_m=0.0)
    sizes: dict[str, Any] = {
        "latent_dim": model.latent_dim,
        "num_waypoints": model.num_waypoints,
        "num_modes": 1,
        "path": config_to_dict(path),
    }
    head = DeltaWaypointHead(**sizes)
    with torch.no_grad():
        for parameter in head.hidden.parameters():
            parameter.zero_()  # it counts for nothing; equal commands shall write equal files
        head.last.bias[0] = math.copysign(math.atanh(_WISH), change_mps)
    training = {"sft_sha256": sft.sha256, "constant_change_mps": change_mps}
    return Checkpoint(KIND_DELTA, sizes, head.state_dict(), sft.cameras, training)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the head; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m training.rl.constant_head",
        description="Make a delta head that always asks for the same change of speed, a control for learned ones.",
    )
    parser.add_argument("--sft-model", type=Path, required=True, metavar="PT", help="the frozen network")
    parser.add_argument("--change-mps", type=float, required=True, help="change of the planned speed, m/s")
    parser.add_argument("--output", type=Path, required=True, metavar="PT", help="where the head goes")
    options = parser.parse_args(arguments)
    try:
        head = constant_head(load_checkpoint(options.sft_model, KIND_SFT), options.change_mps)
        options.output.parent.mkdir(parents=True, exist_ok=True)
        save_checkpoint(options.output, head)
    except (CheckpointError, ValueError, OSError) as error:
        sys.stderr.write(f"error: {error}\n")
        return EXIT_UNUSABLE
    return 0


if __name__ == "__main__":
    sys.exit(main())

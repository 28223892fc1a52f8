"""Pre-train the camera encoder on drives without using their labels.

    python -m training.pretrain.train --episodes-glob "out/episodes/**/*.json" --out-dir out/pretrain_v0
    python -m training.sft.train_waypoint_bc_torch_v0 --init-encoder out/pretrain_v0/encoder.pt

Leaves encoder.pt, config.json, metrics.json, train.log, state.pt and TensorBoard logs in --out-dir.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from functools import partial

from training.pretrain.config import PretrainConfig
from training.pretrain.trainer import ENCODER_FILE, PretrainTrainer
from training.run_config import read_run, run_parser
from training.run_trainer import run_command

_OPTIONS: dict[str, str] = {
    "batch_size": "pairs of images per step",
    "seed": "seed of weights, order, pairs and augmentation",
    "val_fraction": "share of the routes held out; use that of the SFT trainer",
    "min_gap_s": "shortest time between the images of a pair",
    "max_gap_s": "longest time between the images of a pair",
    "variance_weight": "weight of the term that keeps every feature varying",
    "covariance_weight": "weight of the term that keeps features different from each other",
}


def parse_arguments(argv: Sequence[str] | None) -> tuple[PretrainConfig, bool]:
    """Read the command line: the configuration, and whether to resume."""
    words = ("training.pretrain.train", "Pre-train the camera encoder without labels.")
    return read_run(run_parser(PretrainConfig, *words, _OPTIONS), PretrainConfig, argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Pre-train; returns 0, or 1 with a message when data or state cannot be used or the loss explodes."""
    config, resume = parse_arguments(argv)
    return run_command(partial(PretrainTrainer, config), config, resume, ENCODER_FILE)


if __name__ == "__main__":
    sys.exit(main())

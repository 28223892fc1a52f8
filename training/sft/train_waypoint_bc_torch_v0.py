"""Train a waypoint policy by behaviour cloning.

    python -m training.sft.train_waypoint_bc_torch_v0 --episodes-glob "out/episodes/**/*.json" \
        --batch-size 32 --num-steps 200
    torchrun --standalone --nproc-per-node 2 -m training.sft.train_waypoint_bc_torch_v0 ...

Leaves model.pt, config.json, metrics.json, train.log, state.pt and TensorBoard logs in --out-dir.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from functools import partial

from training.run_config import read_run, run_parser
from training.run_trainer import run_command
from training.sft.config import SftConfig
from training.sft.processes import join_processes
from training.sft.trainer import MODEL_FILE, SftTrainer

_OPTIONS: dict[str, str] = {
    "batch_size": "samples per step, of all processes together",
    "num_steps": "steps to train; 0: --epochs decides",
    "epochs": "passes over the data when --num-steps is 0",
    "ema_decay": "decay of the weight average that is saved; 0: none",
    "lateral_weight": "weight of errors across the path against those along it",
    "change_weight": "how much more frames count whose plan changes the speed; 0: all alike",
    "ahead_weight": "weight of the auxiliary task: to tell road users, lamps and stop signs ahead; 0: off",
    "time_constant_s": "seconds after which a waypoint counts e times less",
    "label_fraction": "share of the training drives whose labels are used",
    "init_encoder": "encoder checkpoint to start from (training.pretrain); empty: random weights",
    "init_model": "SFT checkpoint to start from, which may crop more; empty: random weights",
    "shift_m": "augmentation: view and waypoints from up to so far beside; 0: off",
    "turn_rad": "augmentation: view and waypoints turned by up to so much; 0: off",
    "crop_top_px": "rows of sky cut off the images; what remains, halved, must be a multiple of 16",
    "amp": "mixed precision (bfloat16); auto: on GPUs that have it, on, off",
}


def parse_arguments(argv: Sequence[str] | None) -> tuple[SftConfig, bool]:
    """Read the command line: the configuration, and whether to resume."""
    words = ("training.sft.train_waypoint_bc_torch_v0", "Train a waypoint policy by behaviour cloning.")
    parser = run_parser(SftConfig, *words, _OPTIONS)
    parser.add_argument("--use-target-point", action="store_true", help="feed the next sparse route point as well")
    parser.add_argument("--no-cameras", dest="use_cameras", action="store_false", help="baseline of ego state only")
    return read_run(parser, SftConfig, argv)


def main(argv: Sequence[str] | None = None) -> int:
    """Train; returns 0, or 1 with a message when data or state cannot be used or the loss explodes."""
    config, resume = parse_arguments(argv)
    try:
        with join_processes(config.device) as processes:
            make = partial(SftTrainer, config, processes=processes)
            return run_command(make, config, resume, MODEL_FILE, processes.is_first, processes.count == 1)
    except ValueError as error:
        logging.error("%s", error)
        return 1


if __name__ == "__main__":
    sys.exit(main())

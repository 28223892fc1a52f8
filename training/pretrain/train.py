"""Pre-train the camera encoder on drives without using their labels.

    python -m training.pretrain.train --episodes-glob "out/episodes/**/*.json" --out-dir out/pretrain_v0
    python -m training.sft.train_waypoint_bc_torch_v0 --init-encoder out/pretrain_v0/encoder.pt

Leaves encoder.pt, config.json, metrics.json, train.log, state.pt and TensorBoard logs in --out-dir.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Sequence
from pathlib import Path

from training.models.checkpoint import CheckpointError
from training.pretrain.config import PretrainConfig
from training.pretrain.trainer import ENCODER_FILE, PretrainTrainer
from training.run_setup import logging_to, progress_bar
from waypilot.episodes import EpisodeError

_DEFAULTS = PretrainConfig()
_OPTIONS: dict[str, str] = {
    "episodes_glob": "pattern of the episode files",
    "out_dir": "where the artifacts go",
    "batch_size": "pairs of images per step",
    "num_steps": "steps to train",
    "lr": "peak learning rate (AdamW, linear warm-up, cosine decay)",
    "weight_decay": "decoupled weight decay",
    "warmup_steps": "steps of warm-up, at most a tenth of the run",
    "grad_clip": "largest norm of the gradient",
    "min_gap_s": "shortest time between the images of a pair",
    "max_gap_s": "longest time between the images of a pair",
    "variance_weight": "weight of the term that keeps every feature varying",
    "covariance_weight": "weight of the term that keeps features different from each other",
    "seed": "seed of weights, order, pairs and augmentation",
    "val_fraction": "share of the routes held out; use that of the SFT trainer",
    "val_every_steps": "steps between validations and saves",
    "device": "cpu or cuda",
    "num_workers": "processes that decode images when they do not fit --cache-gib",
    "num_threads": "torch threads; 0: torch's choice",
    "cache_gib": "keep decoded images in memory up to this size",
}


def parse_arguments(argv: Sequence[str] | None) -> tuple[PretrainConfig, bool]:
    """Read the command line: the configuration, and whether to resume."""
    parser = argparse.ArgumentParser(
        prog="python -m training.pretrain.train",
        description="Pre-train the camera encoder without labels.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    for name, text in _OPTIONS.items():
        default = getattr(_DEFAULTS, name)
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(default), default=default, help=text)
    parser.add_argument("--val-towns", nargs="*", default=(), help="towns held out whole")
    parser.add_argument("--sources", nargs="*", default=(), help="use drives of these sources only, as carla_expert")
    parser.add_argument("--no-augment", dest="augment", action="store_false", help="train on the images as they are")
    parser.add_argument("--resume", action="store_true", help="continue the run in --out-dir")
    values = vars(parser.parse_args(argv))
    resume = values.pop("resume")
    values |= {name: tuple(values[name]) for name in ("val_towns", "sources")}
    try:
        return PretrainConfig(**values), resume
    except ValueError as error:
        parser.error(str(error))


def main(argv: Sequence[str] | None = None) -> int:
    """Pre-train; returns 0, or 1 with a message when data or state cannot be used."""
    config, resume = parse_arguments(argv)
    with logging_to(Path(config.out_dir)):
        try:
            trainer = PretrainTrainer(config)
            if resume:
                trainer.resume()
            with progress_bar("pre-train", trainer.step, config.num_steps) as show:
                trainer.run(show)
        except (EpisodeError, CheckpointError) as error:
            logging.error("%s", error)
            return 1
        logging.info("wrote %s", trainer.out_dir / ENCODER_FILE)
    return 0


if __name__ == "__main__":
    sys.exit(main())

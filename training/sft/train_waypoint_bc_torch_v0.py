"""Train a waypoint policy by behaviour cloning.

    python -m training.sft.train_waypoint_bc_torch_v0 --episodes-glob "out/episodes/**/*.json" \
        --batch-size 32 --num-steps 200
    torchrun --standalone --nproc-per-node 2 -m training.sft.train_waypoint_bc_torch_v0 ...

Leaves model.pt, config.json, metrics.json, train.log, state.pt and TensorBoard logs in --out-dir.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

from training.run_setup import logging_to, progress_bar
from training.sft.config import SftConfig
from training.sft.processes import Processes, join_processes
from training.sft.trainer import SftTrainer

_DEFAULTS = SftConfig()
_OPTIONS: dict[str, str] = {
    "episodes_glob": "pattern of the episode files",
    "out_dir": "where the artifacts go",
    "batch_size": "samples per step, of all processes together",
    "num_steps": "steps to train; 0: --epochs decides",
    "epochs": "passes over the data when --num-steps is 0",
    "lr": "peak learning rate (AdamW, linear warm-up, cosine decay)",
    "weight_decay": "decoupled weight decay",
    "warmup_steps": "steps of warm-up, at most a tenth of the run",
    "grad_clip": "largest norm of the gradient",
    "ema_decay": "decay of the weight average that is saved; 0: none",
    "lateral_weight": "weight of errors across the path against those along it",
    "time_constant_s": "seconds after which a waypoint counts e times less",
    "seed": "seed of weights, order and augmentation",
    "val_fraction": "share of the routes held out for validation",
    "label_fraction": "share of the training drives whose labels are used",
    "init_encoder": "encoder checkpoint to start from (training.pretrain); empty: random weights",
    "val_every_steps": "steps between validations and saves",
    "device": "cpu or cuda",
    "amp": "auto: mixed precision (bfloat16) on GPUs that have it; off: never",
    "num_workers": "processes that decode images when they do not fit --cache-gib",
    "num_threads": "torch threads; 0: torch's choice",
    "cache_gib": "keep decoded images in memory up to this size",
}


def parse_arguments(argv: Sequence[str] | None) -> tuple[SftConfig, bool]:
    """Read the command line: the configuration, and whether to resume."""
    parser = argparse.ArgumentParser(
        prog="python -m training.sft.train_waypoint_bc_torch_v0",
        description="Train a waypoint policy by behaviour cloning.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    for name, text in _OPTIONS.items():
        default = getattr(_DEFAULTS, name)
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(default), default=default, help=text)
    parser.add_argument("--val-towns", nargs="*", default=(), help="towns held out whole for validation")
    parser.add_argument("--sources", nargs="*", default=(), help="use drives of these sources only, as carla_expert")
    parser.add_argument("--use-target-point", action="store_true", help="feed the next sparse route point as well")
    parser.add_argument("--no-cameras", dest="use_cameras", action="store_false", help="baseline of ego state only")
    parser.add_argument("--no-augment", dest="augment", action="store_false", help="train on the images as they are")
    parser.add_argument("--resume", action="store_true", help="continue the run in --out-dir")
    values = vars(parser.parse_args(argv))
    resume = values.pop("resume")
    values |= {name: tuple(values[name]) for name in ("val_towns", "sources")}
    try:
        return SftConfig(**values), resume
    except ValueError as error:
        parser.error(str(error))


def main(argv: Sequence[str] | None = None) -> int:
    """Train; returns 0, or 1 with a message when data or state cannot be used or the loss explodes."""
    config, resume = parse_arguments(argv)
    try:
        with join_processes(config.device) as processes:
            return _train(config, resume, processes)
    except ValueError as error:
        logging.error("%s", error)
        return 1


def _train(config: SftConfig, resume: bool, processes: Processes) -> int:
    with logging_to(Path(config.out_dir)) if processes.is_first else nullcontext():
        try:
            trainer = SftTrainer(config, processes=processes)
            if resume:
                trainer.resume()
            with _progress(trainer, processes) as show:
                trainer.run(show)
        except (ValueError, FloatingPointError) as error:
            logging.error("%s", error)
            return 1
        logging.info("wrote %s", trainer.out_dir / "model.pt")
    return 0


def _progress(trainer: SftTrainer, processes: Processes) -> AbstractContextManager[Callable[[int, int, float], None]]:
    if processes.is_first:
        return progress_bar("train", trainer.step, trainer.num_steps)
    return nullcontext(lambda step, num_steps, loss: None)


if __name__ == "__main__":
    sys.exit(main())

"""Train a waypoint policy by behaviour cloning.

    python -m training.sft.train_waypoint_bc_torch_v0 --episodes-glob "out/episodes/**/*.json" \
        --batch-size 32 --num-steps 200

Leaves model.pt, config.json, metrics.json, train.log, state.pt and TensorBoard logs in --out-dir.
"""

from __future__ import annotations

import argparse
import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from training.models.checkpoint import CheckpointError
from training.sft.config import SftConfig
from training.sft.trainer import SftTrainer
from waypilot.episodes import EpisodeError

_DEFAULTS = SftConfig()
_OPTIONS: dict[str, str] = {
    "episodes_glob": "pattern of the episode files",
    "out_dir": "where the artifacts go",
    "batch_size": "samples per step",
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
    "val_every_steps": "steps between validations and saves",
    "device": "cpu or cuda",
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
    parser.add_argument("--use-target-point", action="store_true", help="feed the next sparse route point as well")
    parser.add_argument("--no-augment", dest="augment", action="store_false", help="train on the images as they are")
    parser.add_argument("--resume", action="store_true", help="continue the run in --out-dir")
    values = vars(parser.parse_args(argv))
    resume = values.pop("resume")
    values["val_towns"] = tuple(values["val_towns"])
    try:
        return SftConfig(**values), resume
    except ValueError as error:
        parser.error(str(error))


def main(argv: Sequence[str] | None = None) -> int:
    """Train; returns 0, or 1 with a message when data or state cannot be used."""
    config, resume = parse_arguments(argv)
    with _logging_to(Path(config.out_dir)):
        try:
            trainer = SftTrainer(config)
            if resume:
                trainer.resume()
            _run_with_progress(trainer)
        except (EpisodeError, CheckpointError) as error:
            logging.error("%s", error)
            return 1
        logging.info("wrote %s", trainer.out_dir / "model.pt")
    return 0


def _run_with_progress(trainer: SftTrainer) -> None:
    columns = (
        TextColumn("loss {task.fields[loss]:.4f}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("train", total=trainer.num_steps, completed=trainer.step, loss=float("nan"))

        def show(step: int, num_steps: int, loss: float) -> None:
            progress.update(task, completed=step, loss=loss)
            if step % max(1, num_steps // 50) == 0:
                logging.info("step %d of %d: loss %.4f", step, num_steps, loss)

        trainer.run(show)


@contextmanager
def _logging_to(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    root = logging.getLogger()
    handlers = [logging.FileHandler(folder / "train.log", encoding="utf-8"), logging.StreamHandler()]
    level = root.level
    root.setLevel(logging.INFO)
    for handler in handlers:
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        root.addHandler(handler)
    try:
        yield
    finally:
        root.setLevel(level)
        for handler in handlers:
            root.removeHandler(handler)
            handler.close()


if __name__ == "__main__":
    sys.exit(main())

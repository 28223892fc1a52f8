"""What the configurations of all training runs on episodes share, and the command line as a view of them."""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from training.data.augment import AugmentConfig

ConfigType = TypeVar("ConfigType", bound="RunConfig")


@dataclass(frozen=True, slots=True)
class RunConfig:
    """How to train. ``backbone`` names the camera encoder, ``num_threads`` 0 leaves torch's choice.

    Drives of ``sources`` (empty: of all) are used. ``val_towns`` are held out whole, ``val_fraction`` of the routes of
    the other towns as well.
    """

    episodes_glob: str = "out/episodes/**/*.json"
    out_dir: str = "out/run"
    backbone: str = "residual"
    batch_size: int = 32
    num_steps: int = 0
    lr: float = 1e-3
    weight_decay: float = 1e-2
    warmup_steps: int = 100
    grad_clip: float = 1.0
    seed: int = 0
    val_fraction: float = 0.1
    val_towns: tuple[str, ...] = ()
    val_every_steps: int = 1000
    sources: tuple[str, ...] = ()
    augment: bool = True
    augmentation: AugmentConfig = field(default_factory=AugmentConfig)
    device: str = "cpu"
    num_workers: int = 0
    num_threads: int = 0
    cache_gib: float = 4.0

    def __post_init__(self) -> None:
        self.require_positive("batch_size", "val_every_steps", "lr", "grad_clip")
        self.require_not_negative(
            "num_steps", "warmup_steps", "num_workers", "num_threads", "weight_decay", "cache_gib"
        )
        if not 0.0 <= self.val_fraction < 1.0:
            raise ValueError(f"val_fraction is {self.val_fraction}, expected 0 to below 1")

    def require_positive(self, *names: str) -> None:
        """Raise ValueError for the first field that is not above 0."""
        for name in names:
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} is {getattr(self, name)}, expected a positive number")

    def require_not_negative(self, *names: str) -> None:
        """Raise ValueError for the first field that is below 0."""
        for name in names:
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name)}, expected 0 or more")


_COMMON_OPTIONS: dict[str, str] = {
    "episodes_glob": "pattern of the episode files",
    "out_dir": "where the artifacts go",
    "backbone": "camera encoder (training/models/encoder.py): residual, plain, deep",
    "batch_size": "samples per step",
    "num_steps": "steps to train",
    "lr": "peak learning rate (AdamW, linear warm-up, cosine decay)",
    "weight_decay": "decoupled weight decay",
    "warmup_steps": "steps of warm-up, at most a tenth of the run",
    "grad_clip": "largest norm of the gradient",
    "seed": "seed of weights, order and augmentation",
    "val_fraction": "share of the routes held out for validation",
    "val_every_steps": "steps between validations and saves",
    "device": "cpu or cuda",
    "num_workers": "processes that decode images when they do not fit --cache-gib",
    "num_threads": "torch threads; 0: torch's choice",
    "cache_gib": "keep decoded images in memory up to this size",
}


def run_parser(
    config: type[RunConfig], prog: str, description: str, options: Mapping[str, str]
) -> argparse.ArgumentParser:
    """Make the parser of a training command; ``options`` are help texts of further fields, or other words for one."""
    parser = argparse.ArgumentParser(
        prog=f"python -m {prog}", description=description, formatter_class=argparse.ArgumentDefaultsHelpFormatter
    )
    defaults = config()
    for name, text in {**_COMMON_OPTIONS, **options}.items():
        default = getattr(defaults, name)
        parser.add_argument(f"--{name.replace('_', '-')}", type=type(default), default=default, help=text)
    parser.add_argument("--val-towns", nargs="*", default=(), help="towns held out whole for validation")
    parser.add_argument("--sources", nargs="*", default=(), help="use drives of these sources only, as carla_expert")
    parser.add_argument("--no-augment", dest="augment", action="store_false", help="train on the images as they are")
    parser.add_argument("--resume", action="store_true", help="continue the run in --out-dir")
    return parser


def read_run(
    parser: argparse.ArgumentParser, config: type[ConfigType], argv: Sequence[str] | None
) -> tuple[ConfigType, bool]:
    """Read the command line: the configuration, and whether to resume. Exits with code 2 when it cannot be used."""
    values: dict[str, Any] = vars(parser.parse_args(argv))
    resume = values.pop("resume")
    values |= {name: tuple(values[name]) for name in ("val_towns", "sources")}
    try:
        return config(**values), resume
    except ValueError as error:
        parser.error(str(error))

"""Configuration of the pre-training; the command line is a view of it."""

from __future__ import annotations

from dataclasses import dataclass

from training.run_config import RunConfig


@dataclass(frozen=True, slots=True)
class PretrainConfig(RunConfig):
    """How to pre-train.

    A sample is two images of one camera, ``min_gap_s`` to ``max_gap_s`` apart; ``batch_size`` counts such pairs.
    ``variance_weight`` and ``covariance_weight`` keep the features from collapsing. The SFT trainer holds out the same
    drives for the same ``val_fraction`` and ``val_towns``: the encoder never sees them either.
    """

    out_dir: str = "out/pretrain_v0"
    num_steps: int = 3000
    val_every_steps: int = 500
    min_gap_s: float = 0.4
    max_gap_s: float = 2.0
    variance_weight: float = 0.1
    covariance_weight: float = 0.004

    def __post_init__(self) -> None:
        RunConfig.__post_init__(self)
        self.require_positive("num_steps")
        self.require_not_negative("variance_weight", "covariance_weight")
        if self.batch_size < 2:
            raise ValueError(f"batch_size is {self.batch_size}, expected 2 or more pairs")
        if not 0.0 < self.min_gap_s <= self.max_gap_s:
            raise ValueError(f"gaps are {self.min_gap_s} to {self.max_gap_s} s, expected 0 < min <= max")

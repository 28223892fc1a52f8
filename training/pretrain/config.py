"""Configuration of the pre-training; the command line is a view of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from training.data.augment import AugmentConfig


@dataclass(frozen=True, slots=True)
class PretrainConfig:
    """How to pre-train. ``num_threads`` 0 leaves torch's choice.

    A sample is two images of one camera, ``min_gap_s`` to ``max_gap_s`` apart; ``batch_size`` counts such pairs.
    ``variance_weight`` and ``covariance_weight`` keep the features from collapsing. Drives of ``sources`` (empty: of
    all) are used, but not those that ``val_fraction`` and ``val_towns`` hold out. The SFT trainer holds out the same:
    the encoder never sees them either.
    """

    episodes_glob: str = "out/episodes/**/*.json"
    out_dir: str = "out/pretrain_v0"
    batch_size: int = 32
    num_steps: int = 3000
    lr: float = 1e-3
    weight_decay: float = 1e-2
    warmup_steps: int = 100
    grad_clip: float = 1.0
    min_gap_s: float = 0.4
    max_gap_s: float = 2.0
    variance_weight: float = 0.1
    covariance_weight: float = 0.004
    seed: int = 0
    val_fraction: float = 0.1
    val_towns: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    val_every_steps: int = 500
    augment: bool = True
    augmentation: AugmentConfig = field(default_factory=AugmentConfig)
    device: str = "cpu"
    num_workers: int = 0
    num_threads: int = 0
    cache_gib: float = 4.0

    def __post_init__(self) -> None:
        for name in ("num_steps", "val_every_steps", "lr", "grad_clip"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} is {getattr(self, name)}, expected a positive number")
        if self.batch_size < 2:
            raise ValueError(f"batch_size is {self.batch_size}, expected 2 or more pairs")
        for name in ("warmup_steps", "num_workers", "num_threads", "weight_decay", "cache_gib"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name)}, expected 0 or more")
        for name in ("variance_weight", "covariance_weight"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name)}, expected 0 (off) or more")
        if not 0.0 < self.min_gap_s <= self.max_gap_s:
            raise ValueError(f"gaps are {self.min_gap_s} to {self.max_gap_s} s, expected 0 < min <= max")
        if not 0.0 <= self.val_fraction < 1.0:
            raise ValueError(f"val_fraction is {self.val_fraction}, expected 0 to below 1")

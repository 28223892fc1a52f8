"""Configuration of the SFT trainer; the command line is a view of it."""

from __future__ import annotations

from dataclasses import dataclass, field

from training.data.augment import AugmentConfig


@dataclass(frozen=True, slots=True)
class SftConfig:
    """How to train. ``num_steps`` 0 means ``epochs`` passes over the data; ``num_threads`` 0 leaves torch's choice.

    Drives of ``sources`` (empty: of all) are used. ``val_towns`` are held out whole, ``val_fraction`` of the routes of
    the other towns as well. ``label_fraction`` of the remaining drives are trained on (the seed chooses, whole drives).
    ``init_encoder`` is an encoder checkpoint to start from, empty for random weights. ``use_cameras`` False trains the
    baseline that sees speed and command only. ``amp`` ``auto`` computes in bfloat16 on GPUs that have it, ``off``
    never. ``batch_size`` counts the samples of all processes together.
    """

    episodes_glob: str = "out/episodes/**/*.json"
    out_dir: str = "out/sft_waypoint_bc_torch_v0"
    batch_size: int = 32
    num_steps: int = 0
    epochs: int = 10
    lr: float = 1e-3
    weight_decay: float = 1e-2
    warmup_steps: int = 100
    grad_clip: float = 1.0
    ema_decay: float = 0.999
    lateral_weight: float = 3.0
    time_constant_s: float = 4.0
    seed: int = 0
    val_fraction: float = 0.1
    val_towns: tuple[str, ...] = ()
    val_every_steps: int = 1000
    sources: tuple[str, ...] = ()
    label_fraction: float = 1.0
    init_encoder: str = ""
    use_cameras: bool = True
    use_target_point: bool = False
    augment: bool = True
    augmentation: AugmentConfig = field(default_factory=AugmentConfig)
    device: str = "cpu"
    amp: str = "auto"
    num_workers: int = 0
    num_threads: int = 0
    cache_gib: float = 4.0

    def __post_init__(self) -> None:
        for name in ("batch_size", "epochs", "val_every_steps", "lr", "grad_clip", "time_constant_s"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} is {getattr(self, name)}, expected a positive number")
        for name in ("num_steps", "warmup_steps", "num_workers", "num_threads", "weight_decay", "lateral_weight"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} is {getattr(self, name)}, expected 0 or more")
        if not 0.0 <= self.val_fraction < 1.0:
            raise ValueError(f"val_fraction is {self.val_fraction}, expected 0 to below 1")
        if not 0.0 < self.label_fraction <= 1.0:
            raise ValueError(f"label_fraction is {self.label_fraction}, expected above 0 to 1")
        if self.init_encoder and not self.use_cameras:
            raise ValueError("init_encoder is given, but use_cameras is off: a network without cameras has no encoder")
        if self.amp not in ("auto", "off"):
            raise ValueError(f"amp is {self.amp!r}, expected 'auto' or 'off'")
        if not 0.0 <= self.ema_decay < 1.0:
            raise ValueError(f"ema_decay is {self.ema_decay}, expected 0 (off) to below 1")

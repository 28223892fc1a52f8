"""Configuration of the SFT trainer; the command line is a view of it."""

from __future__ import annotations

from dataclasses import dataclass

from training.run_config import RunConfig


@dataclass(frozen=True, slots=True)
class SftConfig(RunConfig):
    """How to train. ``num_steps`` 0 means ``epochs`` passes over the data.

    ``label_fraction`` of the drives that are not held out are trained on (the seed chooses, whole drives).
    ``init_encoder`` is an encoder checkpoint to start from, ``init_model`` an SFT checkpoint (``warm_start.py``); empty
    for random weights. The top ``crop_top_px`` rows of every picture are not looked at. ``use_cameras`` False trains
    the baseline that sees speed and command only. ``amp``: ``auto`` computes in bfloat16 on GPUs that have it, ``on``
    everywhere, ``off`` never. ``batch_size`` counts the samples of all processes together. ``shift_m`` and ``turn_rad``
    bound by how much augmentation moves the vehicle aside and turns it, images and waypoints with it; 0 is off.
    Samples whose plan changes the speed count up to 1 + ``change_weight`` times as much (``losses.change_weights``).
    ``ahead_weight`` weighs the auxiliary task, to tell what is ahead (``ahead.py``), for drives that know it; 0 is off.
    """

    out_dir: str = "out/sft_waypoint_bc_torch_v0"
    epochs: int = 10
    ema_decay: float = 0.999
    lateral_weight: float = 3.0
    time_constant_s: float = 4.0
    change_weight: float = 0.0
    ahead_weight: float = 0.0
    label_fraction: float = 1.0
    init_encoder: str = ""
    init_model: str = ""
    crop_top_px: int = 52
    use_cameras: bool = True
    use_target_point: bool = False
    amp: str = "auto"
    shift_m: float = 0.0
    turn_rad: float = 0.0

    def __post_init__(self) -> None:
        RunConfig.__post_init__(self)
        self.require_positive("epochs", "time_constant_s")
        self.require_not_negative(
            "lateral_weight", "change_weight", "ahead_weight", "shift_m", "turn_rad", "crop_top_px"
        )
        if not 0.0 < self.label_fraction <= 1.0:
            raise ValueError(f"label_fraction is {self.label_fraction}, expected above 0 to 1")
        if self.init_encoder and not self.use_cameras:
            raise ValueError("init_encoder is given, but use_cameras is off: a network without cameras has no encoder")
        if self.ahead_weight and not self.use_cameras:
            raise ValueError(
                "ahead_weight is given, but use_cameras is off: a network without cameras cannot see ahead"
            )
        if self.init_encoder and self.init_model:
            raise ValueError("init_encoder and init_model are both given: the model brings its encoder, give one")
        if self.amp not in ("auto", "on", "off"):
            raise ValueError(f"amp is {self.amp!r}, expected 'auto', 'on' or 'off'")
        if not 0.0 <= self.ema_decay < 1.0:
            raise ValueError(f"ema_decay is {self.ema_decay}, expected 0 (off) to below 1")

"""What a waypoint network looks like; travels inside its checkpoint."""

from __future__ import annotations

from dataclasses import dataclass

from waypilot.types import RouteCommand

COMMANDS: tuple[RouteCommand, ...] = (
    RouteCommand.VOID,
    RouteCommand.LEFT,
    RouteCommand.RIGHT,
    RouteCommand.STRAIGHT,
    RouteCommand.LANE_FOLLOW,
)
"""The route commands in the order of the embedding's rows."""

ENCODER_STRIDE = 16
ENCODER_FIELDS = (
    "backbone",
    "image_width_px",
    "image_height_px",
    "crop_top_px",
    "channels",
    "camera_feature_dim",
    "image_mean",
    "image_std",
)
"""What of the configuration below decides about the encoder, and what its input means."""

_POSITIVE = (
    "camera_feature_dim",
    "command_dim",
    "latent_dim",
    "num_waypoints",
    "waypoint_dt_ns",
    "image_std",
    "speed_scale_mps",
    "target_scale_m",
)


@dataclass(frozen=True, slots=True)
class WaypointModelConfig:
    """Sizes of a waypoint network.

    Every camera delivers RGB images of ``image_width_px`` x ``image_height_px``. The top ``crop_top_px`` rows (sky)
    are cut off and 2x2 pixels averaged before the encoder sees them; ``backbone`` names it
    (``training.models.encoder``). The plan has ``num_waypoints`` waypoints,
    ``waypoint_dt_ns`` apart. ``use_target_point`` feeds the next sparse route point as well; without ``use_cameras``
    the network looks at no image: the baseline that shows what the cameras bring. The normalisation
    (``image_mean`` and ``image_std`` of intensities in 0..1, speed and target point divided by their scales) only
    centres the inputs, but it belongs to the trained weights, hence it stands here.
    """

    cameras: tuple[str, ...] = ("front",)
    backbone: str = "residual"
    image_width_px: int = 320
    image_height_px: int = 180
    crop_top_px: int = 52
    channels: tuple[int, ...] = (16, 32, 64, 96)
    camera_feature_dim: int = 192
    command_dim: int = 16
    latent_dim: int = 128
    num_waypoints: int = 20
    waypoint_dt_ns: int = 250_000_000
    use_target_point: bool = False
    use_cameras: bool = True
    image_mean: float = 0.45
    image_std: float = 0.25
    speed_scale_mps: float = 10.0
    target_scale_m: float = 50.0

    def __post_init__(self) -> None:
        if not self.cameras or len(set(self.cameras)) != len(self.cameras):
            raise ValueError(f"cameras are {self.cameras}, expected at least one name and no name twice")
        if len(self.channels) != 4 or any(channel <= 0 or channel % 8 for channel in self.channels):
            raise ValueError(f"channels are {self.channels}, expected four positive multiples of 8, one per stage")
        if not 0 <= self.crop_top_px < self.image_height_px:
            raise ValueError(f"crop_top_px is {self.crop_top_px}, expected 0 to {self.image_height_px - 1}")
        for name in ("width_px", "height_px"):
            size = getattr(self, f"input_{name}")
            if size <= 0 or size % ENCODER_STRIDE:
                raise ValueError(f"the encoder's input {name} is {size}, expected a multiple of {ENCODER_STRIDE}")
        if (self.image_height_px - self.crop_top_px) % 2 or self.image_width_px % 2:
            raise ValueError("the cropped image must have even sides: 2x2 pixels are averaged")
        for name in _POSITIVE:
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} is {getattr(self, name)}, expected a positive number")

    @property
    def input_width_px(self) -> int:
        """Width of what the encoder sees."""
        return self.image_width_px // 2

    @property
    def input_height_px(self) -> int:
        """Height of what the encoder sees."""
        return (self.image_height_px - self.crop_top_px) // 2

    @property
    def waypoint_dt_s(self) -> float:
        """Time between waypoints in seconds."""
        return self.waypoint_dt_ns / 1e9

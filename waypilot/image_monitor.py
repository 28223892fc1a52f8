"""Tells from the images themselves whether a camera still sees: black pictures, and pictures that stand still."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from waypilot.types import NANOSECONDS_PER_SECOND, EgoState, RgbImage

#: Every fourth pixel in both directions tells whether an image is black.
_STRIDE = 4


@dataclass(frozen=True, slots=True)
class ImageMonitorConfig:
    """When an image is taken for unusable.

    Black: no sampled pixel is brighter than ``black_level`` in any channel (a night scene has lights). Frozen:
    bit-identical images over ``frozen_frames`` repetitions and ``frozen_way_m`` of driven way. A standing vehicle
    drives no way, so a picture that stands still with it is none of that. A camera that was refused is trusted again
    after ``recover_frames`` good images in a row.
    """

    black_level: int = 8
    frozen_frames: int = 2
    frozen_way_m: float = 0.3
    recover_frames: int = 3

    def __post_init__(self) -> None:
        for name in self.__dataclass_fields__:
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} is {getattr(self, name)}, expected 0 or more")


class ImageMonitor:
    """Watches one camera during one drive. Only for images that came in time and in the right size."""

    def __init__(self, config: ImageMonitorConfig) -> None:
        self._config = config
        self._reference: RgbImage | None = None
        self._repetitions = 0
        self._way_m = 0.0
        self._last: EgoState | None = None
        self._fault: str | None = None
        self._good = 0

    def fault(self, ego: EgoState, image: RgbImage) -> str | None:
        """Say why this image must not be used (``black``, ``frozen``), or None. To be asked once a frame."""
        self._move(ego)
        found = self._look(image)
        if found is not None:
            self._fault, self._good = found, 0
        elif self._fault is not None:
            self._good += 1
            if self._good >= self._config.recover_frames:
                self._fault = None
        return self._fault

    def _move(self, ego: EgoState) -> None:
        """Add the way since the last frame: only as far as pose and speed agree, for odometry may be wrong as well."""
        if self._last is not None:
            here, there = ego.pose_map_from_base_link, self._last.pose_map_from_base_link
            step_s = (ego.stamp_ns - self._last.stamp_ns) / NANOSECONDS_PER_SECOND
            shown_m = math.hypot(here.x_m - there.x_m, here.y_m - there.y_m)
            self._way_m += min(shown_m, abs(ego.speed_mps) * step_s)
        self._last = ego

    def _look(self, image: RgbImage) -> str | None:
        if self._reference is None or not np.array_equal(self._reference, image):
            # Whoever gives the images may write into them again, so a copy is kept.
            self._reference, self._repetitions, self._way_m = image.copy(), 0, 0.0
        else:
            self._repetitions += 1
        if image[::_STRIDE, ::_STRIDE].max() <= self._config.black_level:
            return "black"
        stands_still = self._repetitions >= self._config.frozen_frames and self._way_m >= self._config.frozen_way_m
        return "frozen" if stands_still else None

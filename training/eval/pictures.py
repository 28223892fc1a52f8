"""A few camera pictures of a drive: spread over the route, and where something went wrong."""

from __future__ import annotations

from collections import deque
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from waypilot.files import write_bytes_atomic
from waypilot.types import NANOSECONDS_PER_SECOND

BgraImage = NDArray[np.uint8]

SPREAD_AT = (0.05, 0.35, 0.65, 0.95)  # shares of the route driven
MAX_INFRACTION_PICTURES = 4
INFRACTION_SPACING_NS = 2 * NANOSECONDS_PER_SECOND  # a contact lasts several frames
EVENT_DELAY_FRAMES = 20  # the simulator delivers events a few frames late
JPEG_QUALITY = 90


class PictureBook:
    """Writes ``frame_<number>.jpg`` files into one folder; frame 0 is the drive's first.

    Which pictures are taken follows from the drive alone: an event that arrives late gets the picture of its own frame.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._spread = deque(SPREAD_AT)
        self._recent: deque[tuple[int, int, BgraImage]] = deque(maxlen=EVENT_DELAY_FRAMES)
        self._infractions_ns: list[int] = []

    def add_frame(self, number: int, stamp_ns: int, image_bgra: BgraImage, completion: float) -> None:
        """Show the next frame; ``completion`` is the share of the route driven so far, 0 to 1."""
        self._recent.append((number, stamp_ns, image_bgra))
        if self._spread and completion >= self._spread[0]:
            while self._spread and completion >= self._spread[0]:
                self._spread.popleft()
            self._write(number, image_bgra)

    def add_infraction(self, stamp_ns: int) -> None:
        """Take a picture of the moment of an infraction, unless there are enough of it already."""
        near = any(abs(stamp_ns - known_ns) < INFRACTION_SPACING_NS for known_ns in self._infractions_ns)
        if near or len(self._infractions_ns) == MAX_INFRACTION_PICTURES or not self._recent:
            return
        self._infractions_ns.append(stamp_ns)
        number, _, image = min(self._recent, key=lambda frame: abs(frame[1] - stamp_ns))
        self._write(number, image)

    def _write(self, number: int, image_bgra: BgraImage) -> None:
        bgr = np.ascontiguousarray(image_bgra[:, :, :3])
        done, data = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
        if not done:
            raise ValueError(f"an image of shape {image_bgra.shape} cannot be written as JPEG")
        write_bytes_atomic(self._folder / f"frame_{number:04d}.jpg", data.tobytes())

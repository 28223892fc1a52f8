"""The video of a drive: camera images with the planned waypoints drawn in, at the pace of simulated time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
from numpy.typing import NDArray

from waypilot.camera import project_ground
from waypilot.rig import CameraSpec
from waypilot.types import NANOSECONDS_PER_SECOND, Trajectory

VIDEO_NAME = "drive.webm"
_MILLISECOND = Fraction(1, 1000)
_NS_PER_MS = NANOSECONDS_PER_SECOND // 1000
_PLAN_BGR, _EDGE_BGR = (40, 190, 255), (20, 20, 20)  # amber on black: seen by day and night, and by the colour-blind


@dataclass(frozen=True, slots=True)
class VideoConfig:
    """What of a drive is kept: a frame every ``interval_s`` of simulated time, ``width_px`` wide."""

    interval_s: float = 0.15
    width_px: int = 400
    keyframe_every: int = 10  # so that a jump lands within a second

    def __post_init__(self) -> None:
        if not self.interval_s > 0.0 or self.keyframe_every < 1 or self.width_px < 16:
            raise ValueError(f"{self}: interval_s must be positive, keyframe_every at least 1, width_px at least 16")


class DriveVideo:
    """Writes one drive to ``folder/drive.webm`` (VP9), whose time is that since the first frame shown.

    The file exists once ``close`` was called; a process that is killed leaves ``drive.webm.part``.
    """

    def __init__(self, folder: Path, camera: CameraSpec, config: VideoConfig | None = None) -> None:
        self._path = folder / VIDEO_NAME
        self.camera = camera
        self._config = config or VideoConfig()
        self._size = _even_size(camera, self._config.width_px)
        self._first_ns = 0
        self._due_ns: int | None = None
        self._container: Any = None
        self._stream: Any = None

    def wants(self, stamp_ns: int) -> bool:
        """Whether the frame of this stamp becomes part of the video."""
        return self._due_ns is None or stamp_ns >= self._due_ns

    def add(self, stamp_ns: int, image_bgr: NDArray[np.uint8], plan: Trajectory | None) -> None:
        """Show the next frame: ``image_bgr`` (H, W, 3), and what was planned on it; unusable plans are not drawn."""
        if not self.wants(stamp_ns):
            return
        if self._container is None:
            self._open(stamp_ns)
        self._due_ns = stamp_ns + round(self._config.interval_s * NANOSECONDS_PER_SECOND)
        frame = av.VideoFrame.from_ndarray(self._draw(image_bgr, plan), format="bgr24")
        frame.pts, frame.time_base = (stamp_ns - self._first_ns) // _NS_PER_MS, _MILLISECOND
        self._container.mux(self._stream.encode(frame))

    def close(self) -> None:
        """Complete the file; without a frame there is none. May be called twice."""
        if self._container is None:
            return
        self._container.mux(self._stream.encode())
        self._container.close()
        self._container = None
        self._part.replace(self._path)

    @property
    def _part(self) -> Path:
        return self._path.with_name(f"{VIDEO_NAME}.part")

    def _open(self, stamp_ns: int) -> None:
        self._path.parent.mkdir(parents=True, exist_ok=True)
        self._first_ns = stamp_ns
        self._container = av.open(str(self._part), "w", format="webm", options={"fflags": "+bitexact"})
        self._stream = self._container.add_stream("libvpx-vp9", rate=10)
        self._stream.width, self._stream.height = self._size
        self._stream.pix_fmt = "yuv420p"
        self._stream.gop_size = self._config.keyframe_every
        self._stream.codec_context.time_base = _MILLISECOND
        self._stream.codec_context.thread_count = 1
        self._stream.options = {"deadline": "realtime", "cpu-used": "8", "crf": "38", "b": "0"}

    def _draw(self, image_bgr: NDArray[np.uint8], plan: Trajectory | None) -> NDArray[np.uint8]:
        canvas = np.asarray(cv2.resize(image_bgr, self._size, interpolation=cv2.INTER_LINEAR), dtype=np.uint8)
        if plan is not None and plan.invalid_reason() is None:
            scale = np.array(self._size) / (self.camera.width_px, self.camera.height_px)
            draw_plan(canvas, project_ground(self.camera, plan.waypoints_m) * scale)
        return canvas


def draw_plan(canvas: NDArray[np.uint8], pixels: NDArray[np.float64]) -> None:
    """Draw waypoints (N, 2), in pixels of ``canvas`` (H, W, 3) BGR, into it; NaN and far ones are left out."""
    height, width = canvas.shape[:2]
    near = (np.abs(pixels - (0.5 * width, 0.5 * height)) < (2.0 * width, 2.0 * height)).all(axis=1)
    shift = 4  # OpenCV draws at sixteenths of a pixel
    points: Sequence[tuple[int, int]] = [(int(u), int(v)) for u, v in np.rint(pixels[near] * 2**shift)]
    radius = max(width // 160, 2) * 2**shift
    for a, b in pairwise(points):
        cv2.line(canvas, a, b, _EDGE_BGR, 3, cv2.LINE_AA, shift)
        cv2.line(canvas, a, b, _PLAN_BGR, 1, cv2.LINE_AA, shift)
    for point in reversed(points):
        cv2.circle(canvas, point, radius + 2**shift, _EDGE_BGR, -1, cv2.LINE_AA, shift)
        cv2.circle(canvas, point, radius, _PLAN_BGR, -1, cv2.LINE_AA, shift)


def _even_size(camera: CameraSpec, width_px: int) -> tuple[int, int]:
    """Width and height with the camera's shape; the codec wants even ones."""
    return 2 * (width_px // 2), 2 * max(round(width_px * camera.height_px / camera.width_px / 2), 1)

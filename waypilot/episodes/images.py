"""JPEG in and out: RGB arrays in memory, JPEG of quality 92 on disk."""

from __future__ import annotations

import cv2
import numpy as np

from waypilot.types import RgbImage

JPEG_QUALITY = 92


def encode_jpeg(image: RgbImage) -> bytes:
    """Encode an RGB image (H, W, 3). Raises ValueError for any other shape or type."""
    if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        raise ValueError(f"image is {image.dtype} of shape {image.shape}, expected uint8 of shape (H, W, 3)")
    _, data = cv2.imencode(".jpg", image[:, :, ::-1], [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    return data.tobytes()


def decode_jpeg(data: bytes) -> RgbImage:
    """Decode to RGB (H, W, 3). Raises ValueError when the data is no complete JPEG image."""
    # OpenCV fills the missing part of a truncated image with grey and says nothing.
    if not (data.startswith(b"\xff\xd8") and data.rstrip(b"\x00").endswith(b"\xff\xd9")):
        raise ValueError(f"{len(data)} bytes are no complete JPEG image (start or end marker missing)")
    bgr = cv2.imdecode(np.frombuffer(data, dtype=np.uint8), cv2.IMREAD_COLOR)
    if bgr is None:
        raise ValueError(f"{len(data)} bytes cannot be decoded as JPEG")
    return np.ascontiguousarray(bgr[:, :, ::-1], dtype=np.uint8)

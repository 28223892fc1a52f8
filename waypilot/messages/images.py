"""Camera images in messages, raw or compressed, read as RGB."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from waypilot.messages.reading import MalformedMessageError
from waypilot.types import RgbImage

#: Bytes per pixel of the raw encodings (sensor_msgs/image_encodings).
_CHANNELS = {"bgra8": 4, "rgba8": 4, "bgr8": 3, "rgb8": 3, "mono8": 1, "8UC1": 1, "8UC3": 3}
#: OpenCV names a pattern by the second row's second and third pixel, ROS by the first row's first two.
_BAYER = {
    "bayer_rggb8": cv2.COLOR_BayerBG2RGB,
    "bayer_bggr8": cv2.COLOR_BayerRG2RGB,
    "bayer_gbrg8": cv2.COLOR_BayerGR2RGB,
    "bayer_grbg8": cv2.COLOR_BayerGB2RGB,
}
_REORDER = {
    "bgra8": cv2.COLOR_BGRA2RGB,
    "rgba8": cv2.COLOR_RGBA2RGB,
    "bgr8": cv2.COLOR_BGR2RGB,
    "8UC3": cv2.COLOR_BGR2RGB,
}
ENCODINGS = (*_CHANNELS, *_BAYER)


def image_to_rgb(message: Any) -> RgbImage:
    """Read sensor_msgs/Image as RGB (H, W, 3) uint8. Grey becomes RGB of equal channels, 8UC3 is taken for bgr8.

    Raises MalformedMessageError for other encodings and for data that does not fit the size.
    """
    encoding = message.encoding
    if encoding not in ENCODINGS:
        raise MalformedMessageError(f"image encoding {encoding!r} is not supported, use one of {', '.join(ENCODINGS)}")
    channels = _CHANNELS.get(encoding, 1)
    width, height, step = int(message.width), int(message.height), int(message.step)
    if width <= 0 or height <= 0 or step < channels * width or len(message.data) != height * step:
        raise MalformedMessageError(
            f"image of {width}x{height} {encoding} with step {step} holds {len(message.data)} bytes"
        )
    rows = np.frombuffer(message.data, dtype=np.uint8).reshape(height, step)
    return _to_rgb(rows[:, : channels * width].reshape(height, width, channels), encoding)


def compressed_to_rgb(message: Any) -> RgbImage:
    """Read sensor_msgs/CompressedImage (JPEG or PNG) as RGB (H, W, 3) uint8; MalformedMessageError when it is none."""
    data = np.frombuffer(message.data, dtype=np.uint8)
    # OpenCV fills the missing part of a truncated JPEG with grey and says nothing.
    truncated = data[:2].tobytes() == b"\xff\xd8" and b"\xff\xd9" not in data[-64:].tobytes()
    try:
        image = None if truncated or not data.size else cv2.imdecode(data, cv2.IMREAD_COLOR)
    except cv2.error as error:  # a size beyond OpenCV's limit
        raise MalformedMessageError(f"image of format {message.format!r}: {error.err}") from error
    if image is None:
        raise MalformedMessageError(f"{data.size} bytes of format {message.format!r} are no complete JPEG or PNG image")
    return np.ascontiguousarray(image[:, :, ::-1], dtype=np.uint8)


def _to_rgb(pixels: NDArray[np.uint8], encoding: str) -> RgbImage:
    if encoding in _BAYER:
        return np.asarray(cv2.cvtColor(pixels, _BAYER[encoding]), dtype=np.uint8)
    if pixels.shape[2] == 1:
        return np.repeat(pixels, 3, axis=2)
    if (code := _REORDER.get(encoding)) is not None:
        return np.asarray(cv2.cvtColor(pixels, code), dtype=np.uint8)
    return np.ascontiguousarray(pixels)

"""Cameras of a record: calibrations as our camera specs, images as the JPEG files to store."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from PIL import Image, UnidentifiedImageError

from training.data.waymo.messages import CameraName
from training.data.waymo.report import SkipError
from training.data.waymo.transforms import pose_of, transform_matrix
from waypilot.episodes import CameraIntrinsics, decode_jpeg, encode_jpeg
from waypilot.rig import CameraSpec

CAMERA_NAMES = tuple(name.name.lower() for name in CameraName)
_INTRINSIC_VALUES = 9


@dataclass(frozen=True, slots=True)
class CameraOptions:
    """Which cameras to store (empty: all) and in which size.

    ``image_width_px`` None: as delivered. ``image_height_px`` None: the delivered shape is kept; otherwise images are
    cropped around their centre to the shape asked for, so that cameras of different shapes come out alike.
    """

    cameras: tuple[str, ...] = ()
    image_width_px: int | None = None
    image_height_px: int | None = None

    def __post_init__(self) -> None:
        if unknown := [name for name in self.cameras if name not in CAMERA_NAMES]:
            raise ValueError(f"camera {unknown[0]!r} is unknown, expected one of {', '.join(CAMERA_NAMES)}")
        if len(set(self.cameras)) != len(self.cameras):
            raise ValueError(f"cameras {', '.join(self.cameras)} name one twice")
        for name in ("image_width_px", "image_height_px"):
            value = getattr(self, name)
            if value is not None and value < 1:
                raise ValueError(f"{name} is {value}, expected 1 or more")
        if self.image_height_px is not None and self.image_width_px is None:
            raise ValueError("image_height_px needs image_width_px: together they are the shape to crop to")


@dataclass(frozen=True, slots=True)
class CameraModel:
    """A camera as it is stored; ``delivered_px`` (width, height) is the size of its images in the records.

    ``crop_px`` (left, top, width, height) is the part of a delivered image that is scaled to the stored size.
    """

    spec: CameraSpec
    intrinsics: CameraIntrinsics
    delivered_px: tuple[int, int]
    crop_px: tuple[int, int, int, int]


def camera_name(number: int) -> str | None:
    """Our name for a ``CameraName`` number, None for one that is unknown."""
    return CameraName(number).name.lower() if number in CameraName._value2member_map_ else None


def camera_models(calibrations: Iterable[Any], options: CameraOptions) -> dict[str, CameraModel]:
    """Cameras by name, in the order asked for (all: in the order of their numbers).

    Raises SkipError when there is none, a wanted one is missing, or a calibration makes no sense.
    """
    found = {name: c for c in sorted(calibrations, key=lambda c: c.name) if (name := camera_name(c.name)) is not None}
    if not found:
        raise SkipError("no camera calibrations")
    if missing := [name for name in options.cameras if name not in found]:
        raise SkipError(f"camera {missing[0]} is not calibrated", f"there are {', '.join(found)}")
    return {name: _model(name, found[name], options) for name in options.cameras or found}


def _model(name: str, calibration: Any, options: CameraOptions) -> CameraModel:
    size = (calibration.width, calibration.height)
    values = np.array(calibration.intrinsic, dtype=np.float64)
    sound = min(size) > 0 and values.shape == (_INTRINSIC_VALUES,) and bool(np.isfinite(values).all())
    if not (sound and values[0] > 0.0 and values[1] > 0.0):
        raise SkipError(f"camera {name} has no usable calibration", f"{size[0]}x{size[1]}, intrinsic {values.tolist()}")
    crop, stored = _crop_and_size(size, options)
    if stored[0] > crop[2]:
        raise SkipError(f"images of camera {name} are smaller than asked for", f"{size[0]}x{size[1]}")
    matrix = transform_matrix(calibration.extrinsic, f"extrinsic of camera {name}")
    fov_rad = 2.0 * math.atan(crop[2] / (2.0 * float(values[0])))
    spec = CameraSpec(name, *stored, fov_rad, pose_of(matrix[:3, :3], matrix[:3, 3]))
    return CameraModel(spec, _intrinsics(values, crop, stored), size, crop)


def _crop_and_size(
    delivered: tuple[int, int], options: CameraOptions
) -> tuple[tuple[int, int, int, int], tuple[int, int]]:
    """Find the part of the image to take, and the size to store it in."""
    width, height = delivered
    if options.image_width_px is None:
        return (0, 0, width, height), delivered
    if options.image_height_px is None:
        stored = (options.image_width_px, max(1, round(height * options.image_width_px / width)))
        return (0, 0, width, height), stored
    stored = (options.image_width_px, options.image_height_px)
    scale = min(width / stored[0], height / stored[1])
    part = (min(width, round(stored[0] * scale)), min(height, round(stored[1] * scale)))
    return ((width - part[0]) // 2, (height - part[1]) // 2, *part), stored


def _intrinsics(values: np.ndarray, crop: tuple[int, int, int, int], stored: tuple[int, int]) -> CameraIntrinsics:
    f_u, f_v, c_u, c_v, k1, k2, p1, p2, k3 = (float(value) for value in values)
    scale_x, scale_y = stored[0] / crop[2], stored[1] / crop[3]
    # Resizing keeps the edges in place, and those lie half a pixel outside the outermost centres.
    centre = ((c_u - crop[0] + 0.5) * scale_x - 0.5, (c_v - crop[1] + 0.5) * scale_y - 0.5)
    return CameraIntrinsics((f_u * scale_x, f_v * scale_y), centre, (k1, k2, p1, p2, k3))


def images_to_store(images: Iterable[Any], models: Mapping[str, CameraModel]) -> dict[str, bytes | SkipError]:
    """Take the images of the cameras in ``models``, joined by name: JPEG files, or what is wrong with an image."""
    stored: dict[str, bytes | SkipError] = {}
    for image in images:
        name = camera_name(image.name)
        if name is not None and name in models:
            try:
                stored[name] = _jpeg_to_store(image.image, models[name])
            except SkipError as error:
                stored[name] = error
    return stored


def _jpeg_to_store(data: bytes, model: CameraModel) -> bytes:
    """Take the JPEG as delivered when its size stays, otherwise cut, shrink and encode it anew."""
    width, height = model.spec.width_px, model.spec.height_px
    size = _jpeg_size(data)
    if size != model.delivered_px:
        expected = f"{model.delivered_px[0]}x{model.delivered_px[1]}"
        raise SkipError("size differs from the calibration's", f"{size[0]}x{size[1]}, expected {expected}")
    if size == (width, height):
        return data
    try:
        image = decode_jpeg(data)
    except ValueError as error:
        raise SkipError("no JPEG image", str(error)) from error
    left, top, crop_width, crop_height = model.crop_px
    part = image[top : top + crop_height, left : left + crop_width]
    shrunk = cv2.resize(part, (width, height), interpolation=cv2.INTER_AREA)
    return encode_jpeg(np.asarray(shrunk, dtype=np.uint8))


def _jpeg_size(data: bytes) -> tuple[int, int]:
    """Read the size from the header, without decoding. Raises SkipError when it is no complete JPEG file."""
    try:
        with Image.open(io.BytesIO(data), formats=("JPEG",)) as image:
            size = image.size
    except (UnidentifiedImageError, OSError) as error:
        raise SkipError("no JPEG image", f"{len(data)} bytes") from error
    if not data.rstrip(b"\x00").endswith(b"\xff\xd9"):
        raise SkipError("JPEG image is cut off", f"{len(data)} bytes")
    return size

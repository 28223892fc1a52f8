"""Cameras of a record: calibrations as our camera specs, images as the JPEG files to store."""

from __future__ import annotations

import io
import math
from collections.abc import Iterable, Mapping, Sequence
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
class CameraModel:
    """A camera as it is stored, and the size (width, height) of the images as delivered."""

    spec: CameraSpec
    intrinsics: CameraIntrinsics
    delivered_px: tuple[int, int]


def camera_name(number: int) -> str | None:
    """Our name for a ``CameraName`` number, None for one that is unknown."""
    return CameraName(number).name.lower() if number in CameraName._value2member_map_ else None


def camera_models(
    calibrations: Iterable[Any], wanted: Sequence[str], image_width_px: int | None
) -> dict[str, CameraModel]:
    """Cameras by name, in the order of ``wanted`` (empty: all, in the order of their numbers).

    Raises SkipError when there is none, a wanted one is missing, or a calibration makes no sense.
    """
    found = {name: c for c in sorted(calibrations, key=lambda c: c.name) if (name := camera_name(c.name)) is not None}
    if not found:
        raise SkipError("no camera calibrations")
    if missing := [name for name in wanted if name not in found]:
        raise SkipError(f"camera {missing[0]} is not calibrated", f"there are {', '.join(found)}")
    return {name: _model(name, found[name], image_width_px) for name in wanted or found}


def _model(name: str, calibration: Any, image_width_px: int | None) -> CameraModel:
    size = (calibration.width, calibration.height)
    values = np.array(calibration.intrinsic, dtype=np.float64)
    sound = min(size) > 0 and values.shape == (_INTRINSIC_VALUES,) and bool(np.isfinite(values).all())
    if not (sound and values[0] > 0.0 and values[1] > 0.0):
        raise SkipError(f"camera {name} has no usable calibration", f"{size[0]}x{size[1]}, intrinsic {values.tolist()}")
    if image_width_px is not None and image_width_px > size[0]:
        raise SkipError(f"images of camera {name} are narrower than the width asked for", f"{size[0]} px")
    width = image_width_px or size[0]
    height = max(1, round(size[1] * width / size[0]))
    matrix = transform_matrix(calibration.extrinsic, f"extrinsic of camera {name}")
    fov_rad = 2.0 * math.atan(size[0] / (2.0 * float(values[0])))
    spec = CameraSpec(name, width, height, fov_rad, pose_of(matrix[:3, :3], matrix[:3, 3]))
    return CameraModel(spec, _scaled_intrinsics(values, width / size[0], height / size[1]), size)


def _scaled_intrinsics(values: np.ndarray, scale_x: float, scale_y: float) -> CameraIntrinsics:
    f_u, f_v, c_u, c_v, *distortion = (float(value) for value in values)
    k1, k2, p1, p2, k3 = distortion
    # Resizing keeps the image's edges in place, and those lie half a pixel outside the outermost centres.
    centre = ((c_u + 0.5) * scale_x - 0.5, (c_v + 0.5) * scale_y - 0.5)
    return CameraIntrinsics((f_u * scale_x, f_v * scale_y), centre, (k1, k2, p1, p2, k3))


def images_to_store(images: Iterable[Any], models: Mapping[str, CameraModel]) -> dict[str, bytes | SkipError]:
    """Take the images of the cameras in ``models``, joined by name: JPEG files, or what is wrong with an image."""
    stored: dict[str, bytes | SkipError] = {}
    for image in images:
        name = camera_name(image.name)
        if name in models:
            try:
                stored[name] = _jpeg_to_store(image.image, models[name])
            except SkipError as error:
                stored[name] = error
    return stored


def _jpeg_to_store(data: bytes, model: CameraModel) -> bytes:
    """Take the JPEG as delivered when its size stays, otherwise shrink it and encode it anew."""
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
    return encode_jpeg(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA))


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

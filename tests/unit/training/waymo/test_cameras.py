import cv2
import numpy as np
import pytest

from training.data.waymo.cameras import CameraOptions, camera_models, images_to_store
from training.data.waymo.messages import E2EDFrame
from training.data.waymo.report import SkipError
from waypilot.episodes import decode_jpeg


def record(kit, **values):
    message = kit.E2ERecord("s", 0, cameras=(1,), calibrations=(1,), **values).message()
    return E2EDFrame.FromString(message.SerializeToString()).frame


def test_a_point_of_the_world_is_found_where_the_stored_lens_model_says(kit):
    """A bright spot at a known ray: its place in the cropped and shrunk image follows from the scaled intrinsics."""
    frame = record(kit)
    spot = np.zeros((32, 48, 3), np.uint8)
    spot[18:22, 30:34] = 255  # its centre is at 31.5, 19.5 in pixel centres
    frame.images[0].image = cv2.imencode(".jpg", spot, [cv2.IMWRITE_JPEG_QUALITY, 100])[1].tobytes()
    models = camera_models(frame.context.camera_calibrations, CameraOptions(("front",), 24, 13))
    stored = images_to_store(frame.images, models)["front"]
    brightness = decode_jpeg(stored).mean(axis=2) > 128
    rows, columns = np.nonzero(brightness)
    lens, (f_u, f_v, c_u, c_v) = models["front"].intrinsics, frame.context.camera_calibrations[0].intrinsic[:4]
    expected_u = lens.focal_px[0] * (31.5 - c_u) / f_u + lens.principal_point_px[0]
    expected_v = lens.focal_px[1] * (19.5 - c_v) / f_v + lens.principal_point_px[1]
    assert (columns.mean(), rows.mean()) == pytest.approx((expected_u, expected_v), abs=0.3)


def test_images_of_their_own_size_are_stored_byte_for_byte(kit):
    frame = record(kit)
    models = camera_models(frame.context.camera_calibrations, CameraOptions())
    assert images_to_store(frame.images, models) == {"front": frame.images[0].image}


def test_images_that_do_not_fit_their_calibration_are_told(kit):
    frame = record(kit)
    frame.context.camera_calibrations[0].width = 64
    models = camera_models(frame.context.camera_calibrations, CameraOptions())
    problem = images_to_store(frame.images, models)["front"]
    assert isinstance(problem, SkipError)
    assert str(problem) == "size differs from the calibration's: 48x32, expected 64x32"


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("width", 0, "camera front has no usable calibration"),
        ("intrinsic", [51.0, 51.0, 24.0], "camera front has no usable calibration"),
        ("intrinsic", [-51.0, 51.0, 24.0, 16.0, 0, 0, 0, 0, 0], "camera front has no usable calibration"),
        ("transform", [2.0, *[0.0] * 15], "extrinsic of camera front is no rigid transform"),
        ("transform", [1.0] * 12, "extrinsic of camera front has not 16 numbers"),
    ],
)
def test_calibrations_that_make_no_sense_are_refused(kit, field, value, message):
    calibration = record(kit).context.camera_calibrations[0]
    if field == "width":
        calibration.width = value
    elif field == "intrinsic":
        calibration.intrinsic[:] = value
    else:
        calibration.extrinsic.transform[:] = value
    with pytest.raises(SkipError, match=message):
        camera_models([calibration], CameraOptions())


def test_images_are_never_enlarged(kit):
    with pytest.raises(SkipError, match="images of camera front are smaller than asked for: 48x32"):
        camera_models(record(kit).context.camera_calibrations, CameraOptions((), 49))

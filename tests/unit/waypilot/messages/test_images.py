"""Images read from messages: Bayer mosaics by ROS' names of patterns, PNG to the bit, and what is none is refused."""

import struct
import zlib
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from waypilot.messages import MalformedMessageError, compressed_to_rgb, image_to_rgb

RED, GREEN, BLUE = 200, 100, 50
LEVELS = {"r": RED, "g": GREEN, "b": BLUE}


def mosaic(pattern, height=12, width=16):
    """What a sensor sees of a wall of one colour; ROS names the first row's two pixels, then the second row's."""
    cell = np.array([LEVELS[letter] for letter in pattern], np.uint8).reshape(2, 2)
    return np.tile(cell, (height // 2, width // 2))


def raw(pixels, encoding, pad=0, width=None):
    rows = np.pad(pixels.reshape(pixels.shape[0], -1), ((0, 0), (0, pad)), constant_values=7)
    return SimpleNamespace(encoding=encoding, height=rows.shape[0], width=width or pixels.shape[1],
                           step=rows.shape[1], data=rows.tobytes())  # fmt: skip


@pytest.mark.parametrize("pattern", ["rggb", "bggr", "gbrg", "grbg"])
@pytest.mark.parametrize("pad", [0, 5])
def test_every_bayer_pattern_gives_the_colour_of_the_wall(pattern, pad):
    image = image_to_rgb(raw(mosaic(pattern), f"bayer_{pattern}8", pad))
    assert image.shape == (12, 16, 3)
    assert (image == (RED, GREEN, BLUE)).all()


def test_a_pattern_taken_for_another_one_swaps_red_and_blue():
    assert (image_to_rgb(raw(mosaic("rggb"), "bayer_bggr8")) == (BLUE, GREEN, RED)).all()


def test_a_coloured_edge_stays_where_it_is():
    pixels = np.concatenate([mosaic("rggb", 12, 8), np.zeros((12, 8), np.uint8)], axis=1)
    image = image_to_rgb(raw(pixels, "bayer_rggb8"))
    assert (image[:, :6] == (RED, GREEN, BLUE)).all()
    assert (image[:, 10:] == 0).all()


def picture(height=18, width=32):
    return np.random.default_rng(1).integers(0, 256, (height, width, 3), dtype=np.uint8)


def compressed(suffix, rgb):
    return SimpleNamespace(format=suffix.strip("."), data=cv2.imencode(suffix, rgb[:, :, ::-1])[1].tobytes())


def test_png_is_read_to_the_bit():
    assert (compressed_to_rgb(compressed(".png", picture())) == picture()).all()


def test_grey_png_becomes_rgb_of_equal_channels():
    grey = picture()[:, :, 0]
    message = SimpleNamespace(format="png", data=cv2.imencode(".png", grey)[1].tobytes())
    assert (compressed_to_rgb(message) == grey[:, :, None]).all()


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.95])
def test_what_is_cut_off_is_no_image(suffix, share):
    whole = compressed(suffix, picture())
    whole.data = whole.data[: int(share * len(whole.data))]
    with pytest.raises(MalformedMessageError, match="no complete JPEG or PNG"):
        compressed_to_rgb(whole)


def test_bytes_that_do_not_fit_the_size_are_refused():
    with pytest.raises(MalformedMessageError, match="holds 192 bytes"):
        image_to_rgb(raw(mosaic("rggb"), "bayer_rggb8", width=17))


def test_a_png_that_claims_a_size_beyond_all_limits_is_refused():
    data = bytearray(cv2.imencode(".png", np.zeros((5, 5, 3), np.uint8))[1].tobytes())
    # IHDR: width and height, and the checksum behind them.
    data[16:24] = struct.pack(">II", 60_000, 60_000)
    data[29:33] = struct.pack(">I", zlib.crc32(data[12:29]))
    with pytest.raises(MalformedMessageError, match="image of format 'png'"):
        compressed_to_rgb(SimpleNamespace(format="png", data=bytes(data)))

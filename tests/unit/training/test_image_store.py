from pathlib import Path

import numpy as np
import pytest
import torch

from training.data.image_store import ImageStore
from training.models.config import WaypointModelConfig
from training.models.preprocess import shrink_images
from waypilot.episodes import EpisodeError, decode_jpeg, encode_jpeg

CONFIG = WaypointModelConfig()


@pytest.fixture
def image(tmp_path: Path) -> Path:
    pixels = np.random.default_rng(0).integers(0, 256, size=(180, 320, 3), dtype=np.uint8)
    path = tmp_path / "image.jpg"
    path.write_bytes(encode_jpeg(pixels))
    return path


def test_images_come_as_the_encoder_sees_them(image: Path) -> None:
    expected = shrink_images(torch.from_numpy(decode_jpeg(image.read_bytes()))[None], CONFIG)[0]
    store = ImageStore(CONFIG)
    assert torch.equal(store.load(image), expected)
    assert store.load(image).numel() == store.image_bytes()
    assert not store.load(None).any()


def test_kept_images_need_no_file_and_are_shared(image: Path) -> None:
    kept: dict[Path, torch.Tensor] = {}
    first, second = ImageStore(CONFIG, kept), ImageStore(CONFIG, kept)
    first.keep([image, None, image])
    expected = first.load(image)
    image.unlink()
    assert second.load(image) is expected
    second.keep([image])  # nothing is left to decode
    with pytest.raises(EpisodeError, match=r"image\.jpg"):
        ImageStore(CONFIG).load(image)


def test_an_image_of_another_size_is_named(tmp_path: Path) -> None:
    path = tmp_path / "small.jpg"
    path.write_bytes(encode_jpeg(np.zeros((90, 160, 3), dtype=np.uint8)))
    with pytest.raises(EpisodeError, match=r"small\.jpg: .*expected uint8"):
        ImageStore(CONFIG).keep([path])

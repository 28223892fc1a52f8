from __future__ import annotations

import cv2
import numpy as np

from training.eval.pictures import MAX_INFRACTION_PICTURES, PictureBook

STEP_NS = 50_000_000


def show(book: PictureBook, frames: int) -> None:
    for number in range(frames):
        image = np.full((18, 32, 4), number % 200, dtype=np.uint8)
        book.add_frame(number, number * STEP_NS, image, completion=number / (frames - 1))


def names(folder) -> list[str]:
    return sorted(path.name for path in folder.glob("*"))


def test_pictures_are_spread_over_the_route(tmp_path):
    show(PictureBook(tmp_path), 101)
    assert names(tmp_path) == ["frame_0005.jpg", "frame_0035.jpg", "frame_0065.jpg", "frame_0095.jpg"]
    assert cv2.imread(str(tmp_path / "frame_0065.jpg")).mean() == 65.0


def test_a_late_event_gets_the_picture_of_its_own_frame_once(tmp_path):
    book = PictureBook(tmp_path)
    show(book, 101)
    for stamp in (90, 91, 92):  # one contact, reported three times, ten frames late
        book.add_infraction(stamp * STEP_NS)
    assert "frame_0090.jpg" in names(tmp_path)
    assert len(names(tmp_path)) == 5


def test_a_drive_full_of_infractions_does_not_fill_the_disk(tmp_path):
    book = PictureBook(tmp_path)
    for number in range(2000):
        book.add_frame(number, number * STEP_NS, np.zeros((18, 32, 4), np.uint8), completion=0.0)
        book.add_infraction(number * STEP_NS)
    assert len(names(tmp_path)) == MAX_INFRACTION_PICTURES

"""Events of a dynamic vision sensor against what its definition says, pixel by pixel."""

from __future__ import annotations

import logging
import math

import numpy as np
import pytest

from carla_lite.render import EventPixels, EventSettings, events

MS = 1_000_000
PLAIN = EventSettings()
LINEAR = EventSettings(positive=10.0, negative=20.0, log_eps=None)


def grey(*values: int) -> np.ndarray:
    """Return one row of grey pixels, BGRA."""
    return np.array([[(value, value, value, 255) for value in values]], np.uint8)


def pixels(settings: EventSettings = PLAIN, seed: int = 0) -> EventPixels:
    return EventPixels(settings, np.random.default_rng(seed))


def random_pictures(count: int, seed: int) -> list[np.ndarray]:
    rng = np.random.default_rng(seed)
    return [rng.integers(0, 256, (6, 9, 4), dtype=np.uint8) for _ in range(count)]


def level(value: float) -> float:
    return math.log(0.001 + value / 255.0)


def test_nothing_before_the_first_picture_and_while_nothing_changes():
    sensor = pixels()
    assert [len(sensor.see(grey(10, 200), time * MS)) for time in range(4)] == [0, 0, 0, 0]


def test_every_threshold_crossed_is_an_event_at_its_own_time():
    sensor = pixels()
    sensor.see(grey(50, 50, 100), 10 * MS)
    found = sensor.see(grey(50, 100, 50), 20 * MS)
    change = level(100) - level(50)  # 0.69: two thresholds of 0.3
    times = [10 * MS + k * 0.3 / change * 10 * MS for k in (1, 2)]
    assert found["x"].tolist() == [1, 2, 1, 2]
    assert found["y"].tolist() == [0, 0, 0, 0]
    assert found["pol"].tolist() == [1, 0, 1, 0]
    assert found["t"].tolist() == pytest.approx([times[0], times[0], times[1], times[1]], abs=100)
    assert found.dtype.itemsize == 13


def test_colours_weigh_as_the_eye_sees_them():
    sensor = pixels(EventSettings(positive=1.0, log_eps=None))
    sensor.see(np.zeros((1, 3, 4), np.uint8), 0)
    lit = np.zeros((1, 3, 4), np.uint8)
    lit[0, 0, 0], lit[0, 1, 1], lit[0, 2, 2] = 100, 100, 100  # blue, green, red
    found = sensor.see(lit, MS)
    assert np.bincount(found["x"]).tolist() == [11, 58, 29]


def test_small_changes_add_up_from_the_last_event():
    sensor = pixels(LINEAR)
    counts = [len(sensor.see(grey(value), time * MS)) for time, value in enumerate((100, 106, 112, 118, 124, 125, 96))]
    assert counts == [0, 0, 1, 0, 1, 0, 1]  # up from 100: at 110 and 120; down from 120: at 100


def test_each_direction_has_its_own_threshold():
    sensor = pixels(LINEAR)
    sensor.see(grey(100, 100), 0)
    found = sensor.see(grey(145, 55), MS)
    assert np.sort(found["x"]).tolist() == [0, 0, 0, 0, 1, 1]
    assert (found["pol"] == (found["x"] == 0)).all()


def test_a_resting_pixel_is_silent():
    sensor = pixels(LINEAR._replace(refractory_ns=3 * MS))
    sensor.see(grey(0, 0), 0)
    # Thresholds at 10, 20, ... 80, one each millisecond.
    found = sensor.see(grey(85, 0), 17 * MS // 2)
    assert (found["t"] // MS).tolist() == [1, 4, 7]
    # At 90 and 100 the pixel still rests, 1.75 and 2.25 ms after its last event: these thresholds are past for good.
    assert len(sensor.see(grey(105, 0), 19 * MS // 2)) == 0
    assert len(sensor.see(grey(115, 0), 13 * MS)) == 1


def test_noise_is_of_the_asked_size_and_seeded():
    noisy = LINEAR._replace(sigma_positive=2.0)
    before, after = np.zeros((100, 100, 4), np.uint8), np.full((100, 100, 4), 11, np.uint8)

    def share(settings, seed):
        sensor = pixels(settings, seed)
        sensor.see(before, 0)
        return sensor.see(after, MS)

    # The threshold is below 11 for all that lie less than half a sigma above 10: 69 %; below 5.5 for 1.2 %.
    assert len(share(noisy, 1)) == pytest.approx(0.7037 * 10_000, rel=0.03)
    assert len(share(LINEAR, 1)) == 10_000
    assert share(noisy, 1).tobytes() == share(noisy, 1).tobytes()
    assert share(noisy, 1).tobytes() != share(noisy, 2).tobytes()
    # Only the other direction has noise.
    assert len(share(LINEAR._replace(sigma_negative=2.0), 1)) == 10_000


@pytest.mark.parametrize("settings", [PLAIN, PLAIN._replace(refractory_ns=2 * MS), LINEAR])
def test_a_pixel_by_pixel_account_gives_the_same_events(settings):
    sensor, account = pixels(settings), Account(settings)
    total = 0
    for time, picture in enumerate(random_pictures(5, seed=3)):
        found, expected = sensor.see(picture, time * 5 * MS), account.see(picture, time * 5 * MS)
        assert len(found) == len(expected)
        for name in ("x", "y", "pol"):
            assert np.array_equal(found[name][order(found)], expected[name][order(expected)])
        assert found["t"][order(found)] == pytest.approx(expected["t"][order(expected)], abs=200)
        assert (np.diff(found["t"]) >= 0).all()
        total += len(found)
    assert total > 150


def order(found: np.ndarray) -> np.ndarray:
    return np.lexsort((found["t"], found["x"], found["y"]))


class Account:
    """CARLA's loop over pixels and crossings, in double precision and without noise."""

    def __init__(self, settings: EventSettings) -> None:
        self.settings = settings
        self.before: np.ndarray | None = None
        self.last: dict[int, int] = {}

    def see(self, picture, time_ns):
        now = (picture[..., :3] @ np.array([0.114, 0.587, 0.2989])).ravel()
        if self.settings.log_eps is not None:
            now = np.log(self.settings.log_eps + now / 255.0)
        found = []
        if self.before is None:
            self.reference = now.copy()
        else:
            for pixel in range(len(now)):
                found += self.pixel(pixel, now[pixel], self.before[pixel], time_ns, picture.shape[1])
        self.before, self.time_ns = now, time_ns
        return np.array(found, events.EVENT)

    def pixel(self, pixel, now, before, time_ns, width):
        sign = 1.0 if now > before else -1.0
        threshold = self.settings.positive if sign > 0 else self.settings.negative
        found = []
        while sign * (now - self.reference[pixel] - sign * threshold) >= 0.0:
            self.reference[pixel] += sign * threshold
            share = (self.reference[pixel] - before) / (now - before)
            t = self.time_ns + int(share * (time_ns - self.time_ns))
            if pixel not in self.last or t - self.last[pixel] >= self.settings.refractory_ns:
                found.append((pixel % width, pixel // width, t, sign > 0))
                self.last[pixel] = t
        return found


def test_too_many_events_are_cut_evenly_and_named_once(monkeypatch, caplog):
    monkeypatch.setattr(events, "MAX_EVENTS", 10)
    sensor = pixels(LINEAR)
    sensor.see(grey(0, 0, 200), 0)
    with caplog.at_level(logging.WARNING):
        found = sensor.see(grey(201, 45, 200), MS)  # 20 and 4 events
        assert np.bincount(found["x"]).tolist() == [5, 4]
        sensor.see(grey(0, 200, 200), 2 * MS)
    assert caplog.text.count("first 5 only") == 1
    # What was not reported is past all the same: the last threshold was at 0.
    assert len(sensor.see(grey(15, 200, 200), 3 * MS)) == 1


def test_forgetting_starts_anew():
    sensor = pixels()
    sensor.see(grey(10), 0)
    sensor.forget()
    assert len(sensor.see(grey(200), MS)) == 0
    assert len(sensor.see(grey(10), 2 * MS)) > 3


def test_the_whole_range_at_the_least_threshold_is_finite():
    sensor = pixels(EventSettings(events.LEAST_THRESHOLD, events.LEAST_THRESHOLD))
    sensor.see(grey(0), 0)
    assert len(sensor.see(grey(255), MS)) == int((level(255) - level(0)) / 0.01)

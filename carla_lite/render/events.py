"""A dynamic vision sensor: pixels that report changes of brightness, computed from pictures as CARLA's is."""

from __future__ import annotations

import logging
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from waypilot.geometry import FloatArray

_LOG = logging.getLogger(__name__)
EVENT = np.dtype([("x", "<u2"), ("y", "<u2"), ("t", "<i8"), ("pol", "u1")])
"""One event as CARLA sends it: column, row, simulated time in nanoseconds, 1 for brighter and 0 for darker."""
LEAST_THRESHOLD = 0.01
"""CARLA's bound for a threshold with noise; it also bounds how many events one change can make."""
MAX_EVENTS = 1 << 23
"""Of one picture, 109 MB. A sudden night makes more in a large picture: then each pixel loses its last ones."""
_LEAST_CHANGE = 1e-6
_NEVER_NS = -(1 << 62)
_GREY = np.array([0.114, 0.587, 0.2989], np.float32)
"""Weights of blue, green and red."""

Events = NDArray[np.void]


class EventSettings(NamedTuple):
    """What makes an event: thresholds (of log brightness, or of 0..255 without ``log_eps``), their noise, the rest.

    ``log_eps`` is added to brightness (0..1) before the logarithm; None for no logarithm. After an event a pixel is
    silent for ``refractory_ns``.
    """

    positive: float = 0.3
    negative: float = 0.3
    sigma_positive: float = 0.0
    sigma_negative: float = 0.0
    refractory_ns: int = 0
    log_eps: float | None = 0.001


class _Crossings(NamedTuple):
    """Pixels whose brightness crossed thresholds, and how: all (N,)."""

    pixel: NDArray[np.int64]
    sign: FloatArray
    start: FloatArray
    contrast: FloatArray
    count: NDArray[np.int64]


class EventPixels:
    """All pixels of one sensor. Between two pictures brightness is taken to change evenly."""

    def __init__(self, settings: EventSettings, rng: np.random.Generator) -> None:
        """Create pixels that have seen nothing yet; ``rng`` draws the noise of thresholds."""
        self._settings = settings
        self._rng = rng
        self._warned = False
        self.forget()

    def forget(self) -> None:
        """Start anew: the next picture is the first."""
        self._time_ns = 0
        self._level: NDArray[np.float32] | None = None
        self._reference = np.empty(0, np.float32)
        self._last_event_ns = np.empty(0, np.int64)

    def see(self, image: NDArray[np.uint8], time_ns: int) -> Events:
        """Return the events (N,) of dtype ``EVENT`` since the last picture, in order of time; the first has none.

        ``image`` is (H, W, 4) BGRA, always of the same size; ``time_ns`` is when it was taken.
        """
        level, before = self._brightness(image), self._level
        if before is None:
            self._reference, events = level.copy(), np.empty(0, EVENT)
            if self._settings.refractory_ns > 0:
                self._last_event_ns = np.full(level.size, _NEVER_NS)
        else:
            events = self._events(level, before, time_ns, image.shape[1])
        self._level, self._time_ns = level, time_ns
        return events

    def _brightness(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        blue, green, red = (image[..., channel] * weight for channel, weight in enumerate(_GREY))
        grey = (blue + green + red).ravel()
        if self._settings.log_eps is None:
            return grey
        return np.log(np.float32(self._settings.log_eps) + grey / np.float32(255.0))

    def _events(self, level: NDArray[np.float32], before: NDArray[np.float32], time_ns: int, width_px: int) -> Events:
        found = self._crossings(level, before)
        self._reference[found.pixel] = found.start + found.sign * found.count * found.contrast
        count = self._bounded(found.count)
        which = np.repeat(np.arange(len(count)), count)
        step = np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count) + 1
        pixel = found.pixel[which]
        crossed = found.start[which] + found.sign[which] * step * found.contrast[which]
        share = (crossed - before[pixel]) / (level[pixel].astype(float) - before[pixel])
        times = self._time_ns + (share * (time_ns - self._time_ns)).astype(np.int64)
        # With noise, what is crossed by the present threshold can lie before the last picture: no event, as in CARLA.
        kept = share > 0.0
        if self._settings.refractory_ns > 0:
            kept &= self._rested(found.pixel, count, times, kept)
        events = np.empty(np.count_nonzero(kept), EVENT)
        events["y"], events["x"] = np.divmod(pixel[kept], width_px)
        events["t"], events["pol"] = times[kept], found.sign[which][kept] > 0.0
        return events[np.argsort(events["t"], kind="stable")]

    def _crossings(self, level: NDArray[np.float32], before: NDArray[np.float32]) -> _Crossings:
        change = level - before
        pixel = np.flatnonzero(np.abs(change) > _LEAST_CHANGE)
        rising = change[pixel] > 0.0
        sign = np.where(rising, 1.0, -1.0)
        start = self._reference[pixel].astype(float)
        contrast = self._contrast(rising)
        count = np.floor(sign * (level[pixel] - start) / contrast).astype(np.int64)
        hit = count > 0
        return _Crossings(pixel[hit], sign[hit], start[hit], contrast[hit], count[hit])

    def _contrast(self, rising: NDArray[np.bool_]) -> FloatArray:
        """Return the threshold of each changed pixel."""
        settings = self._settings
        contrast = np.where(rising, settings.positive, settings.negative)
        if settings.sigma_positive > 0.0 or settings.sigma_negative > 0.0:
            sigma = np.where(rising, settings.sigma_positive, settings.sigma_negative)
            contrast = np.maximum(LEAST_THRESHOLD, contrast + sigma * self._rng.standard_normal(len(rising)))
        return contrast

    def _bounded(self, count: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return how many events each pixel may report."""
        if count.sum() <= MAX_EVENTS:
            return count
        most = max(1, MAX_EVENTS // len(count))
        if not self._warned:
            _LOG.warning("a picture would make %d events: each pixel reports its first %d only", count.sum(), most)
            self._warned = True
        return np.minimum(count, most)

    def _rested(
        self,
        pixel: NDArray[np.int64],
        count: NDArray[np.int64],
        times: NDArray[np.int64],
        candidates: NDArray[np.bool_],
    ) -> NDArray[np.bool_]:
        """Say which events find their pixel rested from its last one; events stand pixel by pixel in order of time."""
        rested = np.zeros(len(times), bool)
        first = np.cumsum(count) - count
        for step in range(count.max(initial=0)):
            here = count > step
            event, owner = first[here] + step, pixel[here]
            ready = candidates[event] & (times[event] - self._last_event_ns[owner] >= self._settings.refractory_ns)
            rested[event] = ready
            self._last_event_ns[owner[ready]] = times[event[ready]]
        return rested

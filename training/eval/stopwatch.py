"""Wall time per stage of a loop; for people to read, never for results to depend on."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager


class Stopwatch:
    """Adds up the wall time spent in named stages."""

    def __init__(self) -> None:
        self._spent_s: defaultdict[str, float] = defaultdict(float)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the time inside the block for ``name``."""
        begun_s = time.perf_counter()
        try:
            yield
        finally:
            self._spent_s[name] += time.perf_counter() - begun_s

    @property
    def total_s(self) -> float:
        """Wall seconds in all stages."""
        return sum(self._spent_s.values())

    def per_frame_ms(self, frames: int) -> dict[str, float]:
        """Milliseconds of each stage per frame."""
        return {name: 1e3 * spent_s / max(frames, 1) for name, spent_s in self._spent_s.items()}

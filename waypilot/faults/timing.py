"""Time since the first frame, and values that come late."""

from __future__ import annotations

from typing import Generic, TypeVar

V = TypeVar("V")

#: A real server's stamps are rounded from floating-point seconds.
STAMP_TOLERANCE_NS = 1_000_000


class DriveClock:
    """Tells the time since the first stamp that it was asked about."""

    def __init__(self) -> None:
        self._first_ns: int | None = None

    def since_ns(self, stamp_ns: int) -> int:
        """Nanoseconds since the first frame, which is the one of the first call."""
        if self._first_ns is None:
            self._first_ns = stamp_ns
        return stamp_ns - self._first_ns


class DelayLine(Generic[V]):
    """Gives out each value ``delay_ns`` after its stamp; what it was given before a fault began it does not know."""

    def __init__(self, delay_ns: int) -> None:
        self._delay_ns = delay_ns
        self._values: list[tuple[int, V]] = []

    def pass_through(self, stamp_ns: int, value: V | None) -> tuple[int, V] | None:
        """Take in the value of this frame; return stamp and value of the newest one that is due now, if any."""
        if value is not None:
            self._values.append((stamp_ns, value))
        due = [entry for entry in self._values if entry[0] + self._delay_ns <= stamp_ns + STAMP_TOLERANCE_NS]
        if not due:
            return None
        self._values = self._values[len(due) - 1 :]
        return due[-1]

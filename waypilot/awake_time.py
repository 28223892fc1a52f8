"""Wall time as far as a process could make use of it: a machine that is busy elsewhere does not make anybody late."""

from __future__ import annotations


class AwakeTime:
    """Seconds of wall time, of which no more than ``max_step_s`` count between two looks.

    For those who wait for messages and look once a turn: a process that gets no processor for a while finds what has
    arrived meanwhile still in its queues, and must not give up on it before it had the turns to take it.
    """

    def __init__(self, max_step_s: float) -> None:
        self._max_step_s = max_step_s
        self._looked_s: float | None = None
        self.s = 0.0

    def look(self, now_s: float) -> float:
        """Go on to ``now_s``, of any clock that only runs forward; returns the time awake since the first look."""
        if self._looked_s is not None:
            self.s += min(now_s - self._looked_s, self._max_step_s)
        self._looked_s = now_s
        return self.s

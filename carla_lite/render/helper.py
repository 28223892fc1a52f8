"""A second thread for a picture that somebody waits for."""

from __future__ import annotations

import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue

Work = Callable[[], None]


class Helper:
    """Does half of its caller's work at the same time, if it comes to it. One caller at a time.

    On a busy machine it may be long before the thread runs: what it has not begun when the caller is done with its own
    half, the caller does itself. The work has to be the same, whoever does it.
    """

    def __init__(self) -> None:
        self._waiting: SimpleQueue[Work | None] = SimpleQueue()
        self._ended: SimpleQueue[BaseException | None] = SimpleQueue()
        threading.Thread(target=self._labour, name="helper", daemon=True).start()

    def share(self, mine: Work, other: Work) -> None:
        """Do both pieces of work; raises what either of them raises, once neither is under way."""
        self._waiting.put(other)
        try:
            mine()
        finally:
            error = None if (left := self._take_back()) else self._ended.get()
        if left:
            other()
        elif error is not None:
            raise error

    def close(self) -> None:
        """End the thread."""
        self._waiting.put(None)

    def do(self, work: Work) -> BaseException | None:
        """Do a piece of work in the thread that calls this, the helper's; returns what it raised."""
        try:
            work()
        except BaseException as raised:
            return raised
        return None

    def _take_back(self) -> bool:
        try:
            self._waiting.get_nowait()
        except Empty:
            return False
        return True

    def _labour(self) -> None:
        while (work := self._waiting.get()) is not None:
            self._ended.put(self.do(work))

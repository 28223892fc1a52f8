"""An event loop whose timers are exact to some 50 microseconds; asyncio's own round up to whole milliseconds."""

from __future__ import annotations

import asyncio
import select
import selectors

_COARSE_S = 0.01


class FineSelector(selectors.EpollSelector):
    """Waits short times exactly: ``epoll`` counts in milliseconds, ``select`` on its one descriptor does not."""

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        """Wait for events for at most ``timeout`` seconds (None: as long as it takes)."""
        if timeout is not None and 0.0 < timeout < _COARSE_S:
            select.select([self.fileno()], [], [], timeout)
            timeout = 0.0
        return super().select(timeout)


class FineTimersPolicy(asyncio.DefaultEventLoopPolicy):
    """Makes event loops with exact timers."""

    def new_event_loop(self) -> asyncio.AbstractEventLoop:
        """Return a new loop."""
        return asyncio.SelectorEventLoop(FineSelector())

"""Work in other threads that nobody waits for when the server ends."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T")
_MOST_AT_ONCE = 4


class Background:
    """Runs long work beside the event loop, a few pieces at once; the others wait for their turn.

    Its threads are daemons, unlike those of ``asyncio.to_thread``: the end of the process does not wait for them.
    """

    def __init__(self) -> None:
        self._free = asyncio.Semaphore(_MOST_AT_ONCE)

    async def run(self, work: Callable[[], T]) -> T:
        """Return what ``work`` returns, or raise what it raises. Work that has begun goes on when its caller leaves."""
        await self._free.acquire()
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()

        def finish(tell: Callable[[Any], None], value: Any) -> None:
            self._free.release()
            if not answer.done():
                tell(value)

        def labour() -> None:
            try:
                outcome: tuple[Callable[[Any], None], Any] = (answer.set_result, work())
            except Exception as error:
                outcome = (answer.set_exception, error)
            with contextlib.suppress(RuntimeError):  # the loop is closed: the server has ended
                loop.call_soon_threadsafe(finish, *outcome)

        threading.Thread(target=labour, daemon=True).start()
        return await answer

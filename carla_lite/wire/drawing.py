"""Draws pictures in threads of their own, so that clients are answered meanwhile and a second core helps."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

from carla_lite.render import Helper
from carla_lite.wire.sensors import Drawing, Payload

_MOST_THREADS = 8


class DrawingBoard:
    """Pictures in the making, at most one for each sensor. What is drawn does not depend on the number of threads.

    ``helper`` is for a picture that is drawn in the thread of the event loop; None where only one thread may work.
    """

    def __init__(self, threads: int | None = None) -> None:
        """Draw in so many threads; by default in one for each core that this process may use, up to eight."""
        threads = threads or min(_MOST_THREADS, len(os.sched_getaffinity(0)))
        self.helper = Helper() if threads > 1 else None
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="camera")
        self._drawn_for: set[int] = set()
        self._idle = asyncio.Event()
        self._idle.set()
        self._error: BaseException | None = None

    def draws_for(self, sensor_id: int) -> bool:
        """Tell whether a sensor's last picture is not finished yet."""
        return sensor_id in self._drawn_for

    def draw(self, sensor_id: int, drawing: Drawing, deliver: Callable[[Payload], None]) -> None:
        """Begin a picture; ``deliver`` gets it in the thread of the event loop."""
        loop = asyncio.get_running_loop()
        self._drawn_for.add(sensor_id)
        self._idle.clear()

        def done(future: Future[Payload]) -> None:
            if not future.cancelled():
                loop.call_soon_threadsafe(self._finish, sensor_id, future, deliver)

        self._threads.submit(drawing).add_done_callback(done)

    def _finish(self, sensor_id: int, future: Future[Payload], deliver: Callable[[Payload], None]) -> None:
        self._drawn_for.discard(sensor_id)
        if not self._drawn_for:
            self._idle.set()
        error = future.exception()
        if error is None:
            deliver(future.result())
        else:
            self._error = error

    async def finished(self) -> None:
        """Wait until everything is drawn; raises what went wrong since the last call."""
        await self._idle.wait()
        error, self._error = self._error, None
        if error is not None:
            raise error

    def close(self) -> None:
        """Begin no more pictures."""
        if self.helper is not None:
            self.helper.close()
        self._threads.shutdown(wait=False, cancel_futures=True)

"""Ticks that a Traffic Manager holds up for ever, and how they are set going again."""

from __future__ import annotations

import logging
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import msgpack

_LOG = logging.getLogger(__name__)
_REQUEST = 0
_METHOD = "set_synchronous_mode"
_ANSWER_TIMEOUT_S = 1.0
_POLL_S = 0.25


class TickWatch:
    """Wakes a synchronous Traffic Manager on this machine whose thread sleeps through a tick.

    CARLA's ``TrafficManagerLocal::SynchronousTick`` sets its flag and notifies its thread without holding the mutex
    with which that goes to sleep. A notification in the very instant is lost: ``world.tick()`` never returns, and every
    call of the client's Traffic Manager classes then waits for it as well. The Traffic Manager's own RPC port still
    answers; leaving synchronous mode notifies once more, and entering it again before the thread has finished its
    round leaves everything as if the notification had not been lost.
    """

    def __init__(self, port: int) -> None:
        """Watch, from a thread, the ticks that are told."""
        self._port = port
        self._due_s: float | None = None
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="tick watch", daemon=True)
        self._thread.start()

    @contextmanager
    def watching(self, patience_s: float) -> Iterator[None]:
        """Watch over the tick inside the block.

        ``patience_s`` has to be longer than the client waits for the server's own answer: a Traffic Manager that is
        not being waited for must not be woken.
        """
        self._due_s = time.monotonic() + patience_s
        try:
            yield
        finally:
            self._due_s = None

    def close(self) -> None:
        """Watch no more."""
        self._closed.set()
        self._thread.join()

    def _run(self) -> None:
        seen_to_s: float | None = None
        while not self._closed.wait(_POLL_S):
            due_s = self._due_s
            if due_s is not None and due_s != seen_to_s and time.monotonic() > due_s:
                seen_to_s = due_s
                _LOG.warning("the Traffic Manager slept through a tick: waking it")
                self._wake()

    def _wake(self) -> None:
        calls = [[_REQUEST, number, _METHOD, [mode]] for number, mode in enumerate((False, True))]
        try:
            with socket.create_connection(("127.0.0.1", self._port), timeout=_ANSWER_TIMEOUT_S) as connection:
                connection.sendall(b"".join(map(msgpack.packb, calls)))
                _await_answers(connection, len(calls))
        except OSError as error:
            _LOG.warning("the Traffic Manager on port %d could not be woken: %s", self._port, error)


def _await_answers(connection: socket.socket, count: int) -> None:
    answers = msgpack.Unpacker()
    while count > 0:
        data = connection.recv(1 << 10)
        if not data:
            raise ConnectionError("it closed the connection")
        answers.feed(data)
        count -= sum(1 for _ in answers)

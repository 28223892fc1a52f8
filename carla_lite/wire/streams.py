"""The streaming port: world states and sensor data to whoever subscribed.

A subscriber sends the stream's id (u32) and then only listens; it ends the subscription by closing. The server never
closes the stream of a destroyed sensor or an unknown id, since the client would reconnect at once and for ever.
"""

from __future__ import annotations

import asyncio
import logging
import struct
from collections import defaultdict
from collections.abc import Sequence

_LOG = logging.getLogger(__name__)
_ID = struct.Struct("<I")
_LENGTH = struct.Struct("<I")

Parts = Sequence[bytes | memoryview]

BUFFER_LIMIT_BYTES = 4 << 20
"""What may wait for one subscriber before a synchronous world waits for it: one 1280x720 image."""
STALL_TIMEOUT_S = 2.0
"""How long a synchronous world waits for a subscriber that does not read; below the client's own 5 s."""


def _message(parts: Parts) -> bytes:
    return b"".join((_LENGTH.pack(sum(map(len, parts))), *parts))


class Subscriber:
    """One connection on one stream, with what is still to be sent to it."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writer = writer
        self._transport = writer.transport
        self._transport.set_write_buffer_limits(high=BUFFER_LIMIT_BYTES, low=0)
        self.stalled = False

    @property
    def backlog_bytes(self) -> int:
        """Bytes that the operating system has not taken yet."""
        return int(self._transport.get_write_buffer_size())

    def send(self, message: bytes) -> None:
        """Queue a message that already carries its length."""
        if not self._transport.is_closing():
            self._transport.write(message)

    async def catch_up(self) -> None:
        """Wait until the subscriber has taken its backlog, or give it up until it reads again."""
        try:
            await asyncio.wait_for(self._writer.drain(), STALL_TIMEOUT_S)
        except asyncio.TimeoutError:
            self.stalled = True
            _LOG.warning("a subscriber does not read; it gets nothing more until it does")
        except ConnectionError:
            self.stalled = True  # its connection handler is about to remove it


class StreamHub:
    """All subscriptions. Messages go out whole and in order, or not at all."""

    def __init__(self) -> None:
        self._subscribers: defaultdict[int, set[Subscriber]] = defaultdict(set)
        self._greeting: tuple[int, bytes] | None = None

    def has_subscribers(self, stream_id: int) -> bool:
        """Tell whether anybody listens; what nobody listens to need not be made."""
        return bool(self._subscribers.get(stream_id))

    def publish(self, stream_id: int, parts: Parts, droppable: bool) -> None:
        """Send to every subscriber that keeps up.

        ``droppable`` messages are left out for those who have not taken the previous one yet; others only for
        those who are more than ``BUFFER_LIMIT_BYTES`` behind.
        """
        message = _message(parts)
        limit = 0 if droppable else BUFFER_LIMIT_BYTES
        for subscriber in self._subscribers.get(stream_id, ()):
            if subscriber.backlog_bytes <= limit:
                subscriber.stalled = False
                subscriber.send(message)

    def publish_and_keep(self, stream_id: int, parts: Parts, droppable: bool) -> None:
        """Publish, and send the same message to everyone who subscribes to this stream later."""
        self._greeting = (stream_id, _message(parts))
        self.publish(stream_id, parts, droppable)

    async def wait_for_slow(self) -> None:
        """Wait, for a limited time, until nobody has more waiting than ``BUFFER_LIMIT_BYTES``."""
        slow = [
            subscriber
            for subscribers in self._subscribers.values()
            for subscriber in subscribers
            if not subscriber.stalled and subscriber.backlog_bytes > BUFFER_LIMIT_BYTES
        ]
        if slow:
            await asyncio.gather(*(subscriber.catch_up() for subscriber in slow))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Handle one connection until the client closes it. asyncio sets TCP no-delay itself."""
        subscriber = Subscriber(writer)
        stream_id = None
        try:
            stream_id = _ID.unpack(await reader.readexactly(_ID.size))[0]
            self._subscribers[stream_id].add(subscriber)
            if self._greeting and self._greeting[0] == stream_id:
                subscriber.send(self._greeting[1])
            while await reader.read(1 << 12):
                pass  # clients send nothing more; only the end of the connection counts
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            if stream_id is not None:
                self._remove(stream_id, subscriber)
            writer.close()

    def _remove(self, stream_id: int, subscriber: Subscriber) -> None:
        subscribers = self._subscribers[stream_id]
        subscribers.discard(subscriber)
        if not subscribers:
            del self._subscribers[stream_id]

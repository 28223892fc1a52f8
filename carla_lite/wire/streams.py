"""The streaming port: world states and sensor data to whoever subscribed.

A subscriber sends the stream's id (u32) and then only listens; it ends the subscription by closing. The server never
closes the stream of a destroyed sensor or an unknown id, since the client would reconnect at once and for ever.
"""

from __future__ import annotations

import asyncio
import logging
import struct
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial

from carla_lite.wire.peers import GONE_AFTER_S
from carla_lite.wire.tokens import stream_meant_by

_LOG = logging.getLogger(__name__)
_ID = struct.Struct("<I")
_LENGTH = struct.Struct("<I")

Parts = Sequence[bytes | memoryview]
When = Callable[[Callable[[], None]], None]

BUFFER_LIMIT_BYTES = 4 << 20
"""What may wait for one subscriber before a synchronous world waits for it: one 1280x720 image."""
STALL_TIMEOUT_S = 2.0
"""How long a synchronous world waits for a subscriber that does not read; below the client's own 5 s."""
ANNOUNCEMENT_TIMEOUT_S = 1.0
"""How long a synchronous world waits for a subscriber that has asked for a token but not connected yet."""

HOLD_BACK_S = 0.5
"""Time for a client to leave a stream; other clients of a world that is loaded anew learn of it that much later."""
_MAX_ANNOUNCED = 64
_MAX_ANNOUNCED_STREAMS = 1024


def at_once(send: Callable[[], None]) -> None:
    """Send without waiting for anything."""
    send()


def _message(parts: Parts) -> bytes:
    return b"".join((_LENGTH.pack(sum(map(len, parts))), *parts))


class Subscriber:
    """One connection on one stream, with what is still to be sent to it."""

    def __init__(self, writer: asyncio.StreamWriter, stream_id: int) -> None:
        self._writer, self.stream_id = writer, stream_id
        self._transport = writer.transport
        self._transport.set_write_buffer_limits(high=BUFFER_LIMIT_BYTES, low=0)
        self.stalled = False
        self.held_back = False

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
            peer = self._writer.get_extra_info("peername")
            _LOG.warning(
                "a subscriber of stream %s at %s does not read; it gets nothing more until it does",
                self.stream_id,
                peer,
            )
        except ConnectionError:
            self.stalled = True  # its connection handler is about to remove it


class StreamHub:
    """All subscriptions. Messages go out whole and in order, or not at all.

    Who connects and does not name a stream within ``gone_after_s`` seconds is cut off.
    """

    def __init__(self, gone_after_s: float = GONE_AFTER_S) -> None:
        self._gone_after_s = gone_after_s
        self._subscribers: defaultdict[int, set[Subscriber]] = defaultdict(set)
        self._greeting: tuple[int, bytes] | None = None
        self._announced: defaultdict[int, list[asyncio.Event]] = defaultdict(list)

    def has_subscribers(self, stream_id: int) -> bool:
        """Tell whether anybody listens; what nobody listens to need not be made."""
        return bool(self._subscribers.get(stream_id))

    def announce(self, stream_id: int) -> None:
        """Note that a client is about to subscribe.

        ``sensor.listen()`` asks for a token, then connects in the background and returns. Without this the next tick
        could come before the connection, and its image would be lost. A client that asks for thousands of tokens
        is not waited for thousands of times.
        """
        known = stream_id in self._announced
        if known and len(self._announced[stream_id]) >= _MAX_ANNOUNCED:
            return
        if known or len(self._announced) < _MAX_ANNOUNCED_STREAMS:
            self._announced[stream_id].append(asyncio.Event())

    def publish(self, stream_id: int, parts: Parts, droppable: bool) -> None:
        """Send to every subscriber that keeps up.

        ``droppable`` messages are left out for those who have not taken the previous one yet; others only for
        those who are more than ``BUFFER_LIMIT_BYTES`` behind.
        """
        self._send(stream_id, _message(parts), droppable)

    def _send(self, stream_id: int, message: bytes, droppable: bool) -> None:
        limit = 0 if droppable else BUFFER_LIMIT_BYTES
        for subscriber in self._subscribers.get(stream_id, ()):
            if subscriber.backlog_bytes <= limit and not subscriber.held_back:
                subscriber.stalled = False
                subscriber.send(message)

    def publish_and_keep(self, stream_id: int, parts: Parts, droppable: bool, when: When = at_once) -> None:
        """Publish and send the same message to everyone who subscribes to this stream later.

        ``when`` is handed what sends the message, and calls it when it may go out.
        """
        message = _message(parts)
        self._greeting = (stream_id, message)
        when(partial(self._send, stream_id, message, droppable))

    def hold_back(self, stream_id: int) -> None:
        """Send nothing to the present subscribers for ``HOLD_BACK_S``, then the message kept last.

        While CARLA's client loads a map it closes its old subscription and opens another. A message that arrives
        just then aborts its process now and then ("bad_weak_ptr", "close: Bad file descriptor").
        """
        present = set(self._subscribers.get(stream_id, ()))
        for subscriber in present:
            subscriber.held_back = True
        asyncio.get_running_loop().call_later(HOLD_BACK_S, self._release, present)

    def _release(self, subscribers: set[Subscriber]) -> None:
        for subscriber in subscribers:
            subscriber.held_back = False
            if self._greeting:
                subscriber.send(self._greeting[1])

    async def wait_for_all(self) -> None:
        """Wait, for a limited time, for subscribers that are on their way and for those that are far behind."""
        if self._announced:
            await self._wait_for_announced()
        slow = [
            subscriber
            for subscribers in self._subscribers.values()
            for subscriber in subscribers
            if not subscriber.stalled and subscriber.backlog_bytes > BUFFER_LIMIT_BYTES
        ]
        if slow:
            await asyncio.gather(*(subscriber.catch_up() for subscriber in slow))

    async def _wait_for_announced(self) -> None:
        expected = [(stream_id, event) for stream_id, events in self._announced.items() for event in events]
        try:
            await asyncio.wait_for(asyncio.gather(*(event.wait() for _, event in expected)), ANNOUNCEMENT_TIMEOUT_S)
        except asyncio.TimeoutError:
            absent = [(stream_id, event) for stream_id, event in expected if not event.is_set()]
            _LOG.info("%d subscribers did not come; the first was awaited on stream %d", len(absent), absent[0][0])
            for stream_id, event in absent:  # those announced meanwhile are waited for by the next tick
                self._give_up(stream_id, event)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Handle one connection until the client closes it. asyncio sets TCP no-delay itself."""
        subscriber = None
        try:
            asked = await asyncio.wait_for(reader.readexactly(_ID.size), self._gone_after_s)
            subscriber = Subscriber(writer, stream_meant_by(_ID.unpack(asked)[0]))
            self._subscribers[subscriber.stream_id].add(subscriber)
            self._arrived(subscriber.stream_id)
            if self._greeting and self._greeting[0] == subscriber.stream_id:
                subscriber.send(self._greeting[1])
            while await reader.read(1 << 12):
                pass  # clients send nothing more; only the end of the connection counts
        except (asyncio.TimeoutError, TimeoutError):  # the second is the operating system's
            _LOG.warning("dropped a subscriber at %s that was silent for too long", writer.get_extra_info("peername"))
        except (asyncio.IncompleteReadError, OSError):
            pass
        finally:
            if subscriber is not None:
                self._remove(subscriber.stream_id, subscriber)
            writer.close()

    def _arrived(self, stream_id: int) -> None:
        announced = self._announced.get(stream_id)
        if announced:
            announced[0].set()
            self._give_up(stream_id, announced[0])

    def _give_up(self, stream_id: int, event: asyncio.Event) -> None:
        """Wait for this announcement no more; a second tick may have done so already."""
        announced = self._announced.get(stream_id, [])
        if event in announced:
            announced.remove(event)
            if not announced:
                del self._announced[stream_id]

    def _remove(self, stream_id: int, subscriber: Subscriber) -> None:
        subscribers = self._subscribers[stream_id]
        subscribers.discard(subscriber)
        if not subscribers:
            del self._subscribers[stream_id]

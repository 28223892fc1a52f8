import asyncio
import struct

import pytest

from carla_lite.wire import streams
from carla_lite.wire.streams import BUFFER_LIMIT_BYTES, StreamHub

PATIENCE_S = 60.0


@pytest.fixture(autouse=True)
def patient_hub(monkeypatch):
    """The hub gives nobody up, so that whatever ends a wait is what the test does and not a machine that is busy."""
    monkeypatch.setattr(streams, "ANNOUNCEMENT_TIMEOUT_S", 10.0 * PATIENCE_S)
    monkeypatch.setattr(streams, "STALL_TIMEOUT_S", 10.0 * PATIENCE_S)


class Harness:
    """A hub behind a real socket."""

    async def __aenter__(self):
        self.hub = StreamHub()
        self._server = await asyncio.start_server(self.hub.serve, "127.0.0.1", 0)
        self._port = self._server.sockets[0].getsockname()[1]
        self._writers = []
        return self

    async def __aexit__(self, *_):
        for writer in self._writers:
            writer.close()
        self._server.close()
        await asyncio.sleep(0.05)

    async def subscribe(self, stream_id):
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._writers.append(writer)
        writer.write(struct.pack("<I", stream_id))
        while not self.hub.has_subscribers(stream_id):
            await asyncio.sleep(0.005)
        return reader, writer


async def receive(reader):
    (length,) = struct.unpack("<I", await asyncio.wait_for(reader.readexactly(4), PATIENCE_S))
    return await asyncio.wait_for(reader.readexactly(length), PATIENCE_S)


async def read_on(reader):
    while await reader.read(1 << 20):
        pass


def run(scenario):
    async def main():
        async with Harness() as harness:
            await scenario(harness)

    asyncio.run(main())


def test_messages_reach_their_stream_whole_and_in_order():
    async def scenario(harness):
        reader, _ = await harness.subscribe(7)
        other, _ = await harness.subscribe(8)
        for number in range(3):
            harness.hub.publish(7, [b"part", bytes([number])], droppable=False)
        harness.hub.publish(8, [b"else"], droppable=False)
        assert [await receive(reader) for _ in range(3)] == [b"part\x00", b"part\x01", b"part\x02"]
        assert await receive(other) == b"else"

    run(scenario)


def test_late_subscribers_get_the_last_kept_message():
    async def scenario(harness):
        harness.hub.publish_and_keep(0, [b"old"], droppable=False)
        harness.hub.publish_and_keep(0, [b"new"], droppable=False)
        reader, _ = await harness.subscribe(0)
        assert await receive(reader) == b"new"

    run(scenario)


def test_droppable_messages_do_not_pile_up_and_others_only_to_the_limit():
    async def scenario(harness):
        reader, _ = await harness.subscribe(1)
        block = bytes(1 << 20)
        for number in range(64):
            harness.hub.publish(1, [bytes([number]), block], droppable=number > 32)
        (subscriber,) = harness.hub._subscribers[1]
        assert 0 < subscriber.backlog_bytes < BUFFER_LIMIT_BYTES + 2 * len(block)
        first = await receive(reader)
        assert first[0] == 0
        assert len(first) == len(block) + 1

    run(scenario)


def test_waiting_ends_when_a_slow_subscriber_catches_up():
    async def scenario(harness):
        reader, _ = await harness.subscribe(1)
        for _ in range(40):
            harness.hub.publish(1, [bytes(1 << 20)], droppable=False)
        waiting = asyncio.create_task(harness.hub.wait_for_all())
        await asyncio.sleep(0.05)
        assert not waiting.done()
        reading = asyncio.create_task(read_on(reader))
        await asyncio.wait_for(waiting, PATIENCE_S)
        reading.cancel()

    run(scenario)


def test_an_announced_subscriber_is_waited_for():
    async def scenario(harness):
        harness.hub.announce(5)
        waiting = asyncio.create_task(harness.hub.wait_for_all())
        await asyncio.sleep(0.05)
        assert not waiting.done()
        await harness.subscribe(5)
        await asyncio.wait_for(waiting, PATIENCE_S)
        await asyncio.wait_for(harness.hub.wait_for_all(), PATIENCE_S)

    run(scenario)


def test_those_announced_during_a_wait_are_waited_for_by_the_next():
    async def scenario(harness):
        harness.hub.announce(5)
        waiting = asyncio.create_task(harness.hub.wait_for_all())
        await asyncio.sleep(0.01)
        harness.hub.announce(6)
        await harness.subscribe(5)
        await asyncio.wait_for(waiting, PATIENCE_S)
        second = asyncio.create_task(harness.hub.wait_for_all())
        await asyncio.sleep(0.05)
        assert not second.done()
        await harness.subscribe(6)
        await asyncio.wait_for(second, PATIENCE_S)

    run(scenario)


def test_a_client_that_asks_for_thousands_of_tokens_is_waited_for_once_and_forgotten(monkeypatch):
    async def scenario(harness):
        for stream_id in range(50_000):
            harness.hub.announce(stream_id)
        with monkeypatch.context() as impatient:
            impatient.setattr(streams, "ANNOUNCEMENT_TIMEOUT_S", 0.1)
            await asyncio.wait_for(harness.hub.wait_for_all(), PATIENCE_S)
        await asyncio.wait_for(harness.hub.wait_for_all(), PATIENCE_S)

    run(scenario)


def test_held_back_subscribers_get_the_kept_message_later():
    async def scenario(harness):
        reader, _ = await harness.subscribe(0)
        harness.hub.hold_back(0)
        harness.hub.publish_and_keep(0, [b"first"], droppable=False)
        harness.hub.publish_and_keep(0, [b"second"], droppable=False)
        newcomer, _ = await harness.subscribe(0)
        assert await receive(newcomer) == b"second"
        assert await receive(reader) == b"second"
        harness.hub.publish_and_keep(0, [b"third"], droppable=False)
        assert await receive(reader) == b"third"

    run(scenario)


def test_a_subscriber_that_leaves_is_forgotten():
    async def scenario(harness):
        _, writer = await harness.subscribe(3)
        writer.close()
        while harness.hub.has_subscribers(3):
            await asyncio.sleep(0.01)

    run(lambda harness: asyncio.wait_for(scenario(harness), PATIENCE_S))

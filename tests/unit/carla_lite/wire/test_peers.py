"""Clients that are gone without an end of their connection, at a server in this process."""

import asyncio
import os
import signal
import socket
import struct
import subprocess
import sys

import msgpack
import pytest

from carla_lite.maps import load_town
from carla_lite.wire.recordings_folder import RecordingsFolder
from carla_lite.wire.server import Server, bind_ports
from carla_lite.wire.simulation import Simulation
from carla_lite.wire.streams import BUFFER_LIMIT_BYTES, StreamHub
from carla_lite.wire.towns import TownLibrary

GONE_AFTER_S = 2.0
PATIENCE_S = 60.0
STREAM = 4711
BLOCK = bytes(1 << 20)


class Harness:
    """A server that gives clients up soon."""

    def __init__(self, folder):
        self.clients = []
        self.ports = bind_ports("127.0.0.1", 0)
        self.hub = StreamHub(GONE_AFTER_S)
        town, recordings = load_town("Lite01"), RecordingsFolder(folder)
        simulation = Simulation(town, TownLibrary(), recordings, self.hub, self.ports.streaming_port)
        self.server = Server(simulation, self.hub, self.ports, GONE_AFTER_S)

    @property
    def accepted(self):
        """The server's ends of all connections."""
        return [writer.get_extra_info("socket") for writer in self.server._connections]

    async def connect(self, port):
        streams = await asyncio.open_connection("127.0.0.1", port)
        self.clients.append(streams)  # asyncio closes what nobody holds
        own_end = streams[1].get_extra_info("sockname")
        await until(lambda: own_end in [writer.get_extra_info("peername") for writer in self.server._connections])
        return streams


async def until(condition):
    async def poll():
        while not condition():
            await asyncio.sleep(0.02)

    await asyncio.wait_for(poll(), PATIENCE_S)


@pytest.fixture
def run(tmp_path):
    def run(scenario):
        async def main():
            harness = Harness(tmp_path)
            ready = asyncio.Event()
            serving = asyncio.create_task(harness.server.run(ready.set))
            await ready.wait()
            try:
                await scenario(harness)
            finally:
                harness.server.stop()
                await serving
                harness.ports.close()

        asyncio.run(main())

    return run


async def version(reader, writer):
    writer.write(msgpack.packb([0, 1, "version", [[False]]]))
    return msgpack.unpackb(await asyncio.wait_for(reader.read(1 << 12), PATIENCE_S))[3]


def test_the_operating_system_watches_connections_of_both_ports(run):
    async def scenario(harness):
        await harness.connect(harness.ports.rpc_port)
        await harness.connect(harness.ports.streaming_port)
        assert len(harness.accepted) == 2
        for accepted in harness.accepted:
            idle_s, interval_s, probes, takes_ms = (
                accepted.getsockopt(socket.IPPROTO_TCP, option)
                for option in (
                    socket.TCP_KEEPIDLE, socket.TCP_KEEPINTVL, socket.TCP_KEEPCNT, socket.TCP_USER_TIMEOUT
                )
            )  # fmt: skip
            assert accepted.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
            assert idle_s + probes * interval_s <= 2.0 * GONE_AFTER_S  # whole seconds, one at least for each
            assert takes_ms == 1000 * GONE_AFTER_S

    run(scenario)


@pytest.mark.parametrize("sent", [b"\x94", msgpack.packb([0, 1, "copy_opendrive_to_file", [[False], "x" * 9000]])[:-1]])
def test_who_stops_within_a_call_is_cut_off_and_others_are_not(run, sent):
    async def scenario(harness):
        silent = await harness.connect(harness.ports.rpc_port)
        assert await version(*silent)
        half_way = await harness.connect(harness.ports.rpc_port)
        assert await version(*half_way)
        half_way[1].write(sent)
        assert await asyncio.wait_for(half_way[0].read(), PATIENCE_S) == b""
        await asyncio.sleep(GONE_AFTER_S)  # who is silent between two calls may be so for longer
        assert len(harness.accepted) == 1
        assert await version(*silent)

    run(scenario)


def test_who_names_no_stream_is_cut_off_and_who_waits_for_data_is_not(run, caplog):
    async def scenario(harness):
        waiting, writer = await harness.connect(harness.ports.streaming_port)
        writer.write(struct.pack("<I", STREAM))
        nameless, writer = await harness.connect(harness.ports.streaming_port)
        writer.write(b"\x01\x02")
        assert await asyncio.wait_for(nameless.read(), PATIENCE_S) == b""
        await asyncio.sleep(GONE_AFTER_S)
        harness.hub.publish(STREAM, [b"data"], droppable=False)
        assert await asyncio.wait_for(waiting.readexactly(8), PATIENCE_S) == b"\x04\0\0\0data"

    run(scenario)
    assert caplog.text.count("dropped a subscriber") == 1


STANDING = """
import socket, struct, sys, time
stream, call = (socket.create_connection(("127.0.0.1", int(port))) for port in sys.argv[1:3])
stream.sendall(struct.pack("<I", int(sys.argv[3])))
call.sendall(sys.stdin.buffer.read())
print("connected", flush=True)
time.sleep(60.0)
"""


def test_a_process_that_stands_still_with_full_pipes_is_dropped_and_holds_up_nobody(run, caplog):
    """Its operating system still acknowledges probes, unlike one without power: only what it does not take tells."""

    async def scenario(harness):
        command = [sys.executable, "-c", STANDING, str(harness.ports.streaming_port), str(harness.ports.rpc_port)]
        with subprocess.Popen([*command, str(STREAM)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as standing:
            try:
                calls = [msgpack.packb([0, i, "get_map_data", [[False]]]) for i in range(200)]  # 70 MB of answers
                standing.stdin.write(b"".join(calls))
                standing.stdin.close()
                assert await asyncio.to_thread(standing.stdout.readline) == b"connected\n"
                os.kill(standing.pid, signal.SIGSTOP)
                await until(lambda: harness.hub.has_subscribers(STREAM))
                for _ in range(32):
                    harness.hub.publish(STREAM, [BLOCK], droppable=False)
                (subscriber,) = harness.hub._subscribers[STREAM]
                assert 0 < subscriber.backlog_bytes <= BUFFER_LIMIT_BYTES + 2 * len(BLOCK)
                other = await harness.connect(harness.ports.rpc_port)
                assert await version(*other)
                await until(lambda: len(harness.accepted) == 1)
                assert not harness.hub.has_subscribers(STREAM)
                assert await version(*other)
            finally:
                standing.kill()

    run(scenario)
    assert "dropped a subscriber" in caplog.text
    assert "dropped the client" in caplog.text

"""The server: both ports, the world's own clock and an orderly end, in one asyncio loop."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import logging
import socket
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from carla_lite.wire import peers
from carla_lite.wire.methods import METHODS
from carla_lite.wire.rpc import RpcServer
from carla_lite.wire.simulation import Simulation
from carla_lite.wire.streams import StreamHub

_LOG = logging.getLogger(__name__)
_MAX_PORT = 65535
_DISCONNECT_TIMEOUT_S = 0.5

Connection = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


class PortError(Exception):
    """A port cannot be had; the message says which one and why."""


@dataclass(frozen=True, slots=True)
class Ports:
    """The two bound, not yet listening sockets of a server; clients are refused until it is ready."""

    rpc: socket.socket
    streaming: socket.socket

    @property
    def rpc_port(self) -> int:
        """Number of the RPC port."""
        return int(self.rpc.getsockname()[1])

    @property
    def streaming_port(self) -> int:
        """Number of the streaming port."""
        return int(self.streaming.getsockname()[1])

    def close(self) -> None:
        """Free both ports."""
        self.rpc.close()
        self.streaming.close()


def bind_ports(host: str, port: int, streaming_port: int | None = None) -> Ports:
    """Take the RPC port (0: any free one) and the streaming port (None: the next one, or any free one for 0).

    Raises PortError when a port is taken or the host is not one of this machine.
    """
    if streaming_port is None:
        streaming_port = port + 1 if port else 0
    if streaming_port > _MAX_PORT:
        raise PortError(f"there is no port {streaming_port} for streaming; choose one with --streaming-port")
    rpc = _bind(host, port, "--port")
    try:
        return Ports(rpc, _bind(host, streaming_port, "--streaming-port"))
    except PortError:
        rpc.close()
        raise


def _bind(host: str, port: int, option: str) -> socket.socket:
    """Bind a socket without listening; whoever listens on the port already makes this fail. ``option`` chooses it."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    except socket.gaierror as error:
        raise PortError(f"cannot listen on host '{host}': {error.strerror}") from None
    bound = socket.socket(family, kind, protocol)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind(address)
    except OSError as error:
        bound.close()
        raise PortError(_explain(host, port, option, error)) from None
    return bound


def _explain(host: str, port: int, option: str, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        what = "port" if option == "--port" else "streaming port"
        return f"{what} {port} on {host} is in use; stop what listens there or choose another with {option}"
    return f"cannot listen on {host}:{port}: {error.strerror}"


class Server:
    """Serves one simulation on two ports until it is told to stop.

    A client that is gone without a word, or stops within a message, is dropped after about ``gone_after_s`` seconds.
    """

    def __init__(
        self, simulation: Simulation, hub: StreamHub, ports: Ports, gone_after_s: float = peers.GONE_AFTER_S
    ) -> None:
        self._simulation = simulation
        self._hub = hub
        self._ports = ports
        self._gone_after_s = gone_after_s
        self._connections: dict[asyncio.StreamWriter, asyncio.Task[Any] | None] = {}
        self._refused = 0
        self._stop = asyncio.Event()

    def stop(self) -> None:
        """Ask the server to end; ``run`` then returns."""
        self._stop.set()

    async def run(self, on_ready: Callable[[], None]) -> None:
        """Serve until ``stop``; calls ``on_ready`` once clients are welcome. Raises PortError when a port is lost."""
        rpc = RpcServer(self._simulation, METHODS, self._gone_after_s)
        asyncio.get_running_loop().set_exception_handler(self._report)
        try:
            servers = [
                await asyncio.start_server(self._tracked(rpc.serve), sock=self._ports.rpc),
                await asyncio.start_server(self._tracked(self._hub.serve), sock=self._ports.streaming),
            ]
        except OSError as error:
            raise PortError(f"cannot listen on ports {self._ports.rpc_port} and {self._ports.streaming_port}: "
                            f"{error.strerror}") from None  # fmt: skip
        clock = asyncio.create_task(self._simulation.run_freely())
        stopped = asyncio.create_task(self._stop.wait())
        on_ready()
        done, _ = await asyncio.wait({clock, stopped}, return_when=asyncio.FIRST_COMPLETED)
        for server in servers:
            server.close()
        await self._disconnect()
        await _cancel(stopped, *({clock} - done))
        self._simulation.close()
        if clock in done:
            clock.result()

    def _report(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Say once in a while, not hundreds of times a second, that no more connections can be had."""
        error = context.get("exception")
        if not (isinstance(error, OSError) and error.errno in (errno.EMFILE, errno.ENFILE)):
            loop.default_exception_handler(context)
            return
        self._refused += 1
        if self._refused & (self._refused - 1) == 0:
            _LOG.warning("no new client can connect: %d connections and %s", len(self._connections), error.strerror)

    def _tracked(self, serve: Connection) -> Connection:
        """Keep account of a handler's connections, so that they can be ended with the server."""

        async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            peers.watch(writer.get_extra_info("socket"), self._gone_after_s)
            self._connections[writer] = asyncio.current_task()
            try:
                await serve(reader, writer)
            finally:
                del self._connections[writer]

        return handle

    async def _disconnect(self) -> None:
        """Drop all clients and wait a moment for their handlers to notice."""
        handlers = [task for task in self._connections.values() if task is not None]
        for writer in self._connections:
            writer.transport.abort()
        if handlers:
            await asyncio.wait(handlers, timeout=_DISCONNECT_TIMEOUT_S)


async def _cancel(*tasks: asyncio.Task[object]) -> None:
    for task in tasks:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task

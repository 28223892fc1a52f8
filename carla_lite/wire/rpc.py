"""The RPC port: msgpack-RPC requests in, replies out, one coroutine per connection."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from typing import Any

import msgpack

from carla_lite.wire import readers
from carla_lite.wire.errors import CallError
from carla_lite.wire.peers import GONE_AFTER_S, PeerSilentError
from carla_lite.wire.refused import refusal
from carla_lite.wire.table import Method

_LOG = logging.getLogger(__name__)
_REQUEST, _RESPONSE, _NOTIFICATION = 0, 1, 2
_READ_BYTES = 1 << 16
MAX_MESSAGE_BYTES = 64 << 20
"""Larger than any OpenDRIVE document; a connection that sends more in one message is closed."""


class ProtocolError(Exception):
    """What came in is no msgpack-RPC; the connection cannot be continued."""


class RpcServer:
    """Serves method tables to any number of clients; calls of one client are answered in order.

    Who begins a message and sends nothing of it for ``gone_after_s`` seconds is cut off.
    """

    def __init__(self, simulation: Any, methods: dict[str, Method], gone_after_s: float = GONE_AFTER_S) -> None:
        self._simulation = simulation
        self._methods = methods
        self._gone_after_s = gone_after_s
        self._complaints: Counter[str] = Counter()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Handle one connection until the client leaves or breaks the protocol. asyncio sets TCP no-delay itself."""
        peer = writer.get_extra_info("peername")
        unpacker = _unpacker()
        fed_bytes = read_bytes = 0
        try:
            while data := await self._read(reader, in_message=fed_bytes > read_bytes):
                unpacker.feed(data)
                fed_bytes += len(data)
                for message in unpacker:
                    read_bytes = unpacker.tell()  # not later: it counts what is read of a message half there
                    reply = await self._answer(message)
                    if reply is not None:
                        writer.write(msgpack.packb(reply))
                        await writer.drain()
                    await asyncio.sleep(0)  # who sends thousands of calls at once shall not keep others waiting
        except TimeoutError:
            _LOG.warning("dropped the client %s, which was silent for too long", peer)
        except OSError:
            _LOG.debug("client %s vanished", peer)
        except (PeerSilentError, ProtocolError, ValueError, msgpack.exceptions.UnpackException) as error:
            _LOG.warning("closing the RPC connection of %s: %s: %s", peer, type(error).__name__, error)
        finally:
            writer.close()

    async def _read(self, reader: asyncio.StreamReader, in_message: bool) -> bytes:
        """Return what comes next, empty at the end; between two messages a client may be silent for ever."""
        if not in_message:
            return await reader.read(_READ_BYTES)
        try:
            return await asyncio.wait_for(reader.read(_READ_BYTES), self._gone_after_s)
        except asyncio.TimeoutError:
            raise PeerSilentError(f"a message did not go on for {self._gone_after_s:g} s") from None

    async def _answer(self, message: Any) -> list[Any] | None:
        message_id, name, params = _parse(message)
        error, result = await self._call(name, params)
        return None if message_id is None else [_RESPONSE, message_id, error, result]

    async def _call(self, name: str, params: list[Any]) -> tuple[str | None, Any]:
        """Return the error and the result of a call, one of them None."""
        method = self._methods.get(name)
        if method is None:
            self._complain("unknown methods", f"no method {name[:80]!r}")
            refused = refusal(name)
            return (f"carla_lite has no method '{name[:80]}'", None) if refused is None else (None, refused)
        try:
            if not params:
                raise CallError("the call metadata is missing")
            return None, await method.call(self._simulation, params[1:])
        except CallError as error:
            reason = str(error)
            self._complain(name, reason)
        except Exception:
            _LOG.exception("%s failed", name)
            reason = f"internal error of carla_lite in {name}, see its log"
        return (f"{name}: {reason}", None) if method.failure is None else (None, method.failure(reason))

    def _complain(self, name: str, reason: str) -> None:
        """Log refusals, since clients ignore the answer to calls that they do not wait for; rarely when repeated."""
        self._complaints[name] += 1
        count = self._complaints[name]
        if count & (count - 1) == 0:
            _LOG.warning("refused %s (%d so far): %s", name, count, reason)


def _unpacker() -> msgpack.Unpacker:
    """Make the reader of one connection; what a header announces is refused before there is memory for it."""
    return msgpack.Unpacker(
        raw=False,
        unicode_errors="replace",
        max_buffer_size=MAX_MESSAGE_BYTES,
        max_array_len=readers.MAX_LIST,
        max_map_len=0,  # CARLA's protocol has neither maps nor extension types
        max_ext_len=0,
    )


def _parse(message: Any) -> tuple[int | None, str, list[Any]]:
    """Split a message into id (None for a notification), method name and parameters."""
    if isinstance(message, list) and message:
        if message[0] == _REQUEST and len(message) == 4:
            message_id, name, params = message[1:]
            if isinstance(message_id, int) and isinstance(name, str) and isinstance(params, list):
                return message_id, name, params
        if message[0] == _NOTIFICATION and len(message) == 3:
            name, params = message[1:]
            if isinstance(name, str) and isinstance(params, list):
                return None, name, params
    raise ProtocolError("not a msgpack-RPC request")

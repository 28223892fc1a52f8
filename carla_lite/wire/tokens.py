"""Stream tokens: 24 bytes that tell a client where to subscribe."""

from __future__ import annotations

import struct

_LAYOUT = struct.Struct("<IHBB16x")
_PROTOCOL_TCP = 1
_ADDRESS_NOT_SET = 0

WORLD_STATE_STREAM = 0
"""The stream of world states; every other stream id is the id of a sensor actor."""


def stream_token(stream_id: int, port: int) -> bytes:
    """Make the token of a stream on ``port``.

    No address is set: the client then uses the host it already reached, which works through any interface.
    """
    return _LAYOUT.pack(stream_id, port, _PROTOCOL_TCP, _ADDRESS_NOT_SET)

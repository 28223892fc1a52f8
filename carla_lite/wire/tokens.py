"""Stream tokens: 24 bytes that tell a client where to subscribe."""

from __future__ import annotations

import struct

_LAYOUT = struct.Struct("<IHBB16x")
_PROTOCOL_TCP = 1
_ADDRESS_NOT_SET = 0

WORLD_STATE_STREAM = 0
"""The stream of world states; every other stream id is the id of a sensor actor."""

_WORLD_STATE_ALIASES = 1 << 31


def world_state_alias(episode_id: int) -> int:
    """Return the stream id under which an episode offers the world states.

    Each episode has its own: the genuine client drops its old episode while loading a map, sometimes after it has
    subscribed for the new one, and would then end the new subscription with the old (and crash, or wait for ever).
    """
    return _WORLD_STATE_ALIASES + episode_id % _WORLD_STATE_ALIASES


def stream_meant_by(stream_id: int) -> int:
    """Return the stream that a client means by an id: all world state aliases are one stream."""
    return WORLD_STATE_STREAM if stream_id >= _WORLD_STATE_ALIASES else stream_id


def stream_token(stream_id: int, port: int) -> bytes:
    """Make the token of a stream on ``port``.

    No address is set: the client then uses the host it already reached, which works through any interface.
    """
    return _LAYOUT.pack(stream_id, port, _PROTOCOL_TCP, _ADDRESS_NOT_SET)

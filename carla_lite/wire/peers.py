"""When the other end of a connection counts as gone: it lost power or its network, or stands still half-way.

Such a peer sends no end (FIN), so that only time tells. One that is alive and has nothing to say is never cut off: its
operating system answers for it, even while its process is stopped in a debugger.
"""

from __future__ import annotations

import socket

GONE_AFTER_S = 120.0
"""Default: long enough for a breakpoint in a client whose data pile up meanwhile."""
_PROBES = 3


class PeerSilentError(Exception):
    """A peer began a message and did not go on with it."""


def watch(connected: socket.socket, gone_after_s: float) -> None:
    """Let the operating system end a connection whose peer is gone; a read from it then fails with an OSError.

    An idle peer is probed and must answer (tcp(7), TCP_KEEPIDLE and its kin); one for whom something waits must take it
    (TCP_USER_TIMEOUT, which counts a full receive window too). Both take about ``gone_after_s`` seconds, at least 2.
    """
    interval_s = max(1, round(gone_after_s / 2 / _PROBES))
    idle_s = max(1, round(gone_after_s) - _PROBES * interval_s)
    connected.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, idle_s)
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, interval_s)
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, _PROBES)
    connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, round(1000 * gone_after_s))

"""``python -m carla_lite``: the command line of the server."""

import os
import signal
import socket
import sys
import threading
import time
from types import FrameType

_GRACE_S = 0.5


def _leave(number: int, frame: FrameType | None) -> None:
    """End in order when a signal comes before the server runs, such as while it compiles."""
    sys.exit(0)


def _insist(signalled: socket.socket) -> None:
    """End the process when the main thread has not done so a moment after a signal.

    Python runs ``_leave`` between two of its own instructions only, and the compiler may be away for seconds.
    """
    signalled.recv(1)
    time.sleep(_GRACE_S)
    os._exit(0)


def end_on_signals() -> None:
    """Let SIGTERM and SIGINT end the process with code 0, whatever it does, until an event loop takes over signals."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    signalled, waking = socket.socketpair()
    waking.setblocking(False)
    signal.set_wakeup_fd(waking.detach())
    threading.Thread(target=_insist, args=(signalled,), daemon=True).start()


def _run() -> int:
    """Import late: that alone takes a second, in which a signal must already end the process in order."""
    end_on_signals()
    from carla_lite.wire.cli import main

    return main()


if __name__ == "__main__":
    sys.exit(_run())

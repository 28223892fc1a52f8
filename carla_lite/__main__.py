"""``python -m carla_lite``: the command line of the server."""

import signal
import sys
from types import FrameType


def _leave(number: int, frame: FrameType | None) -> None:
    """End in order when a signal comes before the server runs, such as while it compiles."""
    sys.exit(0)


def _run() -> int:
    """Import late: that alone takes a second, in which a signal must already end the process in order."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    from carla_lite.wire.cli import main

    return main()


if __name__ == "__main__":
    sys.exit(_run())

"""carla_lite with clocks on its parts: ``python -m benchmarks.timed_server``, with the arguments of carla_lite.

On SIGUSR1 it writes the processor seconds spent so far, by part, to the file that ``TIMES_FILE`` in the environment
names. The clocks are those of the thread that works, so that waiting and other programs do not count.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.clocks import Clock

TIMES_FILE = "TIMES_FILE"
PHYSICS, RENDERER = "physics", "renderer"


def serve_timed() -> int:
    """Run the server with clocks."""
    from carla_lite.engine import World
    from carla_lite.render import Helper, Renderer
    from carla_lite.wire.cli import main

    renderer = ((RENDERER, World, "scene"), (RENDERER, Renderer, "rgb"), (RENDERER, Helper, "do"))
    clock = Clock(((PHYSICS, World, "step"), *renderer))
    signal.signal(signal.SIGUSR1, _writer(clock, Path(os.environ[TIMES_FILE])))
    return main()


def _writer(clock: Clock, path: Path) -> Callable[..., None]:
    def write(*_: object) -> None:
        used = time.process_time()
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps({"all": used, **clock.spent_s}))
        partial.replace(path)

    return write


if __name__ == "__main__":
    sys.exit(serve_timed())

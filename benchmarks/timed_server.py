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
from typing import Any

TIMES_FILE = "TIMES_FILE"
PHYSICS, RENDERER = "physics", "renderer"


class Clocks:
    """Adds up the processor time of chosen methods."""

    def __init__(self) -> None:
        self.spent_s = {PHYSICS: 0.0, RENDERER: 0.0}

    def watch(self, part: str, owner: type, method: str) -> None:
        """Count the time of a method towards a part."""
        timed = getattr(owner, method)

        def counted(*arguments: Any, **options: Any) -> Any:
            begin_s = time.thread_time()
            try:
                return timed(*arguments, **options)
            finally:
                self.spent_s[part] += time.thread_time() - begin_s

        setattr(owner, method, counted)


def serve_timed() -> int:
    """Run the server with clocks."""
    from carla_lite.engine import World
    from carla_lite.render import Renderer
    from carla_lite.wire.cli import main

    clocks, path = Clocks(), Path(os.environ[TIMES_FILE])
    for part, owner, method in ((PHYSICS, World, "step"), (RENDERER, World, "scene"), (RENDERER, Renderer, "rgb")):
        clocks.watch(part, owner, method)
    signal.signal(signal.SIGUSR1, _writer(clocks, path))
    return main()


def _writer(clocks: Clocks, path: Path) -> Callable[..., None]:
    def write(*_: object) -> None:
        used = time.process_time()
        partial = path.with_suffix(".partial")
        partial.write_text(json.dumps({"all": used, **clocks.spent_s}))
        partial.replace(path)

    return write


if __name__ == "__main__":
    sys.exit(serve_timed())

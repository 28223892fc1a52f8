"""A carla_lite server in a process of its own, for tests and evaluation runs."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import TracebackType

_POLL_S = 0.02
_STOP_TIMEOUT_S = 5.0


class ServerError(RuntimeError):
    """The server did not start, or ended by itself; the message holds the end of its log."""


class ServerProcess:
    """Starts ``python -m carla_lite``, waits until it is ready and ends it with the block.

    The server also ends when this process dies without a word: it holds the other end of its standard input.

        with ServerProcess(map="Lite01") as server:
            client = carla.Client("127.0.0.1", server.port)
    """

    def __init__(
        self,
        map: str = "Lite01",
        port: int = 0,
        seed: int = 0,
        xodr: Path | None = None,
        extra_arguments: tuple[str, ...] = (),
        ready_timeout_s: float = 300.0,
        module: str = "carla_lite",
    ) -> None:
        """Prepare a server; ``port`` 0 lets it choose one, ``xodr`` is an OpenDRIVE file to serve instead of ``map``.

        ``module`` is what ``python -m`` starts, for a server with something around it.
        The first start on a machine compiles: about a minute on an idle one, several on one that is busy.
        """
        self.host = "127.0.0.1"
        self.port = port
        self.streaming_port = 0
        self._command = [sys.executable, "-m", module]
        self._command += ["--map", map] if xodr is None else ["--xodr", str(xodr)]
        self._command += ["--port", str(port), "--seed", str(seed), *extra_arguments]
        self._ready_timeout_s = ready_timeout_s
        self._process: subprocess.Popen[bytes] | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None

    @property
    def pid(self) -> int:
        """Process id of the running server; raises ServerError when there is none."""
        if self._process is None:
            raise ServerError("the server is not running")
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """Exit code of the server, or None while it runs or before it started."""
        return None if self._process is None else self._process.poll()

    @property
    def log(self) -> str:
        """What the server printed so far."""
        return self._log_path.read_text(errors="replace") if self._folder else ""

    def start(self) -> ServerProcess:
        """Start the server and wait until it is ready; raises ServerError when it is not in time."""
        self._folder = tempfile.TemporaryDirectory(prefix="carla_lite_")
        ready_path = Path(self._folder.name) / "ready.json"
        with self._log_path.open("wb") as log:
            self._process = subprocess.Popen(
                [*self._command, "--ready-file", str(ready_path), "--stop-with-stdin"],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,  # Ctrl-C goes to the owner, which ends the server in order
            )
        try:
            ready = self._wait_for(ready_path)
        except BaseException:
            self.stop()
            raise
        self.port, self.streaming_port = ready["port"], ready["streaming_port"]
        return self

    def stop(self) -> None:
        """End the server, by force when it does not end by itself, and remove its files; does nothing twice."""
        if self._process is not None:
            self._process.terminate()
            try:
                self._process.wait(_STOP_TIMEOUT_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
            if self._process.stdin is not None:  # not before: a second wish to stop could meet it half gone
                self._process.stdin.close()
        if self._folder is not None:
            self._folder.cleanup()
            self._folder = None

    def __enter__(self) -> ServerProcess:
        return self.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def _log_path(self) -> Path:
        assert self._folder is not None
        return Path(self._folder.name) / "server.log"

    def _wait_for(self, ready_path: Path) -> dict[str, int]:
        deadline = time.monotonic() + self._ready_timeout_s
        while not ready_path.exists():
            if self.exit_code is not None:
                raise ServerError(
                    f"carla_lite ended with code {self.exit_code} before it was ready:\n{self.log[-2000:]}"
                )
            if time.monotonic() > deadline:
                raise ServerError(
                    f"carla_lite was not ready within {self._ready_timeout_s:g} s: it was still loading its map or "
                    f"compiling, as a first start does. It printed:\n{self.log[-2000:]}"
                )
            time.sleep(_POLL_S)
        return dict(json.loads(ready_path.read_text()))

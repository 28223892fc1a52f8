"""One child process: in a process group of its own, with a log file, never outliving its supervisor."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path

from waypilot.processes import end_with_parent

_ROS_LOG_PREFIX = re.compile(r"^\[[A-Z]+\] \[[\d.]+\] \[[^]]*\]: ")


class Child:
    """A started process. Its group holds whatever it starts itself, so nothing is left when the group is ended."""

    def __init__(self, name: str, command: Sequence[str], log_path: Path, environment: Mapping[str, str]) -> None:
        """Start ``command``; output and errors go to ``log_path``. Raises OSError when it cannot be started."""
        self.name = name
        self.log_path = log_path
        log_path.parent.mkdir(parents=True, exist_ok=True)
        with log_path.open("wb") as log:
            self._process = subprocess.Popen(
                list(command),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=dict(environment),
                start_new_session=True,
                preexec_fn=end_with_parent(),
            )

    @property
    def pid(self) -> int:
        """Process id, which is also that of its group."""
        return self._process.pid

    def exit_code(self) -> int | None:
        """Return the exit code, negative for a signal, or None while it runs."""
        return self._process.poll()

    def send(self, signal_number: signal.Signals) -> None:
        """Signal the process alone, if it still runs."""
        if self.exit_code() is None:
            self._process.send_signal(signal_number)

    def kill_group(self) -> None:
        """Kill whatever is left of its process group."""
        try:
            os.killpg(self.pid, signal.SIGKILL)
        except ProcessLookupError:
            return
        self._process.wait()

    def last_log_line(self) -> str:
        """Return the last line it wrote that is not empty, without level and time of a ROS log, or an empty text."""
        lines = [line for line in self.log_path.read_text(errors="replace").splitlines() if line.strip()]
        return _ROS_LOG_PREFIX.sub("", lines[-1].strip()) if lines else ""

    def describe_end(self, exit_code: int) -> str:
        """Say who ended and how; with its last words if it gave up by itself, since a kill explains all."""
        words = self.last_log_line() if exit_code > 0 else ""
        return f"{self.name} {describe_exit(exit_code)}" + (f": {words}" if words else "")


def describe_exit(exit_code: int) -> str:
    """Say in words how a process ended."""
    if exit_code >= 0:
        return f"exited with code {exit_code}"
    try:
        return f"was killed by {signal.Signals(-exit_code).name}"
    except ValueError:
        return f"was killed by signal {-exit_code}"

"""Looking at the processes that a command started, to end them and to see that none is left."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


class Processes:
    """Processes of this machine as the kernel lists them."""

    def below(self, pid):
        """Process ids of all descendants, with their command lines."""
        found = {}
        for child in _children(pid):
            found[child] = _read(child, "cmdline").replace("\0", " ")
            found |= self.below(child)
        return found

    def alive(self, pids):
        """Those that still run."""
        states = {pid: _read(pid, "stat").rpartition(")")[2].split()[:1] for pid in pids}
        return [pid for pid, state in states.items() if state and state != ["Z"]]

    def find(self, pid, word, timeout_s=60.0):
        """The one descendant whose command line holds ``word``."""
        deadline_s = time.monotonic() + timeout_s
        while True:
            found = [child for child, command in self.below(pid).items() if word in command]
            if found:
                return found[0]
            assert time.monotonic() < deadline_s, f"no process with {word!r} within {timeout_s} s"
            time.sleep(0.05)

    def wait_until(self, what, condition, timeout_s):
        """Poll until it holds."""
        deadline_s = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < deadline_s, f"waited {timeout_s} s for {what}"
            time.sleep(0.05)

    def wait_until_gone(self, pids, timeout_s=60.0):
        """Wait until none of them runs."""
        self.wait_until(f"the end of {pids}", lambda: not self.alive(pids), timeout_s)


@pytest.fixture
def processes():
    return Processes()


@pytest.fixture
def start_run(tmp_path):
    """Start the supervisor; it is ended if the test does not end it."""
    runs = []

    def start(name, *options, **arguments):
        out = tmp_path / name
        words = [f"{key}:={value}" for key, value in ({"policy": "expert", "output_dir": out} | arguments).items()]
        with (tmp_path / f"{name}.log").open("ab") as log:
            command = [sys.executable, "-m", "waypilot.supervisor", str(ROOT / "launch" / "stack.yaml")]
            runs.append(subprocess.Popen([*command, *options, *words], stdout=log, stderr=subprocess.STDOUT, cwd=ROOT))
        return runs[-1], out

    yield start
    for run in runs:
        run.send_signal(signal.SIGINT)
        run.wait(60.0)


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 4 MB, for those who may mount one."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(disk)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip(f"a full disk needs the right to mount: {mounted.stderr.decode().strip()}")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def _children(pid):
    try:
        return [
            int(child)
            for thread in Path(f"/proc/{pid}/task").iterdir()
            for child in (thread / "children").read_text().split()
        ]
    except OSError:
        return []


def _read(pid, name):
    try:
        return Path(f"/proc/{pid}/{name}").read_text(errors="replace")
    except OSError:
        return ""

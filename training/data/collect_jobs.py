"""Collecting by several processes at once, each with a simulator and a share of the drives of its own."""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.progress import Progress

from training.data.collecting import CollectConfig
from waypilot.processes import end_with_parent

_POLL_S = 0.2
_TAIL_LINES = 10
_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Job:
    process: subprocess.Popen[bytes]
    log: Path


def collect_in_jobs(config: CollectConfig, arguments: Sequence[str], jobs: int) -> bool:
    """Record the missing drives of a town by ``jobs`` processes; tells whether all of them ended well.

    ``arguments`` are those of the command line for one town; each process gets its ``--share`` in addition. Their
    output goes to ``.logs`` in the folder of the drives; the ends of those that failed are logged.
    """
    with ExitStack() as stack, Progress(console=Console(stderr=True)) as progress:
        task = progress.add_task(config.town, total=config.episodes)
        running = [_start(stack, config, arguments, number, jobs) for number in range(jobs)]
        while any(job.process.poll() is None for job in running):
            progress.update(task, completed=config.episodes - len(config.missing()))
            time.sleep(_POLL_S)
        progress.update(task, completed=config.episodes - len(config.missing()))
    failed = [job for job in running if job.process.returncode]
    for job in failed:
        tail = "\n".join(job.log.read_text(encoding="utf-8", errors="replace").splitlines()[-_TAIL_LINES:])
        _log.error("a process ended with exit code %d; %s ends with:\n%s", job.process.returncode, job.log, tail)
    return not failed


def _start(stack: ExitStack, config: CollectConfig, arguments: Sequence[str], number: int, jobs: int) -> _Job:
    path = config.out / ".logs" / f"{config.folder(0).name.rpartition('_')[0]}_share{number}.log"
    path.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "training.data.collect_carla", *arguments, "--share", f"{number}/{jobs}"]
    with path.open("wb") as output:
        process = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            preexec_fn=end_with_parent(),
        )
    stack.callback(_end, process)
    return _Job(process, path)


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process that still runs, as when another one could not be started."""
    if process.poll() is None:
        process.terminate()
        process.wait()

"""Workers side by side: hands runs to them, and survives whatever happens to one of them.

A worker that dies, hangs or loses its simulator costs its current run an attempt. It is replaced by a new process, with
a new server where the server is ours.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import queue
import signal
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from training.eval.run_book import RunBook
from training.eval.worker import Broke, Ended, Message, Pulse, Ready, Refused, work
from training.eval.workplace import Identity, UnavailableError, UnusableError, WorkplaceConfig
from waypilot.report.jobs import Job

_POLL_S = 0.5
_END_S = 15.0


@dataclass(frozen=True, slots=True)
class PoolConfig:
    """How patient to be, in seconds of wall time, and how often to try.

    A worker may take ``start_timeout_s`` to open its workplace (carla_lite compiles at its very first start), and be
    silent for ``silence_timeout_s`` in a run, which bounds loading a map. ``start_attempts`` in a row may fail.
    """

    start_timeout_s: float = 600.0
    silence_timeout_s: float = 180.0
    start_attempts: int = 2
    verbose: bool = False

    def __post_init__(self) -> None:
        for name in ("start_timeout_s", "silence_timeout_s", "start_attempts"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} is {getattr(self, name)}, give a positive number")


Inbox = queue.SimpleQueue[tuple["_Worker", Message | None]]


class _Worker:
    """The parent's end of one worker process.

    What it sends is received in a thread, since a worker that stops in the middle of a long message would hold whoever
    receives it. ``inbox`` gets each message, and None when its end of the pipe is closed.
    """

    def __init__(self, config: WorkplaceConfig, verbose: bool, inbox: Inbox) -> None:
        context = multiprocessing.get_context("spawn")
        self._inbox = inbox
        self._connection, theirs = context.Pipe()
        self.process = context.Process(target=work, args=(config, theirs, os.getpid(), verbose))
        self.process.start()
        theirs.close()
        self.ready: Ready | None = None
        self.job: Job | None = None
        self.heard_s = time.monotonic()
        self._receiver = threading.Thread(target=self._receive, daemon=True)
        self._receiver.start()

    def _receive(self) -> None:
        # Whatever cannot be read ends this thread, and must be known at once: nobody else listens to the worker.
        try:
            with contextlib.suppress(EOFError, OSError):
                while True:
                    message: Message = self._connection.recv()
                    self.heard_s = time.monotonic()
                    self._inbox.put((self, message))
        finally:
            self._inbox.put((self, None))

    def send(self, job: Job | None) -> None:
        """Give it a run, or None to end it. It may be gone: then its end of the pipe tells."""
        self.job = job
        self.heard_s = time.monotonic()
        with contextlib.suppress(OSError):
            self._connection.send(job)

    def end(self, patience_s: float) -> None:
        """Wait for its end, then make it end; its server ends with it."""
        self.process.join(patience_s)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()
        self._receiver.join(patience_s)
        self._connection.close()
        if self.ready is not None and self.ready.server_pid is not None:
            _kill_server(self.ready.server_pid)


@dataclass(slots=True)
class _Slot:
    """The place of one worker after the other."""

    config: WorkplaceConfig
    worker: _Worker | None
    failed_starts: int = 0


class WorkerPool:
    """Drives all runs of a book. Nothing it started is left when ``run`` is over, however it ends."""

    def __init__(
        self,
        workplaces: Sequence[WorkplaceConfig],
        open_book: Callable[[Identity], RunBook],
        config: PoolConfig,
        replace_lost: bool,
    ) -> None:
        """One worker per workplace; the book is opened once it is known who drives on what.

        ``replace_lost``: open a workplace anew after its simulator was lost, which helps if somebody restarts it.
        """
        self._open_book = open_book
        self._config = config
        self._replace_lost = replace_lost
        self._book: RunBook | None = None
        self._identity: Identity | None = None
        self._cause = ""
        self._workplaces = workplaces
        self._slots: list[_Slot] = []
        self._inbox: Inbox = queue.SimpleQueue()

    def run(self) -> None:
        """Drive until no run waits. What cannot be driven is recorded as crashed.

        Raises UnusableError or UnavailableError when no workplace could be opened at all.
        """
        try:
            self._slots = [_Slot(config, None) for config in self._workplaces]
            for slot in self._slots:
                self._fill(slot)
            while any(slot.worker is not None for slot in self._slots):
                with contextlib.suppress(queue.Empty):
                    self._listen(*self._inbox.get(timeout=_POLL_S))
                self._end_silent()
            if self._book is not None:
                self._book.give_up_waiting(self._cause)
        finally:
            self._end_all()

    def _fill(self, slot: _Slot) -> None:
        slot.worker = _Worker(slot.config, self._config.verbose, self._inbox)

    def _listen(self, worker: _Worker, message: Message | None) -> None:
        slot = next((slot for slot in self._slots if slot.worker is worker), None)
        if slot is None:  # the last words of a worker that was ended
            return
        if message is None:
            self._lose(slot, _how_it_ended(worker))
            return
        self._take(slot, worker, message)

    def _take(self, slot: _Slot, worker: _Worker, message: Message) -> None:
        if isinstance(message, Ready):
            self._welcome(slot, worker, message)
        elif isinstance(message, Refused):
            self._refuse(slot, message)
        elif isinstance(message, Pulse):
            self._opened_book.route_driven(self._job_of(worker), message.share)
        elif isinstance(message, Broke) and message.lost:
            self._lose(slot, message.what)
        else:
            job, worker.job = self._job_of(worker), None
            if isinstance(message, Ended):
                self._opened_book.ended(job, message.result)
            else:
                self._opened_book.crashed(job, message.what)
            self._employ(slot, worker)

    def _welcome(self, slot: _Slot, worker: _Worker, ready: Ready) -> None:
        worker.ready = ready
        slot.failed_starts = 0
        if self._identity is None:
            self._identity = ready.identity
            self._book = self._open_book(ready.identity)
        if ready.identity != self._identity:
            other = f"a worker found {ready.identity}, the first one {self._identity}: use equal simulators"
            self._refuse(slot, Refused(other, for_good=True))
            return
        self._employ(slot, worker)

    def _employ(self, slot: _Slot, worker: _Worker) -> None:
        """Give it the next run; with none left it ends."""
        if self._opened_book.waiting:
            worker.send(self._opened_book.next())
        else:
            worker.send(None)
            self._vacate(slot, _END_S)

    def _refuse(self, slot: _Slot, refused: Refused) -> None:
        self._cause = refused.what
        self._vacate(slot, _END_S)
        slot.failed_starts += 1
        if self._book is None:
            if not any(other.worker for other in self._slots):
                raise (UnusableError if refused.for_good else UnavailableError)(refused.what)
        elif not refused.for_good and slot.failed_starts < self._config.start_attempts:
            self._refill(slot)

    def _lose(self, slot: _Slot, what: str) -> None:
        """Take note that a worker, its process or its simulator, is gone, and put a new one in its place."""
        worker = slot.worker
        assert worker is not None
        if worker.ready is None:
            self._refuse(slot, Refused(what, for_good=False))
            return
        job, worker.job = worker.job, None
        self._vacate(slot, _END_S)
        if job is not None:
            self._cause = f"{job.scenario.name} crashed: {what}"
            self._opened_book.lost(job, what)
        if slot.config.own_server or self._replace_lost:
            self._refill(slot)

    def _refill(self, slot: _Slot) -> None:
        if self._opened_book.waiting:
            self._fill(slot)

    def _end_silent(self) -> None:
        for slot in self._slots:
            worker = slot.worker
            if worker is None:
                continue
            limit_s = self._config.start_timeout_s if worker.ready is None else self._config.silence_timeout_s
            if time.monotonic() - worker.heard_s > limit_s:
                worker.process.kill()
                self._lose(slot, f"no sign of life from the worker for {limit_s:g} s, it was ended")

    def _vacate(self, slot: _Slot, patience_s: float) -> None:
        worker, slot.worker = slot.worker, None
        if worker is not None:
            worker.end(patience_s)

    def _end_all(self) -> None:
        for slot in self._slots:
            if slot.worker is not None and slot.worker.process.is_alive():
                slot.worker.process.terminate()
        for slot in self._slots:
            self._vacate(slot, _END_S)

    @property
    def _opened_book(self) -> RunBook:
        assert self._book is not None, "a worker drives before it was welcomed"
        return self._book

    def _job_of(self, worker: _Worker) -> Job:
        assert worker.job is not None, "a worker tells of a run that it was not given"
        return worker.job


def _kill_server(pid: int) -> None:
    """End a carla_lite that outlives its worker: stopped or hanging, it does not notice by itself."""
    with contextlib.suppress(OSError):
        if b"carla_lite" in Path(f"/proc/{pid}/cmdline").read_bytes():  # not another process with the same number
            os.kill(pid, signal.SIGKILL)


def _how_it_ended(worker: _Worker) -> str:
    worker.process.join(_END_S)
    code = worker.process.exitcode
    if code is None:
        return "the worker closed its pipe and hangs"
    return f"the worker process {'exited with code ' + str(code) if code >= 0 else 'was killed by ' + _name(-code)}"


def _name(number: int) -> str:
    return signal.Signals(number).name

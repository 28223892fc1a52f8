"""One worker: a process of its own with its own simulator, which drives the runs it is sent."""

from __future__ import annotations

import logging
import os
import signal
import sys
import time
from dataclasses import dataclass
from multiprocessing.connection import Connection
from types import FrameType

from training.eval.workplace import (
    Identity,
    UnavailableError,
    UnusableError,
    Workplace,
    WorkplaceConfig,
    open_workplace,
)
from waypilot.metrics import ScenarioResult
from waypilot.processes import end_with
from waypilot_carla.connection import exit_process

_LOG = logging.getLogger(__name__)
_PULSE_S = 0.25


@dataclass(frozen=True, slots=True)
class Ready:
    """The workplace is open."""

    identity: Identity
    server_pid: int | None


@dataclass(frozen=True, slots=True)
class Refused:
    """The workplace could not be opened; ``for_good`` when it cannot be as asked for."""

    what: str
    for_good: bool


@dataclass(frozen=True, slots=True)
class Pulse:
    """The run goes on: this share of the route is driven."""

    share: float


@dataclass(frozen=True, slots=True)
class Ended:
    """The run was driven and judged."""

    result: ScenarioResult


@dataclass(frozen=True, slots=True)
class Broke:
    """The run broke. With the simulator ``lost`` the worker ends, too."""

    what: str
    lost: bool


Message = Ready | Refused | Pulse | Ended | Broke


def work(config: WorkplaceConfig, connection: Connection, parent_pid: int, verbose: bool) -> None:
    """Open the workplace, answer every job that comes with messages, end when None comes or the parent is gone."""
    end_with(parent_pid)
    os.environ.setdefault("OMP_NUM_THREADS", "1")  # before torch is imported: workers share the machine
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the parent, which ends its workers in order
    signal.signal(signal.SIGTERM, _leave)
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s %(message)s")
    if verbose:  # ours only: numba alone would write thousands of lines
        logging.getLogger("training").setLevel(logging.DEBUG)
    try:
        with open_workplace(config) as workplace:
            connection.send(Ready(workplace.identity, workplace.server_pid))
            _answer_all(workplace, connection)
        if workplace.session.lost:
            exit_process(0)
    except UnusableError as error:
        connection.send(Refused(str(error), for_good=True))
    except UnavailableError as error:
        connection.send(Refused(str(error), for_good=False))
        exit_process(0)
    except (EOFError, BrokenPipeError):
        _LOG.debug("nobody listens any more")


def _answer_all(workplace: Workplace, connection: Connection) -> None:
    while not workplace.session.lost and (job := connection.recv()) is not None:
        try:
            answer: Message = Ended(workplace.evaluator.evaluate(job, _Pulses(connection)))
        except BrokenPipeError:
            raise
        except Exception as error:
            _LOG.debug("%s broke", job.key, exc_info=True)
            answer = Broke(f"{type(error).__name__}: {error}", workplace.session.lost)
        connection.send(answer)


class _Pulses:
    """Sends signs of life while a run is driven, not at every frame."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._next_s = 0.0

    def __call__(self, share: float) -> None:
        now_s = time.monotonic()
        if now_s >= self._next_s:
            self._next_s = now_s + _PULSE_S
            self._connection.send(Pulse(share))


def _leave(number: int, _frame: FrameType | None) -> None:
    """Leave in order: the simulator is given back on the way out."""
    sys.exit(128 + number)

"""Drives spread over processes: one ``World`` that uses several cores."""

from __future__ import annotations

import contextlib
import multiprocessing
import pickle
import signal
import weakref
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from training.rl.agent import PPOAgent
from training.rl.drive_env.config import DriveEnvConfig
from training.rl.drive_env.evaluation import Batch, drive_batches
from training.rl.drive_env.world import DriveWorld
from training.rl.waypoint_policy_torch import WaypointPolicyConfig, WaypointPolicyTorch
from training.rl.world import Situation, WorldStep


class WorkerLostError(Exception):
    """A process that drives has ended without a word."""


class ParallelWorld:
    """B drives in ``config.workers`` processes, each of which draws, asks the network and simulates its share.

    Rows are shared out in order. A row can only be copied within its process, so groups must not cross from one to
    the next. The same configuration gives the same bits; another number of workers may change the network's last ones.
    """

    def __init__(self, checkpoint: str, config: DriveEnvConfig, size: int, num_waypoints: int) -> None:
        if size < config.workers:
            raise ValueError(f"size is {size}, expected at least one drive for each of {config.workers} workers")
        shares = [len(part) for part in np.array_split(np.arange(size), config.workers)]
        self._edges = np.cumsum([0, *shares])
        self._size, self._num_waypoints = size, num_waypoints
        context = multiprocessing.get_context("spawn")
        self._workers: list[Connection] = []
        for share in shares:
            ours, theirs = context.Pipe()
            context.Process(target=_serve, args=(theirs, checkpoint, config, share), daemon=True).start()
            theirs.close()
            self._workers.append(ours)
        self._finalizer = weakref.finalize(self, _hang_up, self._workers)

    @property
    def size(self) -> int:
        """How many drives there are."""
        return self._size

    @property
    def num_waypoints(self) -> int:
        """Waypoints of a plan."""
        return self._num_waypoints

    def close(self) -> None:
        """End the processes."""
        self._finalizer()

    def start(self, rows: NDArray[np.int64], seeds: NDArray[np.uint64]) -> None:
        """Start the episodes of ``seeds`` in these rows."""
        self._ask("start", [(local, seeds[mine]) for mine, local in self._shared_out(rows)])

    def copy(self, source: int, rows: NDArray[np.int64]) -> None:
        """Let other rows of the same process go on from where ``source`` is now. Raises ValueError for rows beyond."""
        owner = int(np.searchsorted(self._edges, source, side="right")) - 1
        low, high = int(self._edges[owner]), int(self._edges[owner + 1])
        if len(rows) and not (low <= rows.min() and rows.max() < high):
            raise ValueError(f"row {source} is driven with rows {low} to {high - 1}: let workers divide the groups")
        nobody = np.zeros(0, dtype=np.int64)
        self._ask(
            "copy",
            [(source - low, rows - low) if i == owner else (0, nobody) for i in range(len(self._workers))],
        )

    def rest(self, rows: NDArray[np.int64]) -> None:
        """Treat the episodes of these rows as ended, until they are started anew or copied to."""
        self._ask("rest", [(local,) for _, local in self._shared_out(rows)])

    def look(self) -> Situation:
        """Ask the frozen planner about every drive."""
        parts: list[Situation] = self._ask("look")
        return Situation(torch.cat([part.inputs for part in parts]), torch.cat([part.plan_m for part in parts]))

    def follow(self, plan_m: torch.Tensor) -> WorldStep:
        """Let every drive follow its plan until its next look."""
        parts: list[WorldStep] = self._ask("follow", [(part.clone(),) for part in plan_m.split(self._shares)])
        return WorldStep(
            np.concatenate([part.reward for part in parts]),
            np.concatenate([part.terminated for part in parts]),
            np.concatenate([part.truncated for part in parts]),
        )

    def state(self) -> dict[str, Any]:
        """Return the states of all processes."""
        return {"parts": self._ask("state")}

    def restore(self, state: dict[str, Any]) -> None:
        """Continue from a ``state`` of as many processes."""
        if len(state["parts"]) != len(self._workers):
            raise ValueError(f"the state is of {len(state['parts'])} workers, this world has {len(self._workers)}")
        self._ask("restore", [(part,) for part in state["parts"]])

    def judge(self, agent: PPOAgent | None, batches: Sequence[NDArray[np.uint64]]) -> list[Batch]:
        """Drive batches of evaluation drives, each in one process (``evaluation.drive_batches``)."""
        count = len(self._workers)
        parts = self._ask("judge", [(agent, batches[first::count]) for first in range(count)])
        return [parts[i % count][i // count] for i in range(len(batches))]

    @property
    def _shares(self) -> list[int]:
        shares: list[int] = np.diff(self._edges).tolist()
        return shares

    def _shared_out(self, rows: NDArray[np.int64]) -> list[tuple[NDArray[np.bool_], NDArray[np.int64]]]:
        """Tell for each process which of ``rows`` are its own, and their numbers there."""
        found = []
        for low, high in zip(self._edges[:-1], self._edges[1:], strict=True):
            mine = (rows >= low) & (rows < high)
            found.append((mine, rows[mine] - low))
        return found

    def _ask(self, method: str, arguments: Sequence[tuple[Any, ...]] | None = None) -> list[Any]:
        """Call a method in all processes at once; return what each returned, or raise what one of them raised.

        Raises WorkerLostError when one of them is gone.
        """
        for number, worker in enumerate(self._workers):
            with contextlib.suppress(ConnectionError):  # told below, when the answer fails to come
                _send(worker, (method, arguments[number] if arguments else ()))
        answers = [_answer(worker, number, method) for number, worker in enumerate(self._workers)]
        for error, _ in answers:
            if error is not None:
                raise error
        return [answer for _, answer in answers]


def _send(connection: Connection, what: Any) -> None:
    # Plain bytes: the pickler of multiprocessing would hand tensors over in shared memory, a file for each.
    connection.send_bytes(pickle.dumps(what))


def _receive(connection: Connection) -> Any:
    return pickle.loads(connection.recv_bytes())


def _answer(worker: Connection, number: int, method: str) -> Any:
    try:
        return _receive(worker)
    except (EOFError, ConnectionError) as error:
        told = "out of memory? its own words, if any, stand above; run again, a training with --resume"
        raise WorkerLostError(f"worker {number} ended in {method!r} ({told})") from error


def _hang_up(workers: Sequence[Connection]) -> None:
    for worker in workers:
        worker.close()


def _serve(connection: Connection, checkpoint: str, config: DriveEnvConfig, size: int) -> None:
    """Answer until the other end hangs up."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # whether Ctrl-C ends the training is not for us to say
    policy = WaypointPolicyTorch(WaypointPolicyConfig(checkpoint, device=config.device))
    world = DriveWorld(policy, config, size)
    while True:
        try:
            method, arguments = _receive(connection)
        except (EOFError, ConnectionError):
            return
        try:
            if method == "judge":
                answer: Any = drive_batches(policy, config, *arguments)
            else:
                answer = getattr(world, method)(*arguments)
            _send(connection, (None, answer))
        except Exception as error:
            _send(connection, (error, None))

"""Wakes a client's Traffic Manager that has slept through a tick."""

from __future__ import annotations

import asyncio
import contextlib
import logging

import msgpack

_LOG = logging.getLogger(__name__)
PATIENCE_S = 2.0
"""So long after a state a Traffic Manager may begin its step; slower machines than that lose only its lock step."""
_CALL_TIMEOUT_S = 1.0
# The methods of its RPC port take no metadata.
_WAKE = b"".join(
    msgpack.packb([0, number, "set_synchronous_mode", [mode]]) for number, mode in enumerate((False, True))
)


class TrafficManagerWatch:
    """Wakes the Traffic Managers when a tick's state has gone out and none of them takes its step.

    ``carla_lite.wire.lead`` tells how the Traffic Manager of CARLA's client loses a wake-up (CARLA's issue 9172, mended
    after 0.9.16). A thread that loses its core in that instant, on a machine with other work, sleeps through any lead,
    and nothing in its own process wakes it. But who leaves synchronous mode through the Traffic Manager's own RPC port
    sets the flag and notifies the thread once more: it takes the step that the client waits for. Back in synchronous
    mode, which follows at once, it never knows that it had left.

    Every step asks for the vehicles' lights, so a question for them is the sign of life. Only a Traffic Manager that
    showed it after the tick before is missed: nobody is woken who is not told of ticks, because its own client is gone
    or another one gives them in turn. Who is not told of ticks that are more than 2 s apart is woken without need.
    """

    def __init__(self, traffic_managers: dict[int, str]) -> None:
        """Watch over the hosts of Traffic Managers by port; the table may change."""
        self._traffic_managers = traffic_managers
        self._alive = False
        self._alarm: asyncio.TimerHandle | None = None
        self._waking: set[asyncio.Task[None]] = set()

    def state_sent(self) -> None:
        """Begin to wait for a step: a tick's state has gone out."""
        missed_if_silent, self._alive = self._alive, False
        self._stop_waiting()
        if missed_if_silent:
            self._alarm = asyncio.get_running_loop().call_later(PATIENCE_S, self._wake_all)

    def lights_asked(self) -> None:
        """Note that a Traffic Manager takes its step."""
        self._alive = True
        self._stop_waiting()

    def _stop_waiting(self) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
            self._alarm = None

    def _wake_all(self) -> None:
        self._alarm = None
        for port, host in self._traffic_managers.items():
            task = asyncio.create_task(_wake(host, port))
            self._waking.add(task)  # the loop itself does not hold tasks
            task.add_done_callback(self._waking.discard)


async def _wake(host: str, port: int) -> None:
    _LOG.warning("the Traffic Manager at %s:%d has slept through a tick and is woken (CARLA's issue 9172)", host, port)
    try:
        await asyncio.wait_for(_call(host, port), _CALL_TIMEOUT_S)
    except (OSError, ValueError, asyncio.TimeoutError, msgpack.exceptions.UnpackException) as error:
        _LOG.warning("the Traffic Manager at %s:%d cannot be woken: %r", host, port, error)


async def _call(host: str, port: int) -> None:
    """Make both calls and wait for their answers; who hangs up instead has been told enough."""
    reader, writer = await asyncio.open_connection(host, port)
    with contextlib.closing(writer):
        writer.write(_WAKE)
        unpacker, answers = msgpack.Unpacker(), 0
        while answers < 2 and (data := await reader.read(1024)):
            unpacker.feed(data)
            answers += sum(1 for _ in unpacker)

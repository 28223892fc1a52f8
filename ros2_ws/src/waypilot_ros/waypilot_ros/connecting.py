"""Waiting for a simulator that is still starting."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import TypeVar

from waypilot_carla.errors import SimulatorUnreachable

SessionT = TypeVar("SessionT")

#: One attempt to connect; in between it is seen whether the wait shall end.
CONNECT_ATTEMPT_S = 1.0


def connect_patiently(
    connect: Callable[[], SessionT], patience_s: float, give_up: Callable[[], bool]
) -> SessionT | None:
    """Call ``connect`` until it succeeds; None as soon as ``give_up`` says so.

    Raises SimulatorUnreachable, as ``connect`` did last, after ``patience_s`` of wall time.
    """
    deadline_s = time.monotonic() + patience_s
    while not give_up():
        try:
            return connect()
        except SimulatorUnreachable:
            if time.monotonic() > deadline_s:
                raise
    return None

"""Processes that must not outlive the one that started them."""

from __future__ import annotations

import ctypes
import os
import signal
from collections.abc import Callable

_PR_SET_PDEATHSIG = 1


def end_with_parent() -> Callable[[], None]:
    """Make a ``preexec_fn`` for ``subprocess``: a child that ends when this process does.

    The kernel sends it SIGTERM, whatever this process died of, SIGKILL included. Linux only.
    """
    libc, parent_pid = ctypes.CDLL(None, use_errno=True), os.getpid()
    return lambda: _end_with(parent_pid, libc)


def end_with(parent_pid: int) -> None:
    """Do the same from within the child, as its first act: end when ``parent_pid``, which started it, does."""
    _end_with(parent_pid, ctypes.CDLL(None, use_errno=True))


def _end_with(parent_pid: int, libc: ctypes.CDLL) -> None:
    libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != parent_pid:
        os._exit(1)

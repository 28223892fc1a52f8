"""Running a node to its end, so that a signal is a clean end (exit code 0) and a fault is not.

rclpy's own signal handler shuts ROS down at once: whatever is being published at that moment fails. Here a signal only
asks for the end; the node finishes what it is doing and closes while everything still works.
"""

from __future__ import annotations

import faulthandler
import signal
import sys
import threading
from collections.abc import Callable

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from waypilot.config import ConfigError

BAD_PARAMETERS_EXIT_CODE = 2
SIGNAL_CHECK_S = 0.1
#: A node that does not end by itself within this time after it was asked to is ended, with code 1.
END_TIMEOUT_S = 4.5

_stop = threading.Event()


class NotStartedError(Exception):
    """A node cannot be made, for a reason other than its parameters."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def stop_requested() -> bool:
    """Whether a signal asked this process to end."""
    return _stop.is_set()


def request_stop() -> None:
    """Ask this process to end, as a signal does.

    Should something in it hang (a library that waits for a server which is gone), the process is ended all the same,
    after it has written where every thread was.
    """
    _stop.set()
    faulthandler.dump_traceback_later(END_TIMEOUT_S, exit=True)


def run_node(make_node: Callable[[], Node]) -> int:
    """Make a node and spin it until a signal or ``request_stop``; returns the exit code.

    A node may have ``close()``, called while publishing still works, and ``exit_code``. Wrong parameters end it with
    code 2 and a message, NotStartedError with its own code.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: request_stop())
    rclpy.init(args=sys.argv, signal_handler_options=SignalHandlerOptions.NO)
    try:
        node = make_node()
    except ConfigError as error:
        print(f"wrong parameter: {error}", file=sys.stderr)
        rclpy.try_shutdown()
        return BAD_PARAMETERS_EXIT_CODE
    except NotStartedError as error:
        print(error, file=sys.stderr)
        rclpy.try_shutdown()
        return error.exit_code
    try:
        _spin(node)
    finally:
        getattr(node, "close", lambda: None)()
        node.destroy_node()
        rclpy.try_shutdown()
    return getattr(node, "exit_code", 0)


def _spin(node: Node) -> None:
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    try:
        while not _stop.is_set():
            executor.spin_once(timeout_sec=SIGNAL_CHECK_S)
    except ExternalShutdownException:
        return

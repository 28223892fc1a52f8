"""Running a node to its end, so that a signal is a clean end (exit code 0) and a fault is not.

rclpy's own signal handler shuts ROS down at once: whatever is being published at that moment fails. Here a signal only
asks for the end; the node finishes what it is doing and closes while everything still works.
"""

from __future__ import annotations

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

_stop = threading.Event()


def stop_requested() -> bool:
    """Whether a signal asked this process to end."""
    return _stop.is_set()


def request_stop() -> None:
    """Ask this process to end, as a signal does."""
    _stop.set()


def run_node(make_node: Callable[[], Node]) -> int:
    """Make a node and spin it until a signal or ``request_stop``; returns the exit code.

    A node may have ``close()``, called while publishing still works, and ``exit_code``. Wrong parameters end it with
    code 2 and a message.
    """
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: _stop.set())
    rclpy.init(args=sys.argv, signal_handler_options=SignalHandlerOptions.NO)
    try:
        node = make_node()
    except ConfigError as error:
        print(f"wrong parameter: {error}", file=sys.stderr)
        rclpy.try_shutdown()
        return BAD_PARAMETERS_EXIT_CODE
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

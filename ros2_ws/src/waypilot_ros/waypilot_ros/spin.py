"""Running a node to its end, so that a signal is a clean end (exit code 0) and a fault is not."""

from __future__ import annotations

import sys
from collections.abc import Callable

import rclpy
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node

from waypilot.config import ConfigError

BAD_PARAMETERS_EXIT_CODE = 2


def run_node(make_node: Callable[[], Node]) -> int:
    """Make a node and spin it until a signal comes or the context is shut down; returns the exit code.

    A node may have ``close()`` (called at the end, while publishing is no longer possible) and ``exit_code``.
    """
    rclpy.init(args=sys.argv)
    try:
        return _run(make_node)
    except (KeyboardInterrupt, ExternalShutdownException):
        return 0
    finally:
        rclpy.try_shutdown()


def _run(make_node: Callable[[], Node]) -> int:
    try:
        node = make_node()
    except ConfigError as error:
        print(f"wrong parameter: {error}", file=sys.stderr)
        return BAD_PARAMETERS_EXIT_CODE
    try:
        _spin(node)
    finally:
        close = getattr(node, "close", None)
        if close is not None:
            close()
        exit_code = getattr(node, "exit_code", 0)
        node.destroy_node()
    return exit_code


def _spin(node: Node) -> None:
    executor = SingleThreadedExecutor()
    executor.add_node(node)
    try:
        executor.spin()
    except (KeyboardInterrupt, ExternalShutdownException):
        pass
    except Exception as error:
        # A callback that was publishing when the signal came fails with an error about the context: a regular end.
        if rclpy.ok():
            raise
        print(f"while shutting down: {error}", file=sys.stderr)

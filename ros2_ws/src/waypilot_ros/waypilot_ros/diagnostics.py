"""Counts of what went wrong and figures of what goes on, published once a second on /diagnostics."""

from __future__ import annotations

import os
import threading
import time
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rclpy.clock import Clock, ClockType
from rclpy.node import Node

from waypilot_ros import qos
from waypilot_ros.conversions import stamp_to_msg

PERIOD_S = 1.0
MEAN_SUFFIX = " mean"
MAX_SUFFIX = " max"
#: Key of the value that tells one process from the next one of the same name.
PROCESS_KEY = "process"
#: Names a file that is touched with every report: whoever runs the node (a container engine) sees that it works.
HEARTBEAT_VARIABLE = "WAYPILOT_HEARTBEAT_FILE"


class Diagnostics:
    """What a node has to say about itself. Problems are counted, and logged at most once a period. Thread-safe."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._lock = threading.Lock()
        self._publisher = node.create_publisher(DiagnosticArray, "/diagnostics", qos.EVENT)
        self._problems: Counter[str] = Counter()
        self._reported: Counter[str] = Counter()
        self._last_words: dict[str, str] = {}
        self._figures: dict[str, list[float]] = {}
        self.stamp_ns = 0
        self._process = uuid.uuid4().hex
        heartbeat = os.environ.get(HEARTBEAT_VARIABLE)
        self._heartbeat = Path(heartbeat) if heartbeat else None
        self._timer = node.create_timer(PERIOD_S, self.publish, clock=Clock(clock_type=ClockType.STEADY_TIME))

    def problem(self, kind: str, detail: str = "") -> None:
        """Count something that went wrong; ``kind`` is a short fixed text, ``detail`` the particulars."""
        with self._lock:
            self._problems[kind] += 1
            self._last_words[kind] = detail

    def figure(self, name: str, value: float) -> None:
        """Note a measured value; mean and maximum of the period are published."""
        with self._lock:
            self._figures.setdefault(name, []).append(value)

    @contextmanager
    def timed(self, stage: str) -> Iterator[None]:
        """Note how much wall time the block takes, as figure ``<stage> ms``."""
        begun_s = time.perf_counter()
        yield
        self.figure(f"{stage} ms", (time.perf_counter() - begun_s) * 1e3)

    def publish(self) -> None:
        """Publish the state of affairs and log the problems that are new."""
        with self._lock:
            problems, figures, last_words = Counter(self._problems), self._figures, dict(self._last_words)
            self._figures = {}
        fresh = problems - self._reported
        self._reported = problems
        for kind, times in fresh.items():
            detail = last_words[kind]
            self._node.get_logger().warning(f"{kind} ({times} times)" + (f", last: {detail}" if detail else ""))
        values = [KeyValue(key=PROCESS_KEY, value=self._process)]
        values += [KeyValue(key=kind, value=str(times)) for kind, times in sorted(problems.items())]
        for name, samples in sorted(figures.items()):
            values.append(KeyValue(key=name + MEAN_SUFFIX, value=f"{sum(samples) / len(samples):.3f}"))
            values.append(KeyValue(key=name + MAX_SUFFIX, value=f"{max(samples):.3f}"))
        status = DiagnosticStatus(
            level=DiagnosticStatus.WARN if fresh else DiagnosticStatus.OK,
            name=self._node.get_name(),
            message=", ".join(sorted(fresh)) if fresh else "ok",
            values=values,
        )
        message = DiagnosticArray(status=[status])
        message.header.stamp = stamp_to_msg(self.stamp_ns)
        self._publisher.publish(message)
        if self._heartbeat is not None:
            self._heartbeat.touch()

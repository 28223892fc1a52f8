"""Where a frame's time goes, gathered from what the nodes say about themselves on /diagnostics."""

from __future__ import annotations

import statistics

from diagnostic_msgs.msg import DiagnosticArray
from rclpy.node import Node

from waypilot_ros import qos
from waypilot_ros.diagnostics import MEAN_SUFFIX

_UNIT = " ms"


class StageTimes:
    """Collects the nodes' mean stage times of every second of a drive."""

    def __init__(self, node: Node) -> None:
        self._means: dict[str, list[float]] = {}
        node.create_subscription(DiagnosticArray, "/diagnostics", self._on_diagnostics, qos.EVENT)

    def reset(self) -> None:
        """Forget the last drive."""
        self._means = {}

    def per_frame_ms(self) -> dict[str, float]:
        """Return the median over the seconds of the drive, by ``<node>: <stage>``; empty after less than a second."""
        return {stage: round(statistics.median(means), 3) for stage, means in sorted(self._means.items())}

    def _on_diagnostics(self, message: DiagnosticArray) -> None:
        ending = _UNIT + MEAN_SUFFIX
        for status in message.status:
            for entry in status.values:
                if entry.key.endswith(ending):
                    stage = f"{status.name}: {entry.key.removesuffix(ending)}"
                    self._means.setdefault(stage, []).append(float(entry.value))

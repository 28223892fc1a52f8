"""Whether the processes that began a drive are still those that drive it. Knows no ROS.

A supervisor ends the whole run when one process dies. Where somebody else restarts single nodes (a container engine), a
drive could go on with a node that missed half of it and pass for a bad drive; it is a crashed one.
"""

from __future__ import annotations

from collections.abc import Sequence


class Liveness:
    """Watches the nodes' reports of one drive. Every report names the process that sent it."""

    def __init__(self, names: Sequence[str], silence_limit_s: float) -> None:
        self._limit_s = silence_limit_s
        self._processes: dict[str, str] = {}
        self._heard_s: dict[str, float] = dict.fromkeys(names, 0.0)
        self._fault = ""

    def reset(self, now_s: float) -> None:
        """Begin a drive: whoever reports first under a name is the one to stay."""
        self._processes = {}
        self._heard_s = dict.fromkeys(self._heard_s, now_s)
        self._fault = ""

    def hear(self, name: str, process: str, now_s: float) -> None:
        """Take a report of a node, whose process has the (unique) name ``process``."""
        if name not in self._heard_s:
            return
        self._heard_s[name] = now_s
        if self._processes.setdefault(name, process) != process:
            self._fault = self._fault or f"{name} was restarted during the drive"

    def fault(self, now_s: float) -> str:
        """Say which node was replaced or fell silent; empty when none was."""
        silent = [name for name, heard_s in self._heard_s.items() if now_s - heard_s > self._limit_s]
        return self._fault or (f"{silent[0]} has not reported for {self._limit_s:g} s" if silent else "")

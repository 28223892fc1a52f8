"""Where the tick thread meets the control commands: each belongs to the frame whose stamp it carries."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable

from waypilot.awake_time import AwakeTime
from waypilot.types import Control

LATE = "late control"
STALE = "stale control"
DUPLICATE = "duplicate control"
FUTURE = "control from the future"

#: A wait is made of turns as long as this, so that a process that was stopped has some left to take what has arrived.
TURN_S = 0.05


class ControlGate:
    """Hands the control of exactly one frame from the ROS thread to the tick thread. Thread-safe.

    ``irregular`` counts commands that are not for the frame that is waited for, by kind. They are ignored, except that
    with ``accept_late`` (real-time mode) a command for an older frame still becomes the latest one.
    """

    def __init__(self, accept_late: bool = False, clock: Callable[[], float] = time.monotonic) -> None:
        self._accept_late = accept_late
        self._clock = clock
        self._condition = threading.Condition()
        self._expected_ns: int | None = None
        self._control: Control | None = None
        self._latest: tuple[int, Control] | None = None
        self._interrupted = False
        self._hopeless = False
        self.irregular: Counter[str] = Counter()
        #: Waits in a row, up to the last one, that ended only because their time was up.
        self.overdue = 0

    def reset(self) -> None:
        """Forget the last drive."""
        with self._condition:
            self._expected_ns = self._control = self._latest = None
            self._interrupted = False
            self.irregular.clear()
            self.overdue = 0

    def expect(self, stamp_ns: int) -> None:
        """Open the gate for the control of the frame with this stamp; to be called before the frame is published."""
        with self._condition:
            self._expected_ns, self._control = stamp_ns, None
            self._interrupted = self._hopeless = False

    def offer(self, stamp_ns: int, control: Control) -> None:
        """Take a command that arrived."""
        with self._condition:
            problem = self._problem(stamp_ns)
            if problem is not None:
                self.irregular[problem] += 1
            if problem == LATE:
                self._latest = (stamp_ns, control)
            if problem is not None:
                return
            self._control, self._latest = control, (stamp_ns, control)
            self._condition.notify_all()

    def rule_out(self, stamp_ns: int) -> None:
        """End the wait for the frame with this stamp: no control will come for it."""
        with self._condition:
            if stamp_ns == self._expected_ns:
                self._hopeless = True
                self._condition.notify_all()

    def wait(self, timeout_s: float) -> Control | None:
        """Wait for the control of the expected frame; None when it did not or will not come, or after ``interrupt``."""
        awake = AwakeTime(TURN_S)
        with self._condition:
            while not self._is_decided() and awake.look(self._clock()) < timeout_s:
                self._condition.wait(min(TURN_S, timeout_s - awake.s))
            self.overdue = 0 if self._is_decided() else self.overdue + 1
            return self._control

    def latest(self) -> tuple[int, Control] | None:
        """Return stamp and value of the newest command of any frame so far (real-time mode)."""
        with self._condition:
            return self._latest

    def interrupt(self) -> None:
        """End the wait for the expected frame, or make it end at once."""
        with self._condition:
            self._interrupted = True
            self._condition.notify_all()

    def _is_decided(self) -> bool:
        return self._control is not None or self._interrupted or self._hopeless

    def _problem(self, stamp_ns: int) -> str | None:
        if self._expected_ns is None or stamp_ns > self._expected_ns:
            return FUTURE
        if stamp_ns < self._expected_ns:
            newest = self._latest is None or stamp_ns > self._latest[0]
            return LATE if self._accept_late and newest else STALE
        return DUPLICATE if self._control is not None else None

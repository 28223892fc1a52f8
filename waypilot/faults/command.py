"""Faults of control messages: between the controller and the vehicle."""

from __future__ import annotations

from collections.abc import Sequence

from waypilot.faults.fault import Fault, FaultKind
from waypilot.faults.timing import DelayLine, DriveClock
from waypilot.types import Control


class CommandFaults:
    """Applies a scenario's control faults to the commands of one drive, frame by frame."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self._faults = [fault for fault in faults if fault.kind.subject == "control"]
        self._clock = DriveClock()
        self._delayed = {fault: DelayLine[Control](fault.delay_ns) for fault in self._faults}

    def are_active(self, stamp_ns: int) -> bool:
        """Whether commands of this frame do not simply arrive. Changes nothing."""
        since_ns = self._clock.since_ns(stamp_ns)
        return any(fault.is_active(since_ns) for fault in self._faults)

    def apply(self, stamp_ns: int, control: Control | None) -> tuple[int, Control] | None:
        """Return stamp and value of the command that reaches the vehicle on the frame of ``stamp_ns``, if any.

        ``control`` is the answer to this frame, None when nobody gave one.
        """
        since_ns = self._clock.since_ns(stamp_ns)
        arriving = None if control is None else (since_ns, control)
        for fault in self._faults:
            if not fault.is_active(since_ns):
                continue
            if fault.kind is FaultKind.CONTROL_LOST:
                arriving = None
            else:
                arriving = self._delayed[fault].pass_through(since_ns, arriving[1] if arriving else None)
        return None if arriving is None else (stamp_ns - since_ns + arriving[0], arriving[1])

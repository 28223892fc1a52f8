"""Faults of the policy: between it and whoever follows its plans."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from waypilot.faults.fault import Fault, FaultKind
from waypilot.faults.timing import STAMP_TOLERANCE_NS, DelayLine, DriveClock
from waypilot.geometry import FloatArray
from waypilot.types import Plan

#: How far the waypoints of an absurd plan are off.
JUMP_M = 20.0
FAR_M = 500.0


class InjectedFaultError(RuntimeError):
    """The policy died because the scenario says so."""


class PlanFaults:
    """Applies a scenario's policy faults to the plans of one drive, in order."""

    def __init__(self, faults: Sequence[Fault]) -> None:
        self._faults = [fault for fault in faults if fault.kind.subject == "policy"]
        self._clock = DriveClock()
        self._delayed = {fault: DelayLine[Plan](fault.delay_ns) for fault in self._faults}

    def withholds(self, stamp_ns: int) -> bool:
        """Whether no plan comes on this frame, so that none may be taken for its answer. Changes nothing."""
        since_ns = self._clock.since_ns(stamp_ns)
        return any(fault.is_active(since_ns) and _is_quiet(fault, since_ns) for fault in self._faults)

    def apply(self, stamp_ns: int, plan: Plan) -> Plan | None:
        """Return the plan that arrives on the frame of ``stamp_ns``: this one, an older one, another one, or none.

        Raises InjectedFaultError when the policy is to die now.
        """
        since_ns = self._clock.since_ns(stamp_ns)
        arriving: Plan | None = plan
        for fault in self._faults:
            if arriving is not None and fault.is_active(since_ns):
                arriving = self._distort(fault, since_ns, arriving)
        return arriving

    def _distort(self, fault: Fault, since_ns: int, plan: Plan) -> Plan | None:
        match fault.kind:
            case FaultKind.POLICY_DIES:
                raise InjectedFaultError(f"the policy died at {fault.start_s:g} s, as the scenario asks")
            case FaultKind.POLICY_SILENT:
                return None
            case FaultKind.POLICY_SLOW:
                late = self._delayed[fault].pass_through(since_ns, plan)
                return None if late is None else late[1]
        waypoints_m = _absurd(fault.kind, plan.final.waypoints_m)
        return Plan(replace(plan.final, waypoints_m=waypoints_m))


def _is_quiet(fault: Fault, since_ns: int) -> bool:
    """Whether the fault lets no plan out: a slow policy is silent, too, until what it began with is done."""
    if fault.kind is FaultKind.POLICY_SLOW:
        return since_ns + STAMP_TOLERANCE_NS < fault.start_ns + fault.delay_ns
    return fault.kind is FaultKind.POLICY_SILENT


def _absurd(kind: FaultKind, waypoints_m: FloatArray) -> FloatArray:
    points = waypoints_m.copy()
    match kind:
        case FaultKind.POLICY_NAN:
            points[:] = np.nan
        case FaultKind.POLICY_JUMPS:
            points[1::2, 1] += JUMP_M
        case FaultKind.POLICY_BACKWARDS:
            points[:, 0] *= -1.0
        case FaultKind.POLICY_FAR:
            points[:, 0] += FAR_M
    return points

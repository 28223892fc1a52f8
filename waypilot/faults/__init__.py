"""Faults on purpose: what a scenario may break, and the injectors that break it in the same way in every loop."""

from waypilot.faults.command import CommandFaults
from waypilot.faults.fault import Fault, FaultKind
from waypilot.faults.plan import InjectedFaultError, PlanFaults
from waypilot.faults.sensing import SensedFrame, SensorFaults, distorts_odometry

__all__ = [
    "CommandFaults",
    "Fault",
    "FaultKind",
    "InjectedFaultError",
    "PlanFaults",
    "SensedFrame",
    "SensorFaults",
    "distorts_odometry",
]

"""What the stack says about itself during a drive: inputs that it does not use, and stops that it commands."""

from __future__ import annotations

from dataclasses import dataclass

POLICY, CONTROLLER, WATCHDOG = "policy", "controller", "watchdog"
"""Who speaks: the policy about its inputs, the controller and the vehicle's watchdog when they stop."""


@dataclass(frozen=True, slots=True)
class Alert:
    """One word on the frame of ``stamp_ns``; ``safe_stop`` when a safe stop was commanded on it."""

    stamp_ns: int
    source: str
    reason: str
    safe_stop: bool = False

"""How complete the record is: frames, and frames for which something is missing."""

from __future__ import annotations

from waypilot.metrics.drive import Drive
from waypilot.metrics.values import Metric, MetricSpec

FRAMES = MetricSpec("frames", "1")
MISSING = MetricSpec("frames_missing", "1")
WITHOUT_PLAN = MetricSpec("frames_without_plan", "1")
INVALID_PLAN = MetricSpec("frames_with_invalid_plan", "1")
WITHOUT_CONTROL = MetricSpec("frames_without_control", "1")
SPECS = (FRAMES, MISSING, WITHOUT_PLAN, INVALID_PLAN, WITHOUT_CONTROL)


def missed_controls_note(missed: int, frames: int) -> str:
    """Say how many frames, of all, were answered by holding the last command or by the watchdog's brake."""
    return f"{missed} of {frames} frames had no control of their own in time"


def compute(drive: Drive) -> tuple[Metric, ...]:
    """Count over all frames; the last one ends the drive and needs neither plan nor control."""
    plans = drive.plans[:-1]
    return (
        FRAMES.value(len(drive.egos)),
        MISSING.value(drive.frames_missing),
        WITHOUT_PLAN.value(sum(plan is None for plan in plans)),
        INVALID_PLAN.value(sum(plan is not None and plan.invalid_reason() is not None for plan in plans)),
        WITHOUT_CONTROL.value(sum(control is None for control in drive.controls[:-1])),
    )

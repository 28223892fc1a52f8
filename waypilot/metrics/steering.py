"""Steering activity: how fast and how often the steering command (-1 to 1) changes; a nervous controller shows here.

A reversal is a change of direction after which the command moves back by at least 0.01 (SAE J2944 counts reversals with
such a gap; 0.01 of full lock is about 5 degrees at the steering wheel).
"""

from __future__ import annotations

import math

import numpy as np

from waypilot.geometry import FloatArray
from waypilot.metrics.averages import mean
from waypilot.metrics.drive import Drive
from waypilot.metrics.values import Metric, MetricSpec

REVERSAL_GAP = 0.01
_SECONDS_PER_MINUTE = 60.0

RATE = MetricSpec("steering_rate_rms", "1/s")
REVERSALS = MetricSpec("steering_reversals_per_minute", "1/min")
SPECS = (RATE, REVERSALS)


def compute(drive: Drive) -> tuple[Metric, ...]:
    """Measure over the frames that have a command."""
    commanded = [control for control in drive.controls if control is not None]
    if len(commanded) < 2:
        return tuple(spec.invalid("fewer than two controls were recorded") for spec in SPECS)
    time_s = drive.time_s[[control is not None for control in drive.controls]]
    steer = np.array([control.steer for control in commanded])
    rate = np.diff(steer) / np.diff(time_s)
    minutes = float(time_s[-1] - time_s[0]) / _SECONDS_PER_MINUTE
    return RATE.value(math.sqrt(mean(rate * rate))), REVERSALS.value(count_reversals(steer) / minutes)


def count_reversals(steer: FloatArray) -> int:
    """Count the extremes from which the command (N,) comes back by the gap; the first movement is none."""
    count, direction, extreme = 0, 0, float(steer[0])
    for value in steer.tolist():
        moved = value - extreme
        if direction == 0 and abs(moved) >= REVERSAL_GAP:
            direction, extreme = (1 if moved > 0.0 else -1), value
        elif moved * direction > 0.0:
            extreme = value
        elif direction != 0 and -moved * direction >= REVERSAL_GAP:
            count, direction, extreme = count + 1, -direction, value
    return count

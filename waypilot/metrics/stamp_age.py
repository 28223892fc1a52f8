"""How old the plan was on which a control was based, in simulated seconds.

A lower bound in real time: the newest plan recorded for a frame may have come too late for its control. In lock step
every frame has its own plan, and the age is 0. What took how long by the wall clock stands under ``wall_clock``.
"""

from __future__ import annotations

import numpy as np

from waypilot.metrics.averages import mean
from waypilot.metrics.drive import Drive
from waypilot.metrics.values import Metric, MetricSpec
from waypilot.types import NANOSECONDS_PER_SECOND

MEAN = MetricSpec("stamp_age_at_control_mean", "s")
MAX = MetricSpec("stamp_age_at_control_max", "s")
SPECS = (MEAN, MAX)


def compute(drive: Drive) -> tuple[Metric, ...]:
    """Mean and maximum over the frames that have a control, from the first plan on."""
    newest_ns: int | None = None
    ages_ns: list[int] = []
    for stamp_ns, plan, control in zip(drive.stamps_ns.tolist(), drive.plans, drive.controls, strict=True):
        newest_ns = stamp_ns if plan is not None else newest_ns
        if newest_ns is not None and control is not None:
            ages_ns.append(stamp_ns - newest_ns)
    if not ages_ns:
        return tuple(spec.invalid("no control with a plan before it was recorded") for spec in SPECS)
    ages_s = np.array(ages_ns, dtype=np.float64) / NANOSECONDS_PER_SECOND
    return MEAN.value(mean(ages_s)), MAX.value(ages_s.max())

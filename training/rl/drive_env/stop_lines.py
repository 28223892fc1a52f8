"""Which stop lines lie ahead of the vehicle."""

from __future__ import annotations

import math
from collections.abc import Iterable

from waypilot.geometry import SE2
from waypilot.surroundings import StopLine

NEAR_M = 40.0
"""Lines farther away are not looked at."""


def nearest_ahead_m(lines: Iterable[StopLine], pose: SE2) -> float:
    """Distance to the nearest of these lines that the vehicle is heading for; infinity without one within 40 m."""
    best = math.inf
    for line in lines:
        if math.dist(line.left_m, (pose.x_m, pose.y_m)) > NEAR_M:
            continue
        x_m, y_m = (line.left_m[0] + line.right_m[0]) / 2.0, (line.left_m[1] + line.right_m[1]) / 2.0
        seen = pose.inverse().compose(SE2(x_m, y_m, line.heading_rad))
        if seen.x_m > 0.0 and abs(seen.y_m) < 3.0 and abs(seen.yaw_rad) < math.pi / 4.0:
            best = min(best, seen.x_m)
    return best

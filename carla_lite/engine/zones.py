"""Which trigger zone a vehicle is in, compiled."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from carla_lite.engine._numba import jit
from carla_lite.engine.body import HALF_X, HALF_Y, VX, VY, YAW, X, Y
from carla_lite.engine.contacts import penetration
from carla_lite.maps import Zone
from waypilot.geometry import FloatArray

NO_ZONE = -1
# Who crosses a zone sideways is not meant by it.
_SAME_WAY_COS = 0.5


def zone_rows(zones: Sequence[Zone]) -> FloatArray:
    """Return zones as rows (M, 5): x, y, yaw, half length, half width."""
    rows = [(z.pose.x_m, z.pose.y_m, z.pose.yaw_rad, z.half_length_m, z.half_width_m) for z in zones]
    return np.array(rows, dtype=np.float64).reshape(len(rows), 5)


@jit
def first_zones(bodies: FloatArray, zones: FloatArray, dt_s: float) -> NDArray[np.int64]:
    """Return for each body (N, SIZE) the first zone that it touched during the last ``dt_s`` facing its way, or -1."""
    result = np.full(len(bodies), NO_ZONE, dtype=np.int64)
    for i in range(len(bodies)):
        body = bodies[i]
        c, s = math.cos(body[YAW]), math.sin(body[YAW])
        # Swept: a step at speed is longer than many a zone.
        back = 0.5 * max(0.0, body[VX] * c + body[VY] * s) * dt_s
        x, y = body[X] - back * c, body[Y] - back * s
        box = np.array([body[YAW], body[HALF_X] + back, body[HALF_Y]])
        reach = math.hypot(box[1], box[2])
        for k in range(len(zones)):
            zone = zones[k]
            dx, dy = zone[0] - x, zone[1] - y
            limit = reach + zone[3] + zone[4]
            if dx * dx + dy * dy > limit * limit or math.cos(zone[2] - body[YAW]) < _SAME_WAY_COS:
                continue
            if penetration(dx, dy, box, zone[2:])[0] > 0.0:
                result[i] = k
                break
    return result

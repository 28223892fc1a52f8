"""Tells whether a vehicle that stands has a reason to."""

from __future__ import annotations

from collections.abc import Sequence

from carla_lite.engine import Vehicle, Walker
from training.rl.drive_env.infractions import RedLights
from waypilot.geometry import SE2

IDLE_MPS = 0.5
"""Slower than this is standing, also for whoever creeps so as not to count as standing."""
IDLE_GRACE_S = 2.0
"""For so long standing on a free road costs nothing: starting takes a moment, and so does a stop sign."""

_AHEAD_M = 15.0
_BESIDE_M = 2.0
_BESIDE_PER_M = 0.6


def road_is_free(pose: SE2, users: Sequence[Vehicle | Walker], lights: RedLights) -> bool:
    """Tell whether nobody is within 15 m ahead, in a cone that begins 2 m wide to each side, nor a light not green."""
    to_base_link = pose.inverse()
    places = (to_base_link.compose(SE2(user.pose.x_m, user.pose.y_m, 0.0)) for user in users)
    blocked = any(0.0 < at.x_m < _AHEAD_M and abs(at.y_m) < _BESIDE_M + _BESIDE_PER_M * at.x_m for at in places)
    return not blocked and lights.ahead_m(pose, green_only=True) >= _AHEAD_M

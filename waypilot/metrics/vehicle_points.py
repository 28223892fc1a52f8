"""Paths of points of the vehicle other than base_link's origin: its front and rear pass stop lines."""

from __future__ import annotations

import numpy as np

from waypilot.geometry import FloatArray
from waypilot.metrics.drive import Drive


def point_ahead_m(drive: Drive, ahead_m: float) -> FloatArray:
    """Positions (N, 2) of the point ``ahead_m`` in front of base_link's origin."""
    yaw_rad = drive.yaw_rad
    ahead: FloatArray = drive.xy_m + ahead_m * np.stack([np.cos(yaw_rad), np.sin(yaw_rad)], axis=-1)
    return ahead

"""Comfort within nuPlan's bounds, of base_link's origin, from velocities, headings and stamps.

Acceleration is the slope of the velocity in map axes, turned into the vehicle's; jerk the slope of the acceleration
(its magnitude, and along the vehicle); yaw rate and yaw acceleration are the first two derivatives of the heading, in
rad/s. Differences from frame to frame would mostly show noise and the pulses of a discrete simulator, so slopes are
those of fitted parabolas. The windows are those of the nuPlan devkit, which filters 8 samples for acceleration and 15
for the others at 0.1 s, as times: frames within 0.35 s and 0.7 s to either side.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from waypilot.geometry import FloatArray
from waypilot.metrics.drive import Drive
from waypilot.metrics.smoothing import MIN_FRAMES, fit_locally
from waypilot.metrics.values import Metric, MetricSpec

ACCELERATION_HALF_WINDOW_S = 0.35
HALF_WINDOW_S = 0.7

# nuPlan's bounds.
MIN_LONGITUDINAL_MPS2 = -4.05
MAX_LONGITUDINAL_MPS2 = 2.40
MAX_LATERAL_MPS2 = 4.89
MAX_JERK_MPS3 = 8.37
MAX_LONGITUDINAL_JERK_MPS3 = 4.13
MAX_YAW_RATE_RADPS = 0.95
MAX_YAW_ACCELERATION_RADPS2 = 1.93

BRAKING = MetricSpec("acceleration_longitudinal_min", "m/s2")
ACCELERATING = MetricSpec("acceleration_longitudinal_max", "m/s2")
LATERAL = MetricSpec("acceleration_lateral_max", "m/s2")
JERK = MetricSpec("jerk_max", "m/s3")
LONGITUDINAL_JERK = MetricSpec("jerk_longitudinal_max", "m/s3")
YAW_RATE = MetricSpec("yaw_rate_max", "rad/s")
YAW_ACCELERATION = MetricSpec("yaw_acceleration_max", "rad/s2")
COMFORTABLE_SHARE = MetricSpec("comfortable_share", "%")
SPECS = (BRAKING, ACCELERATING, LATERAL, JERK, LONGITUDINAL_JERK, YAW_RATE, YAW_ACCELERATION, COMFORTABLE_SHARE)


@dataclass(frozen=True, slots=True, eq=False)
class Motion:
    """How the vehicle was moved about, per frame (N,); lateral is positive to the left."""

    longitudinal_mps2: FloatArray
    lateral_mps2: FloatArray
    jerk_mps3: FloatArray
    longitudinal_jerk_mps3: FloatArray
    yaw_rate_radps: FloatArray
    yaw_acceleration_radps2: FloatArray

    @property
    def comfortable(self) -> NDArray[np.bool_]:
        """Whether all six are within nuPlan's bounds, per frame."""
        return (
            (self.longitudinal_mps2 >= MIN_LONGITUDINAL_MPS2)
            & (self.longitudinal_mps2 <= MAX_LONGITUDINAL_MPS2)
            & (np.abs(self.lateral_mps2) <= MAX_LATERAL_MPS2)
            & (np.abs(self.jerk_mps3) <= MAX_JERK_MPS3)
            & (np.abs(self.longitudinal_jerk_mps3) <= MAX_LONGITUDINAL_JERK_MPS3)
            & (np.abs(self.yaw_rate_radps) <= MAX_YAW_RATE_RADPS)
            & (np.abs(self.yaw_acceleration_radps2) <= MAX_YAW_ACCELERATION_RADPS2)
        )


def motion_of(drive: Drive) -> Motion | None:
    """Differentiate the drive; None for fewer than three frames."""
    if len(drive.egos) < MIN_FRAMES:
        return None
    time_s, yaw_rad = drive.time_s, drive.yaw_rad
    cos, sin = np.cos(yaw_rad), np.sin(yaw_rad)
    forward_mps, left_mps = drive.velocity_mps.T
    x_mps2 = fit_locally(time_s, cos * forward_mps - sin * left_mps, ACCELERATION_HALF_WINDOW_S).first
    y_mps2 = fit_locally(time_s, sin * forward_mps + cos * left_mps, ACCELERATION_HALF_WINDOW_S).first
    longitudinal, lateral = cos * x_mps2 + sin * y_mps2, cos * y_mps2 - sin * x_mps2
    heading = fit_locally(time_s, np.unwrap(yaw_rad), HALF_WINDOW_S)
    return Motion(
        longitudinal_mps2=longitudinal,
        lateral_mps2=lateral,
        jerk_mps3=fit_locally(time_s, np.hypot(longitudinal, lateral), HALF_WINDOW_S).first,
        longitudinal_jerk_mps3=fit_locally(time_s, longitudinal, HALF_WINDOW_S).first,
        yaw_rate_radps=heading.first,
        yaw_acceleration_radps2=heading.second,
    )


def compute(drive: Drive) -> tuple[Metric, ...]:
    """Extremes (magnitudes but for the longitudinal acceleration), and the share of frames within all bounds."""
    motion = motion_of(drive)
    if motion is None:
        return tuple(spec.invalid(f"comfort needs {MIN_FRAMES} frames, there are fewer") for spec in SPECS)
    return (
        BRAKING.value(motion.longitudinal_mps2.min()),
        ACCELERATING.value(motion.longitudinal_mps2.max()),
        LATERAL.value(np.abs(motion.lateral_mps2).max()),
        JERK.value(np.abs(motion.jerk_mps3).max()),
        LONGITUDINAL_JERK.value(np.abs(motion.longitudinal_jerk_mps3).max()),
        YAW_RATE.value(np.abs(motion.yaw_rate_radps).max()),
        YAW_ACCELERATION.value(np.abs(motion.yaw_acceleration_radps2).max()),
        COMFORTABLE_SHARE.value(100.0 * int(motion.comfortable.sum()) / motion.comfortable.size),
    )

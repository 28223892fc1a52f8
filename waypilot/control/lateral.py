"""Steering: pure pursuit on the waypoints, exact for the point of the vehicle that the waypoints are meant for.

Classic pure pursuit steers the rear axle. Waypoints are places of the base_link origin, which for a CARLA vehicle is
near its middle. A single-track vehicle turns about a point abreast of its rear axle, at (-rear_axle_m, R). Asking that
the circle about it through the origin also meets the target (x, y) gives 1/R = 2 y / (x^2 + y^2 + 2 rear_axle_m x).
"""

from __future__ import annotations

import math
from bisect import bisect_right
from dataclasses import dataclass

import numpy as np

from waypilot.boxes import dot
from waypilot.geometry import FloatArray

_MIN_DENOMINATOR_M2 = 1e-3


@dataclass(frozen=True, slots=True)
class LateralConfig:
    """Vehicle geometry and pursuit. Defaults: CARLA's Tesla Model 3.

    The target lies ``lookahead_time_s`` ahead at the present speed, within the two look-ahead distances.
    ``max_wheel_angle_rad`` is what steer = 1 asks of the front wheels at standstill; ``steering_curve`` scales it by
    speed: (m/s, factor) points in rising order, linear between, constant outside (CARLA's default vehicle curve).
    Look-ahead was tuned in the closed loop of the tests, as the best compromise between cutting corners (longer) and
    swinging when commands arrive up to 0.2 s late (shorter).
    """

    wheelbase_m: float = 3.0
    rear_axle_m: float = 1.5
    max_wheel_angle_rad: float = math.radians(70.0)
    steering_curve: tuple[tuple[float, float], ...] = ((0.0, 1.0), (20 / 3.6, 0.9), (60 / 3.6, 0.8), (120 / 3.6, 0.7))
    lookahead_time_s: float = 0.5
    min_lookahead_m: float = 2.5
    max_lookahead_m: float = 20.0
    max_wheel_rate_radps: float = 1.5
    max_lateral_acceleration_mps2: float = 6.0

    def __post_init__(self) -> None:
        for name in ("wheelbase_m", "lookahead_time_s", "min_lookahead_m", "max_wheel_rate_radps"):
            if not getattr(self, name) > 0.0:
                raise ValueError(f"{name} is {getattr(self, name)}, expected a positive value")
        if not 0.0 <= self.rear_axle_m <= self.wheelbase_m:
            raise ValueError(f"rear_axle_m is {self.rear_axle_m}, expected 0 to wheelbase_m ({self.wheelbase_m})")
        if not 0.0 < self.max_wheel_angle_rad < math.pi / 2:
            raise ValueError(f"max_wheel_angle_rad is {self.max_wheel_angle_rad}, expected 0 to pi/2 radians")
        if self.max_lookahead_m < self.min_lookahead_m:
            raise ValueError("max_lookahead_m must not be below min_lookahead_m")
        if not self.max_lateral_acceleration_mps2 > 0.0:
            raise ValueError("max_lateral_acceleration_mps2 must be positive")
        speeds = [speed for speed, _ in self.steering_curve]
        if not speeds or speeds != sorted(set(speeds)) or min(factor for _, factor in self.steering_curve) <= 0.0:
            raise ValueError("steering_curve needs (speed m/s, factor > 0) points with rising speeds")


class LateralController:
    """Turns a path into a steer command, limited in angle, rate and lateral acceleration. Keeps only the last angle."""

    def __init__(self, config: LateralConfig) -> None:
        self.config = config
        self.wheel_angle_rad = 0.0

    def reset(self) -> None:
        """Assume straight wheels."""
        self.wheel_angle_rad = 0.0

    def follow(self, path_m: FloatArray, speed_mps: float, dt_s: float) -> float:
        """Steer (CARLA: -1..1, positive right) towards ``path_m`` (N >= 1, 2), base_link axes.

        A path too short to have a direction leaves the wheels where they are.
        """
        target = lookahead_point(path_m, self.lookahead_m(speed_mps))
        wanted = self.wheel_angle_rad if target is None else self._pursue(*target)
        return self.turn_wheels(wanted, speed_mps, dt_s)

    def turn_wheels(self, wanted_rad: float, speed_mps: float, dt_s: float) -> float:
        """Move the front wheels (left positive) towards an angle within all limits; returns steer."""
        c = self.config
        full = c.max_wheel_angle_rad * self._curve_factor(speed_mps)
        grip = math.atan(c.wheelbase_m * c.max_lateral_acceleration_mps2 / max(abs(speed_mps), 0.1) ** 2)
        limit, step = min(full, grip), c.max_wheel_rate_radps * dt_s
        angle = min(max(wanted_rad, self.wheel_angle_rad - step), self.wheel_angle_rad + step)
        self.wheel_angle_rad = min(max(angle, -limit), limit)
        return -self.wheel_angle_rad / full

    def lookahead_m(self, speed_mps: float) -> float:
        """Distance along the path to the target at this speed."""
        c = self.config
        return min(max(c.lookahead_time_s * abs(speed_mps), c.min_lookahead_m), c.max_lookahead_m)

    def _pursue(self, x_m: float, y_m: float) -> float:
        c = self.config
        denominator = max(x_m * x_m + y_m * y_m + 2.0 * c.rear_axle_m * x_m, _MIN_DENOMINATOR_M2)
        return math.atan(c.wheelbase_m * 2.0 * y_m / denominator)

    def _curve_factor(self, speed_mps: float) -> float:
        curve = self.config.steering_curve
        right = bisect_right(curve, abs(speed_mps), key=lambda point: point[0])
        if right in (0, len(curve)):
            return curve[max(right - 1, 0)][1]
        (v0, f0), (v1, f1) = curve[right - 1], curve[right]
        return f0 + (f1 - f0) * (abs(speed_mps) - v0) / (v1 - v0)


def lookahead_point(path_m: FloatArray, lookahead_m: float) -> tuple[float, float] | None:
    """Point of the polyline ``path_m`` (N, 2) that lies ``lookahead_m`` of arc beyond the place nearest the origin.

    The last stretch is prolonged when the path is shorter. None when the path ahead is under a centimetre long.
    """
    starts, steps = path_m[:-1], path_m[1:] - path_m[:-1]
    lengths = np.hypot(steps[:, 0], steps[:, 1])
    keep = lengths > 1e-6
    if not keep.all():
        starts, steps, lengths = starts[keep], steps[keep], lengths[keep]
    if lengths.sum() < 0.01:
        return None
    along = np.minimum(np.maximum(-dot(starts, steps) / lengths**2, 0.0), 1.0)
    feet = starts + along[:, None] * steps
    nearest = int(np.argmin(np.hypot(feet[:, 0], feet[:, 1])))
    arc = [0.0, *np.cumsum(lengths).tolist()]
    wanted = float(arc[nearest] + along[nearest] * lengths[nearest]) + lookahead_m
    index = min(bisect_right(arc, wanted) - 1, len(lengths) - 1)
    point = starts[index] + (wanted - arc[index]) / lengths[index] * steps[index]
    return float(point[0]), float(point[1])

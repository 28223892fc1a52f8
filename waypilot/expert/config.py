"""How the expert drives."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ExpertConfig:
    """How the expert drives. Defaults: 20 waypoints at 4 Hz, as in the Waymo end-to-end challenge; calm city driving.

    ``recovery_time_s`` and ``min_recovery_length_m`` set the length over which a lateral offset decays by about 3/4.
    Bends are driven at ``lateral_acceleration_mps2``; recovering may go up to ``max_lateral_acceleration_mps2``.
    ``min_turn_radius_m`` is the tightest circle of the base_link origin (5.5 m: a mid-size car between kerbs).

    Behind others it keeps ``standstill_gap_m`` and ``headway_s``, and brakes for them with up to
    ``emergency_deceleration_mps2``. Its front stops ``line_gap_m`` before a stop line. It passes pedestrians who stand
    within ``pedestrian_side_m`` of its way at ``pedestrian_speed_mps``.
    """

    target_speed_mps: float = 8.0
    num_waypoints: int = 20
    waypoint_interval_s: float = 0.25
    lateral_acceleration_mps2: float = 2.0
    max_lateral_acceleration_mps2: float = 4.0
    acceleration_mps2: float = 2.0
    comfort_deceleration_mps2: float = 1.5
    max_deceleration_mps2: float = 3.0
    recovery_time_s: float = 0.6
    min_recovery_length_m: float = 3.0
    max_approach_angle_rad: float = 0.7
    min_turn_radius_m: float = 5.5
    standstill_gap_m: float = 2.0
    headway_s: float = 1.2
    emergency_deceleration_mps2: float = 6.0
    line_gap_m: float = 1.0
    pedestrian_side_m: float = 1.0
    pedestrian_speed_mps: float = 5.0

    def __post_init__(self) -> None:
        if self.num_waypoints < 1:
            raise ValueError(f"num_waypoints is {self.num_waypoints}, expected at least 1")
        for name in self.__dataclass_fields__:
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} is {getattr(self, name)}, expected a positive value")
        if self.max_lateral_acceleration_mps2 < self.lateral_acceleration_mps2:
            raise ValueError("max_lateral_acceleration_mps2 must not be below lateral_acceleration_mps2")
        if self.max_deceleration_mps2 < self.comfort_deceleration_mps2:
            raise ValueError("max_deceleration_mps2 must not be below comfort_deceleration_mps2")
        if self.emergency_deceleration_mps2 < self.max_deceleration_mps2:
            raise ValueError("emergency_deceleration_mps2 must not be below max_deceleration_mps2")
        if self.max_approach_angle_rad >= math.pi / 2:
            raise ValueError(f"max_approach_angle_rad is {self.max_approach_angle_rad}, expected less than pi/2")

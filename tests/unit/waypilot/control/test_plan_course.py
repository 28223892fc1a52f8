from __future__ import annotations

import numpy as np
import pytest

from waypilot.control.plan_course import PlanCourse
from waypilot.types import Trajectory


def trajectory(arcs: np.ndarray) -> Trajectory:
    return Trajectory(0, 250_000_000, np.stack([arcs, np.zeros(len(arcs))], axis=1))


class TestSpeed:
    def test_constant_speed_is_read_back_anywhere(self) -> None:
        plan = trajectory(2.0 * np.arange(1, 21))
        for start in (-0.1, 0.0, 0.3, 4.5, 9.0):
            assert PlanCourse(plan).speed_mps(start, start + 0.75) == pytest.approx(8.0)

    def test_accelerating_plan_gives_the_speed_in_the_middle_of_the_window(self) -> None:
        t = 0.25 * np.arange(1, 21)
        assert PlanCourse(trajectory(3.0 * t + t**2)).speed_mps(0.25, 1.0) == pytest.approx(3.0 + 2.0 * 0.625)

    def test_speed_is_measured_along_the_path(self) -> None:
        angle = 0.25 * np.arange(1, 21)
        circle = Trajectory(0, 250_000_000, 8.0 * np.stack([np.sin(angle), 1.0 - np.cos(angle)], axis=1))
        assert PlanCourse(circle).speed_mps(0.25, 1.0) == pytest.approx(8.0, rel=0.01)

    def test_a_single_waypoint_is_enough(self) -> None:
        assert PlanCourse(trajectory(np.array([1.0]))).speed_mps(0.25, 1.0) == pytest.approx(4.0)


def test_the_path_begins_where_the_vehicle_was() -> None:
    assert PlanCourse(trajectory(np.array([1.0, 3.0]))).path_m.tolist() == [[0.0, 0.0], [1.0, 0.0], [3.0, 0.0]]

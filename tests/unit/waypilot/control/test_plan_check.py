from __future__ import annotations

import numpy as np

from waypilot.control.plan_check import PlanCheck, PlanCheckConfig
from waypilot.types import Trajectory

MS = 1_000_000


def plan(speed_mps: float) -> Trajectory:
    points = np.stack([speed_mps * 0.25 * np.arange(1, 9), np.zeros(8)], axis=1)
    return Trajectory(0, 250 * MS, points)


def test_a_plan_that_comes_again_is_judged_by_the_present_time() -> None:
    check, good = PlanCheck(PlanCheckConfig()), plan(8.0)
    assert check.refusal(good, 0) is None
    assert check.refusal(good, 400 * MS) is None
    assert str(check.refusal(good, 450 * MS)).startswith("stale plan")
    assert check.refusal(good, 100 * MS) is None


def test_each_new_plan_is_looked_through() -> None:
    check, good, fast = PlanCheck(PlanCheckConfig()), plan(8.0), plan(50.0)
    empty = Trajectory(0, 250 * MS, np.zeros((0, 2)))
    for _ in range(2):
        assert check.refusal(good, 0) is None
        assert str(check.refusal(fast, 0)).startswith("absurd plan: 50.0 m/s")
        assert str(check.refusal(fast, 0)).startswith("absurd plan: 50.0 m/s")
        assert check.refusal(empty, 0) == "invalid plan: no waypoints"
        assert check.refusal(None, 0) == "no plan"


def test_a_stale_absurd_plan_is_refused_as_stale() -> None:
    assert str(PlanCheck(PlanCheckConfig()).refusal(plan(50.0), 1000 * MS)).startswith("stale plan")

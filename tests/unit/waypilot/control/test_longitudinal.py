from __future__ import annotations

import numpy as np
import pytest

from waypilot.control.longitudinal import LongitudinalConfig, LongitudinalController

CONFIG = LongitudinalConfig()
DT_S = 0.05


class TestPedals:
    def test_too_slow_throttles_too_fast_brakes_nearly_right_coasts(self) -> None:
        controller = LongitudinalController(CONFIG)
        throttle, brake = controller.follow(8.0, 7.0, 0.0)
        assert (throttle, brake) == (pytest.approx(1.6 / 6.0), 0.0)
        throttle, brake = controller.follow(7.0, 8.0, 0.0)
        assert (throttle, brake) == (0.0, pytest.approx((1.6 - 0.3) / 8.0))
        assert controller.follow(7.9, 8.0, 0.0) == (0.0, 0.0)

    def test_demands_are_limited(self) -> None:
        controller = LongitudinalController(CONFIG)
        assert controller.follow(30.0, 0.0, DT_S)[0] == pytest.approx(CONFIG.max_acceleration_mps2 / 6.0)
        assert controller.follow(0.0, 30.0, DT_S)[1] == pytest.approx((CONFIG.max_deceleration_mps2 - 0.3) / 8.0)

    def test_standing_still_when_asked_to_is_held_with_the_brake(self) -> None:
        assert LongitudinalController(CONFIG).follow(0.1, 0.1, DT_S) == (0.0, CONFIG.hold_brake)

    def test_stopping_releases_the_brake_gradually(self) -> None:
        controller = LongitudinalController(CONFIG)
        speeds = np.linspace(6.0, 0.35, 30)
        brakes = [controller.follow(0.0, float(v), DT_S)[1] for v in speeds]
        assert np.all(np.diff(brakes) <= 1e-12)
        assert brakes[-1] < 0.1


class TestIntegral:
    def test_a_lasting_small_error_is_removed(self) -> None:
        """Drag of 0.6 m/s^2: proportional control alone would stay 0.37 m/s too slow."""
        controller, speed = LongitudinalController(CONFIG), 8.0
        for _ in range(600):
            throttle, brake = controller.follow(8.0, speed, DT_S)
            speed += (throttle * 6.0 - brake * 8.0 - 0.6) * DT_S
        assert speed == pytest.approx(8.0, abs=0.02)

    def test_it_does_not_wind_up_during_a_long_acceleration(self) -> None:
        controller, reference = LongitudinalController(CONFIG), LongitudinalController(CONFIG)
        for _ in range(400):
            controller.follow(8.0, 4.0, DT_S)
        assert controller.follow(8.0, 7.9, 0.0) == reference.follow(8.0, 7.9, 0.0)

    def test_it_is_bounded(self) -> None:
        controller = LongitudinalController(CONFIG)
        for _ in range(4000):
            controller.follow(8.0, 7.5, DT_S)
        assert controller.follow(8.0, 8.0, 0.0)[0] == pytest.approx(CONFIG.max_integral_mps2 / 6.0, rel=0.02)

    def test_a_vehicle_that_does_not_move_gets_more_throttle(self) -> None:
        controller = LongitudinalController(CONFIG)
        first = controller.follow(1.0, 0.0, DT_S)[0]
        for _ in range(40):
            last = controller.follow(1.0, 0.0, DT_S)[0]
        assert last > first + 0.1

    def test_reset_forgets_it(self) -> None:
        controller = LongitudinalController(CONFIG)
        for _ in range(100):
            controller.follow(8.0, 7.5, DT_S)
        controller.reset()
        assert controller.follow(8.0, 8.0, 0.0) == (0.0, 0.0)

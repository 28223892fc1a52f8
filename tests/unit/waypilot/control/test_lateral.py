from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from waypilot.control.lateral import LateralConfig, LateralController, lookahead_point

CONFIG = LateralConfig()
FOREVER_S = 1e3


def arc_path(radius: float, side: float, rear_m: float) -> np.ndarray:
    """The circle that the base_link origin runs on when the rear axle's radius is ``radius``; base_link axes."""
    center = np.array([-rear_m, side * radius])
    own = math.hypot(rear_m, radius)
    start = math.atan2(-center[1], -center[0])
    angles = start + side * np.linspace(0.0, 10.0 / own, 80)
    return center + own * np.stack([np.cos(angles), np.sin(angles)], axis=1)


@given(radius=st.floats(6.0, 500.0), side=st.sampled_from([1.0, -1.0]), speed=st.floats(0.0, 5.0))
def test_a_steady_circle_is_steered_with_the_angle_of_the_single_track_model(
    radius: float, side: float, speed: float
) -> None:
    """The exact angle for any speed and look-ahead, although the origin is not at the rear axle."""
    controller = LateralController(CONFIG)
    steer = controller.follow(arc_path(radius, side, CONFIG.rear_axle_m), speed, FOREVER_S)
    expected = math.atan(CONFIG.wheelbase_m / radius)
    assert controller.wheel_angle_rad == pytest.approx(side * expected, rel=1e-2)
    assert math.copysign(1.0, steer) == -side


@pytest.mark.parametrize(
    ("kmh", "factor"), [(0, 1.0), (10, 0.95), (20, 0.9), (40, 0.85), (60, 0.8), (120, 0.7), (200, 0.7)]
)
def test_steer_undoes_the_vehicles_steering_curve(kmh: float, factor: float) -> None:
    config = LateralConfig(max_lateral_acceleration_mps2=1e6)
    steer = LateralController(config).turn_wheels(0.1, kmh / 3.6, FOREVER_S)
    assert -steer * math.radians(70.0) * factor == pytest.approx(0.1)


def test_wheel_angle_is_limited_by_the_vehicle_and_by_grip() -> None:
    controller = LateralController(CONFIG)
    assert controller.turn_wheels(3.0, 0.0, FOREVER_S) == pytest.approx(-1.0)
    controller.turn_wheels(-3.0, 15.0, FOREVER_S)
    lateral = 15.0**2 * math.tan(controller.wheel_angle_rad) / CONFIG.wheelbase_m
    assert lateral == pytest.approx(-CONFIG.max_lateral_acceleration_mps2)


def test_wheel_rate_is_limited_in_both_directions() -> None:
    controller = LateralController(CONFIG)
    controller.turn_wheels(1.0, 0.0, 0.1)
    assert controller.wheel_angle_rad == pytest.approx(0.15)
    controller.turn_wheels(-1.0, 0.0, 0.05)
    assert controller.wheel_angle_rad == pytest.approx(0.075)


@pytest.mark.parametrize(("speed", "expected"), [(0.0, 2.5), (4.0, 2.5), (8.0, 4.0), (-8.0, 4.0), (60.0, 20.0)])
def test_lookahead_grows_with_speed_within_limits(speed: float, expected: float) -> None:
    assert LateralController(CONFIG).lookahead_m(speed) == pytest.approx(expected)


def test_a_path_without_direction_keeps_the_wheels() -> None:
    controller = LateralController(CONFIG)
    controller.turn_wheels(0.2, 0.0, FOREVER_S)
    assert controller.follow(np.zeros((21, 2)), 0.0, 0.05) == controller.follow(np.zeros((1, 2)), 0.0, 0.05)
    assert controller.wheel_angle_rad == pytest.approx(0.2)


def test_a_target_abreast_or_behind_asks_for_full_lock_to_its_side() -> None:
    path = np.array([[0.0, 0.0], [-3.0, 1.0]])
    controller = LateralController(CONFIG)
    assert controller.follow(path, 0.0, FOREVER_S) == pytest.approx(-1.0)


class TestLookaheadPoint:
    PATH = np.array([[-4.0, 1.0], [0.0, 1.0], [6.0, 1.0], [6.0, 7.0]])

    @pytest.mark.parametrize(
        ("distance", "expected"), [(0.0, (0.0, 1.0)), (3.0, (3.0, 1.0)), (8.0, (6.0, 3.0)), (15.0, (6.0, 10.0))]
    )
    def test_arc_distance_from_the_nearest_place_prolonged_beyond_the_end(self, distance, expected) -> None:
        assert lookahead_point(self.PATH, distance) == pytest.approx(expected)

    def test_repeated_points_do_no_harm(self) -> None:
        doubled = np.repeat(self.PATH, 2, axis=0)
        assert lookahead_point(doubled, 8.0) == pytest.approx((6.0, 3.0))

    @pytest.mark.parametrize("path", [np.zeros((1, 2)), np.zeros((5, 2)), np.array([[0.0, 0.0], [0.005, 0.0]])])
    def test_none_without_a_direction(self, path) -> None:
        assert lookahead_point(path, 3.0) is None

"""Roll and pitch: the general path must agree with the level one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from tiny_town import driver_camera, make_scene


def difference(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.abs(a.astype(int) - b.astype(int)).max(axis=2)


@pytest.mark.parametrize("weather", ["clear", "cloudy"])
def test_half_turn_of_roll_turns_the_picture(town_renderer, weather: str):
    # In daylight only: at night the head lights turn with the camera.
    upright = town_renderer.rgb(driver_camera(), make_scene(weather))
    turned = town_renderer.rgb(driver_camera(roll_rad=math.pi), make_scene(weather))[::-1, ::-1]
    assert (difference(upright, turned) <= 3).mean() > 0.98


def test_tiny_roll_changes_almost_nothing(town_renderer):
    level = town_renderer.rgb(driver_camera(pitch_rad=0.1), make_scene())
    tilted = town_renderer.rgb(driver_camera(pitch_rad=0.1, roll_rad=1e-5), make_scene())
    assert difference(level, tilted).mean() < 0.5


def test_quarter_turn_swaps_the_axes(town_renderer):
    upright = town_renderer.rgb(driver_camera(200, 200, 90.0), make_scene())
    # Rolling to the right (positive about x) turns the picture to the left.
    rolled = town_renderer.rgb(driver_camera(200, 200, 90.0, roll_rad=math.pi / 2), make_scene())
    assert difference(np.rot90(upright), rolled).mean() < 4.0


def test_yaw_of_a_whole_turn_is_no_turn(town_renderer):
    there = town_renderer.rgb(driver_camera(), make_scene())
    back = town_renderer.rgb(driver_camera(yaw_rad=2.0 * math.pi), make_scene())
    assert (difference(there, back) <= 2).mean() > 0.99

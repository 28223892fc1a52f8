"""Equal inputs give equal bytes: in another renderer, after other work, from threads, in another process."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from tiny_town import WEATHERS, driver_camera, make_scene, make_town

from carla_lite.render import Helper, Renderer


@pytest.mark.parametrize("weather", list(WEATHERS))
def test_two_renderers_draw_the_same_bytes(town_renderer, weather: str):
    other = Renderer(make_town())
    other.rgb(driver_camera(64, 48, yaw_rad=1.0), make_scene("rain", frame=9))
    expected = town_renderer.rgb(driver_camera(), make_scene(weather))
    np.testing.assert_array_equal(other.rgb(driver_camera(), make_scene(weather)), expected)


def test_rain_follows_the_frame_number(town_renderer):
    first = town_renderer.rgb(driver_camera(), make_scene("rain", frame=1))
    assert (town_renderer.rgb(driver_camera(), make_scene("rain", frame=2)) != first).any()
    np.testing.assert_array_equal(town_renderer.rgb(driver_camera(), make_scene("rain", frame=1)), first)


def test_threads_do_not_disturb_each_other(town_renderer):
    cameras = [driver_camera(yaw_rad=0.4 * k) for k in range(6)]
    expected = [town_renderer.rgb(camera, make_scene("rain")) for camera in cameras]
    with ThreadPoolExecutor(3) as pool:
        drawn = list(pool.map(lambda camera: town_renderer.rgb(camera, make_scene("rain")), cameras * 3))
    for k, picture in enumerate(drawn):
        np.testing.assert_array_equal(picture, expected[k % 6])


@pytest.fixture(scope="module")
def helper():
    helper = Helper()
    yield helper
    helper.close()


@pytest.mark.parametrize("weather", list(WEATHERS))
@pytest.mark.parametrize("size", [(320, 180), (641, 333)])
@pytest.mark.parametrize("tilt_rad", [(0.0, 0.0), (0.2, 0.3)])
def test_a_helper_draws_what_one_thread_draws(town_renderer, helper, weather: str, size, tilt_rad):
    roll_rad, pitch_rad = tilt_rad
    scene = make_scene(weather)
    for turn in range(4):
        camera = driver_camera(*size, yaw_rad=0.8 * turn, roll_rad=roll_rad, pitch_rad=pitch_rad)
        expected = town_renderer.rgb(camera, scene)
        np.testing.assert_array_equal(town_renderer.rgb(camera, scene, helper=helper), expected)


def test_the_helper_is_asked_for_large_dry_pictures_only(town_renderer):
    shared = []

    class Counting(Helper):
        def share(self, mine, other):
            shared.append(1)
            super().share(mine, other)

    counting = Counting()
    for size, weather in (((320, 180), "clear"), ((64, 48), "clear"), ((320, 180), "rain")):
        town_renderer.rgb(driver_camera(*size), make_scene(weather), helper=counting)
    counting.close()
    assert len(shared) == 1


def test_another_process_draws_the_same_bytes(town_renderer):
    program = (
        "import hashlib, sys; sys.path.insert(0, sys.argv[1])\n"
        "from tiny_town import driver_camera, make_scene, make_town\n"
        "from carla_lite.render import Renderer\n"
        "image = Renderer(make_town()).rgb(driver_camera(), make_scene('rain'))\n"
        "print(hashlib.sha256(image.tobytes()).hexdigest())\n"
    )
    here = str(Path(__file__).parent)
    answer = subprocess.run(
        [sys.executable, "-c", program, here], capture_output=True, text=True, timeout=250, check=True
    )
    image = town_renderer.rgb(driver_camera(), make_scene("rain"))
    assert answer.stdout.strip() == hashlib.sha256(image.tobytes()).hexdigest()

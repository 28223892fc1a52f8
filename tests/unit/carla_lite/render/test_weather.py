"""Weather changes light the way a driver would expect, and continuously."""

from __future__ import annotations

from dataclasses import fields, replace
from itertools import pairwise

import numpy as np
import pytest
from tiny_town import WEATHERS, driver_camera, make_actors, make_scene, rectangle

from carla_lite.render import Renderer
from carla_lite.render.atmosphere import make_light
from carla_lite.scene import Box, DynamicScene, Shape, StaticScene, Surface, Weather


@pytest.fixture(scope="module")
def striped_road() -> Renderer:
    bounds = (-10.0, -30.0, 120.0, 30.0)
    stripes = [rectangle(Surface.MARK_WHITE, -10, y, 120, y + 3.0) for y in np.arange(-30.0, 30.0, 6.0)]
    return Renderer(StaticScene(bounds, (rectangle(Surface.ROAD, *bounds), *stripes), ()))


def grey(image: np.ndarray) -> np.ndarray:
    return image[..., :3].astype(float).mean(axis=2)


def contrast(renderer: Renderer, weather: Weather, depth_m: float) -> float:
    """Return the spread of brightness along the image row that shows the ground at a depth."""
    camera = driver_camera(y_m=0.0, fov_deg=90.0)
    row = int(90 + 160.0 * camera.pose_map_from_camera.z_m / depth_m)
    return float(np.ptp(grey(renderer.rgb(camera, DynamicScene(0, 0.0, weather)))[row, 130:190]))


def test_presets_are_ordered_by_brightness(town_renderer):
    mean = {name: grey(town_renderer.rgb(driver_camera(), make_scene(name))).mean() for name in WEATHERS}
    assert mean["clear"] > mean["cloudy"] > mean["rain"] > 1.5 * mean["night"]


def test_sinking_sun_never_brightens(town_renderer):
    means = [
        grey(town_renderer.rgb(driver_camera(), DynamicScene(0, 0.0, Weather(sun_altitude_angle=a)))).mean()
        for a in (40.0, 20.0, 8.0, 0.0, -5.0, -12.0, -30.0)
    ]
    assert all(later <= earlier + 0.5 for earlier, later in pairwise(means))
    # Head lights and windows are lit by then.
    assert means[-1] < 0.5 * means[0]


def test_fog_eats_contrast_with_distance_and_density(striped_road):
    for depth_m in (8.0, 20.0, 40.0):
        by_density = [contrast(striped_road, Weather(fog_density=d), depth_m) for d in (0.0, 30.0, 60.0, 100.0)]
        assert by_density == sorted(by_density, reverse=True)
    fog = Weather(fog_density=80.0)
    near, far = contrast(striped_road, fog, 8.0), contrast(striped_road, fog, 40.0)
    clear_near, clear_far = contrast(striped_road, Weather(), 8.0), contrast(striped_road, Weather(), 40.0)
    assert far / clear_far < 0.6 * near / clear_near


def test_fog_distance_keeps_the_foreground_clear():
    light, _ = make_light(Weather(fog_density=100.0, fog_distance=30.0))
    assert light.fog[:60].max() == 0.0
    assert light.fog[200] > 0.5


def test_wet_road_is_darker_near_the_car(striped_road):
    # Steeply seen ground hardly mirrors, it only darkens.
    camera = driver_camera(y_m=0.0, pitch_rad=1.0)
    dry = striped_road.rgb(camera, DynamicScene(0, 0.0, Weather()))
    wet = striped_road.rgb(camera, DynamicScene(0, 0.0, Weather(wetness=100.0)))
    assert grey(wet).mean() < 0.9 * grey(dry).mean()


def test_wet_road_mirrors_what_stands_on_it():
    bounds = (-10.0, -30.0, 60.0, 30.0)
    road = (rectangle(Surface.ROAD, *bounds),)
    wall = Box(Shape.BOX, (40.0, 0.0, 10.0), (1.0, 30.0, 10.0), 0.0, (250, 10, 10))
    renderers = [Renderer(StaticScene(bounds, road, boxes)) for boxes in ((), (wall,))]

    def redder(weather: Weather) -> float:
        """Return how much redder the road between car and wall is for the wall's being there."""
        without, beside = (r.rgb(driver_camera(y_m=0.0), DynamicScene(0, 0.0, weather)) for r in renderers)
        change = beside[100:120, :, :3].astype(float) - without[100:120, :, :3]
        return float((change[..., 2] - change[..., 0]).mean())

    assert redder(Weather()) == 0.0
    assert redder(Weather(wetness=50.0)) > 10.0
    assert redder(Weather(wetness=100.0)) > 1.5 * redder(Weather(wetness=50.0))


def test_night_lights(town_renderer):
    night = town_renderer.rgb(driver_camera(), make_scene("night"))
    dark_car = town_renderer.rgb(driver_camera(), make_scene("night", cars=0))
    brighter = grey(night) - grey(dark_car)
    assert brighter.max() > 100.0, "lamps of other cars shine"
    road = grey(dark_car)
    assert road[120:150, 140:180].mean() > 3.0 * road[120:150, :20].mean(), "own head lights show the lane ahead"
    windows = (dark_car[..., 2] > 180) & (dark_car[..., 0] < 160)
    assert windows.sum() > 100, "some windows are lit"


def test_brake_lights_are_brighter_than_tail_lights(town_renderer):
    (actor, *_) = make_actors(1)
    pictures = [
        town_renderer.rgb(driver_camera(), DynamicScene(0, 0.0, Weather(), (replace(actor, brake_lights=on),)))
        for on in (False, True)
    ]
    more_red = pictures[1][..., 2].astype(int) - pictures[0][..., 2]
    assert more_red.max() > 60
    assert more_red.min() >= 0


@pytest.mark.parametrize("name", [parameter.name for parameter in fields(Weather)])
def test_every_parameter_acts_continuously(town_renderer, name: str):
    # Each parameter is stepped in the weather where it matters most.
    base = Weather(
        cloudiness=45.0,
        precipitation=30.0,
        precipitation_deposits=50.0,
        wetness=60.0,
        fog_density=20.0,
        sun_altitude_angle=6.0,
        sun_azimuth_angle=20.0,
    )
    span = {
        "sun_altitude_angle": 180.0,
        "sun_azimuth_angle": 360.0,
        "fog_distance": 50.0,
        "fog_falloff": 2.0,
        "scattering_intensity": 2.0,
        "mie_scattering_scale": 0.1,
        "rayleigh_scattering_scale": 0.06,
    }.get(name, 100.0)
    value = getattr(base, name)
    camera = driver_camera(160, 90)
    start = town_renderer.rgb(camera, DynamicScene(3, 0.0, base)).astype(int)
    near = town_renderer.rgb(camera, DynamicScene(3, 0.0, replace(base, **{name: value + 0.002 * span}))).astype(int)
    far = town_renderer.rgb(camera, DynamicScene(3, 0.0, replace(base, **{name: value + 0.4 * span}))).astype(int)
    assert np.abs(near - start).mean() < 2.5
    assert np.abs(far - start).mean() > 0.05


def test_weather_that_is_not_finite_is_refused(town_renderer):
    with pytest.raises(ValueError, match="fog_density is nan"):
        town_renderer.rgb(driver_camera(), DynamicScene(0, 0.0, Weather(fog_density=float("nan"))))

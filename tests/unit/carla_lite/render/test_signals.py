import math

import numpy as np
import pytest

from carla_lite.render import Renderer
from carla_lite.scene import Box, Camera, DynamicScene, Lamp, Shape, StaticScene, Weather
from waypilot.geometry import Pose

BOUNDS = (-60.0, -60.0, 60.0, 60.0)
NIGHT = Weather(sun_altitude_angle=-30.0)
# What the brightest pixels of a lit lamp have most and least of (BGR index).
COLORS = {Lamp.RED: (2, 0), Lamp.YELLOW: (2, 0), Lamp.GREEN: (1, 2)}


def _picture(shape: Shape, lamps: tuple[int, ...] = (), weather: Weather | None = None, text: int = 0) -> np.ndarray:
    depth = 0.14 if shape is Shape.TRAFFIC_LIGHT else 0.02
    box = Box(shape, (8.0, 0.0, 1.5), (depth, 0.4, 0.6), np.pi, (26, 28, 30), text)
    scene = DynamicScene(0, 0.0, weather or Weather(), (), lamps)
    camera = Camera(320, 180, math.radians(90.0), Pose.from_xyz_rpy(0.0, 0.0, 1.5))
    return Renderer(StaticScene(BOUNDS, (), (box,))).rgb(camera, scene)[:, :, :3].astype(int)


@pytest.mark.parametrize("weather", [Weather(), NIGHT], ids=["day", "night"])
@pytest.mark.parametrize("lamp", [Lamp.RED, Lamp.YELLOW, Lamp.GREEN])
def test_the_lit_lamp_shines_in_its_colour_at_its_place(lamp: Lamp, weather: Weather) -> None:
    on, off = (_picture(Shape.TRAFFIC_LIGHT, (state,), weather) for state in (lamp, Lamp.OFF))
    gain = (on - off).sum(axis=2)
    row, column = np.unravel_index(np.argmax(gain), gain.shape)
    most, least = COLORS[lamp]
    assert on[row, column, most] > 200 > on[row, column, least] + 40
    rows = np.flatnonzero(gain.max(axis=1) > 0.5 * gain.max())
    assert {Lamp.RED: rows.mean() < 85, Lamp.YELLOW: 85 < rows.mean() < 95, Lamp.GREEN: rows.mean() > 95}[lamp]
    assert abs(column - 160) < 15


def test_each_light_shows_its_own_state_and_their_number_must_fit() -> None:
    assert (_picture(Shape.TRAFFIC_LIGHT, (Lamp.OFF,)) == _picture(Shape.TRAFFIC_LIGHT)).all()
    with pytest.raises(ValueError, match="2 lamps are given, the town has 1 traffic lights"):
        _picture(Shape.TRAFFIC_LIGHT, (Lamp.RED, Lamp.RED))


def test_signs_differ_by_kind_and_number() -> None:
    stop, give_way = _picture(Shape.STOP_SIGN), _picture(Shape.YIELD_SIGN)
    assert stop[82, 160, 2] > 2 * stop[82, 160, 1]  # red above the bar
    assert give_way[88, 160].min() > 120  # white in the middle
    thirty, fifty = _picture(Shape.SPEED_SIGN, text=30), _picture(Shape.SPEED_SIGN, text=50)
    assert (thirty != fifty).any()
    assert (thirty != fifty)[:, 160:].sum() < (thirty != fifty)[:, :160].sum()  # only the first digit differs

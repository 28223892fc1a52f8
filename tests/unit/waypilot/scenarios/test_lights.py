"""The light on the route is red until the vehicle has waited at its line; lights of other lanes are left alone."""

from __future__ import annotations

import math

import numpy as np

from waypilot.route import Route
from waypilot.scenarios.actors import Lights
from waypilot.scenarios.lights import LightPlayer
from waypilot.surroundings import Footprint, LightState, SceneInfo, SignalKind, StopLine

ROUTE = Route(np.stack([np.linspace(0.0, 100.0, 101), np.zeros(101)], axis=1))


def line(signal_id: int, x_m: float, y_m: float, heading_rad: float, kind=SignalKind.TRAFFIC_LIGHT) -> StopLine:
    return StopLine(signal_id, kind, (x_m, y_m + 1.75), (x_m, y_m - 1.75), heading_rad)


SCENE = SceneInfo(
    Footprint(2.4, 1.0),
    (
        line(9, 50.0, 0.0, 0.0),
        line(8, 60.0, 3.5, math.pi),
        line(7, 55.0, 0.0, math.pi / 2),
        line(6, 30.0, 0.0, 0.0, SignalKind.STOP_SIGN),
    ),
)


def test_red_until_it_has_waited_at_the_line():
    player = LightPlayer(Lights(2.0), ROUTE, SCENE)
    assert player.signal_ids == (9,)
    shown = [player.step(0.05 * i, 20.0, 0.0)[9] for i in range(100)]  # standing far away is not waiting
    shown += [player.step(5.0 + 0.05 * i, 44.0, 3.0)[9] for i in range(20)]
    assert set(shown) == {LightState.RED}
    waiting = [player.step(6.0 + 0.05 * i, 45.0, 0.1)[9] for i in range(60)]
    turned = waiting.index(LightState.GREEN)
    assert 38 <= turned <= 40
    assert set(waiting[turned:]) == {LightState.GREEN}
    assert player.step(20.0, 70.0, 8.0) == {9: LightState.GREEN}


def test_without_a_light_on_the_route_nothing_is_shown():
    player = LightPlayer(Lights(2.0), ROUTE, SceneInfo(SCENE.ego, SCENE.stop_lines[1:]))
    assert player.step(0.0, 0.0, 0.0) == {}

"""What lies ahead on the route, as labels tell it."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np
import pytest

from tests.unit.waypilot.metrics.conftest import EGO, car, stop_line, walker
from waypilot.episodes import RouteAhead
from waypilot.expert.route_watch import RouteWatch
from waypilot.route import Route
from waypilot.surroundings import LightState, SceneInfo, SignalKind, Surroundings

ROUTE = Route(np.stack([np.arange(121.0), np.zeros(121)], axis=-1))
FRONT_M = EGO.centre_x_m + EGO.half_length_m


def look(lines=(), lights=(), actors=(), s_m=0.0):
    return RouteWatch(ROUTE, SceneInfo(EGO, tuple(lines))).look(Surroundings(0, tuple(actors), tuple(lights)), s_m)


def test_an_empty_road_has_nothing_ahead():
    assert look() == RouteAhead()


@pytest.mark.parametrize(
    ("state", "name"),
    [(LightState.RED, "red_light_m"), (LightState.GREEN, "green_light_m"), (LightState.YELLOW, None)],
)
def test_a_light_is_told_by_what_it_shows(state, name):
    line = stop_line(30.0)
    seen = look([line], [(line.signal_id, state)])
    told = {} if name is None else {name: pytest.approx(30.0 - FRONT_M)}
    assert asdict(seen) == asdict(RouteAhead()) | told


def test_distances_count_from_where_the_vehicle_is_and_end_at_the_line_and_40_m_before_it():
    line = stop_line(60.0, kind=SignalKind.STOP_SIGN)
    assert look([line], s_m=50.0).stop_sign_m == pytest.approx(10.0 - FRONT_M)
    assert look([line], s_m=60.0 - FRONT_M + 0.1).stop_sign_m is None
    assert look([line], s_m=19.0 - FRONT_M).stop_sign_m is None


def test_the_nearest_road_user_in_the_way_is_told():
    near, far, beside, behind = car(20.0), car(30.0), car(10.0, 3.5), car(-8.0)
    gap_m = 20.0 - near.half_length_m - FRONT_M
    assert look(actors=[far, near, beside, behind]).road_user_m == pytest.approx(gap_m)
    assert look(actors=[beside, behind]).road_user_m is None


def test_a_pedestrian_near_the_way_counts_and_one_further_off_does_not():
    assert look(actors=[walker(15.0, 1.5)]).road_user_m is not None
    assert look(actors=[walker(15.0, 4.0)]).road_user_m is None

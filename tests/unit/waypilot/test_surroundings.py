"""Geometry of what is around the vehicle."""

import math

import pytest

from waypilot.geometry import SE2
from waypilot.surroundings import Footprint, RoadType


def test_corners_go_round_from_the_front_left_one():
    corners = Footprint(2.0, 1.0, centre_x_m=0.5).corners(SE2(10.0, 20.0, math.pi / 2))
    assert [value for corner in corners for value in corner] == pytest.approx(
        [9.0, 22.5, 11.0, 22.5, 11.0, 18.5, 9.0, 18.5]
    )


def test_a_car_may_be_on_lanes_and_beside_them_but_not_on_the_pavement():
    assert [road.name for road in RoadType if road.is_drivable] == ["DRIVING", "SHOULDER", "PARKING"]

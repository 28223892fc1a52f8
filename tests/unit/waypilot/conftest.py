"""Routes with known geometry, for every test of the driving core."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np
import pytest

from waypilot.route import Route

RouteMaker = Callable[..., Route]


@pytest.fixture(scope="session")
def make_route() -> RouteMaker:
    """``make_route((length_m, curvature_per_m), ...)``: a route of exact arcs from the origin along +x."""
    return _chain


def _chain(
    *parts: tuple[float, float], spacing_m: float = 1.0, junctions: Sequence[tuple[float, float]] | None = None
) -> Route:
    x = y = yaw = 0.0
    points = [(x, y)]
    for length, kappa in parts:
        count = max(1, round(length / spacing_m))
        step = length / count
        for _ in range(count):
            middle = yaw + kappa * step / 2.0
            chord = step if kappa == 0.0 else 2.0 / abs(kappa) * math.sin(abs(kappa) * step / 2.0)
            x, y, yaw = x + chord * math.cos(middle), y + chord * math.sin(middle), yaw + kappa * step
            points.append((x, y))
    return Route(np.array(points), junctions)


QUARTER_8M = 8.0 * math.pi / 2.0


@pytest.fixture(scope="session")
def town_route() -> Route:
    """Straight, left turn of 8 m radius, straight, right turn of 8 m, an S-curve of 40 m radius, straight: 285 m."""
    return _chain(
        (60, 0), (QUARTER_8M, 1 / 8), (50, 0), (QUARTER_8M, -1 / 8), (40, 0), (30, 1 / 40), (30, -1 / 40), (50, 0)
    )

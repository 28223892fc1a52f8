"""Towns ``country:<seed>``: long streets with wide bends, S-curves and bows and without pavements, to train on.

They have the widths and the radii of country roads and bypasses, which the seeded towns of ``generate:<seed>`` lack;
grids, streets and curves are drawn, and none of them is that of a town in which policies are judged.
"""

from __future__ import annotations

import numpy as np

from carla_lite.maps.layout import Control, Edge, TownPlan, TrafficRules, Vertex

_SPACING_M = (178.0, 230.0)  # of junctions; streets between them are 28 m shorter
_BEND_RADIUS_M, _BOW_RADIUS_M = (70.0, 115.0), (80.0, 150.0)
_SHIFT_M = (10.0, 21.0)  # neighbours that move apart make S-curves of 74 m of radius at least
_SHIFTED_SHARE, _BOWED_SHARE, _YELLOW_SHARE = 0.8, 0.6, 0.5
_SHOULDER_M = (0.4, 1.5)
_LIMITS_KPH = (50, 60, 80)
_CONTROLS = (Control.NONE, Control.STOP, Control.YIELD)


def country_plan(name: str, seed: int, geo_reference: tuple[float, float]) -> TownPlan:
    """Draw a country town; odd seeds have two lanes each way."""
    rng = np.random.default_rng([9, seed])
    columns, rows = int(rng.integers(3, 5)), int(rng.integers(3, 5))
    vertices = [(i, j) for j in range(rows) for i in range(columns)]
    corners = [(i, j) for i in (0, columns - 1) for j in (0, rows - 1)]
    edges = [(v, w) for v in vertices for w in ((v[0] + 1, v[1]), (v[0], v[1] + 1)) if w in vertices]
    return TownPlan(
        name,
        _positions(rng, columns),
        _positions(rng, rows),
        shifts_m=_shifts(rng, vertices, corners),
        removed=_removed(rng, columns, rows),
        bowed={edge: _sign(rng) * _between(rng, _BOW_RADIUS_M) for edge in edges if rng.random() < _BOWED_SHARE},
        bend_radii_m={corner: _between(rng, _BEND_RADIUS_M) for corner in corners},
        bend_radius_m=_BEND_RADIUS_M[0],
        center_color="yellow" if rng.random() < _YELLOW_SHARE else "white",
        geo_reference=geo_reference,
        verge=(("shoulder", _between(rng, _SHOULDER_M)),),
        rules=_rules(rng, vertices, edges),
        lanes=1 + seed % 2,
    )


def _positions(rng: np.random.Generator, count: int) -> tuple[float, ...]:
    raw = np.concatenate([[0.0], np.cumsum(rng.uniform(*_SPACING_M, count - 1))])
    return tuple(float(value) for value in np.round(raw - raw.mean(), 1))


def _shifts(
    rng: np.random.Generator, vertices: list[Vertex], corners: list[Vertex]
) -> dict[Vertex, tuple[float, float]]:
    """Move vertices aside, but not those next to a corner: streets that bend have no room for an S-curve as well."""
    far = [v for v in vertices if all(abs(v[0] - i) + abs(v[1] - j) > 1 for i, j in corners)]
    return {
        vertex: (_sign(rng) * _between(rng, _SHIFT_M), _sign(rng) * _between(rng, _SHIFT_M))
        for vertex in far
        if rng.random() < _SHIFTED_SHARE
    }


def _removed(rng: np.random.Generator, columns: int, rows: int) -> frozenset[Edge]:
    """Take one cross street out of each inner column, so that the streets along the rows become longer."""
    taken = [(column, int(rng.integers(rows - 1))) for column in range(1, columns - 1)]
    return frozenset(((column, row), (column, row + 1)) for column, row in taken)


def _rules(rng: np.random.Generator, vertices: list[Vertex], edges: list[Edge]) -> TrafficRules:
    controls = {vertex: _CONTROLS[int(rng.integers(len(_CONTROLS)))] for vertex in vertices}
    return TrafficRules(controls, _LIMITS_KPH[0], {edge: int(rng.choice(_LIMITS_KPH)) for edge in edges})


def _between(rng: np.random.Generator, bounds: tuple[float, float]) -> float:
    return round(float(rng.uniform(*bounds)), 1)


def _sign(rng: np.random.Generator) -> float:
    return float(rng.choice([-1.0, 1.0]))

"""The built-in towns and seeded variants, as plans."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from carla_lite.maps.country import country_plan
from carla_lite.maps.layout import Control, TownPlan, TrafficRules, Vertex, lay_out
from carla_lite.maps.ring_road import ring_road_xodr
from carla_lite.maps.writer import write_opendrive

_GEO_REFERENCE = (49.0, 8.4)
_GENERATE, _SIGNALS, _COUNTRY = "generate:", "signals:", "country:"
SEEDED_TOWNS = ("generate:<seed>", "signals:<seed>", "country:<seed>")
"""Patterns of the names that make a town from a seed; the second one has the streets of the first, with signals; the
third one has long, wide bends and no pavements."""
# With streets of 90 m and more, shifts up to this keep every S-curve above 20 m of radius.
_MAX_SHIFT_M = 9.0
_SHIFTED_SHARE = 0.45
_YELLOW_SHARE = 0.7
_CONTROLS = (Control.LIGHTS, Control.STOP, Control.YIELD, Control.NONE)
_CONTROL_SHARES = (0.5, 0.3, 0.1, 0.1)
_LIMITS_KPH = (30, 40, 50)
_KERBED = (("shoulder", 0.3), ("curb", 0.25), ("sidewalk", 2.5))

# Two 4-way crossings on a straight main street of 240 m, T-junctions around them, bends of four radii at the corners.
_LITE01 = TownPlan(
    name="Lite01",
    columns_m=(-180.0, -60.0, 60.0, 180.0),
    rows_m=(-110.0, 0.0, 110.0),
    shifts_m={},
    removed=frozenset(),
    bowed={},
    bend_radii_m={(0, 0): 30.0, (3, 0): 45.0, (0, 2): 20.0, (3, 2): 25.0},
    bend_radius_m=30.0,
    center_color="yellow",
    geo_reference=_GEO_REFERENCE,
)


# A small town with everything that regulates traffic: two crossings and two T-junctions with lights, a crossing and
# T-junctions with stop signs, four speed limits, crosswalks, kerbs and pavements.
_LITE04 = TownPlan(
    name="Lite04",
    columns_m=(-165.0, -65.0, 50.0, 155.0),
    rows_m=(-105.0, 0.0, 100.0, 190.0),
    shifts_m={},
    removed=frozenset({((1, 2), (1, 3))}),
    bowed={((0, 1), (0, 2)): 80.0, ((2, 2), (3, 2)): -70.0},
    bend_radii_m={(0, 0): 30.0, (3, 0): 22.0, (0, 3): 26.0, (3, 3): 40.0},
    bend_radius_m=30.0,
    center_color="white",
    geo_reference=_GEO_REFERENCE,
    verge=_KERBED,
    rules=TrafficRules(
        controls={
            (1, 1): Control.LIGHTS,
            (2, 1): Control.LIGHTS,
            (1, 0): Control.LIGHTS,
            (3, 1): Control.LIGHTS,
            (2, 2): Control.STOP,
            (1, 2): Control.STOP,
            (2, 0): Control.STOP,
            (0, 1): Control.STOP,
            (0, 2): Control.STOP,
            (3, 2): Control.STOP,
            (2, 3): Control.STOP,
        },
        limit_kph=30,
        limits_kph={
            ((0, 1), (1, 1)): 50,
            ((1, 1), (2, 1)): 50,
            ((2, 1), (3, 1)): 50,
            ((0, 0), (1, 0)): 40,
            ((1, 0), (2, 0)): 40,
            ((2, 3), (3, 3)): 60,
            ((0, 2), (0, 3)): 60,
        },
    ),
)


# A country road with four junctions and no pavements; curves are as wide as their limit asks for (3 m/s^2).
_LITE06 = TownPlan(
    name="Lite06",
    columns_m=(-290.0, -95.0, 110.0, 300.0),
    rows_m=(-175.0, 0.0, 180.0),
    shifts_m={
        (1, 0): (0.0, -38.0),
        (2, 0): (0.0, 34.0),
        (1, 1): (0.0, 42.0),
        (2, 1): (0.0, -24.0),
        (1, 2): (0.0, 36.0),
        (2, 2): (20.0, -12.0),
        (0, 1): (-15.0, 0.0),
        (3, 1): (16.0, 0.0),
    },
    removed=frozenset({((1, 0), (1, 1)), ((1, 1), (1, 2)), ((2, 0), (2, 1))}),
    bowed={},
    bend_radii_m={(0, 0): 80.0, (3, 0): 70.0, (0, 2): 75.0, (3, 2): 85.0},
    bend_radius_m=50.0,
    center_color="white",
    geo_reference=_GEO_REFERENCE,
    verge=(("shoulder", 0.6),),
    rules=TrafficRules(
        controls={
            (0, 1): Control.STOP,
            (2, 1): Control.YIELD,
            (2, 2): Control.STOP,
            (3, 1): Control.YIELD,
        },
        limit_kph=50,
        limits_kph={((0, 1), (1, 1)): 80, ((2, 1), (3, 1)): 60, ((2, 1), (2, 2)): 60},
    ),
)

_DRAWN = {plan.name: plan for plan in (_LITE01, _LITE04, _LITE06)}


def available_towns() -> tuple[str, ...]:
    """Name the built-in towns; ``SEEDED_TOWNS`` make any number of further ones."""
    return ("Lite01", "Lite02", "Lite03", "Lite04", "Lite05", "Lite06")


def town_xodr(name: str) -> str:
    """Return the OpenDRIVE text of a town; raises ValueError for an unknown name."""
    if name == "Lite05":
        return ring_road_xodr(name, _GEO_REFERENCE)
    plan = town_plan(name)
    return write_opendrive(plan, lay_out(plan))


def town_plan(name: str) -> TownPlan:
    """Return the plan of a town that is a grid of streets, as all but Lite05 are; raises ValueError for other names."""
    if name in _DRAWN:
        return _DRAWN[name]
    if name == "Lite02":
        return _random_plan(name, seed=202, columns=5, rows=4)
    if name == "Lite03":
        return _random_plan(name, seed=303, columns=4, rows=5)
    for prefix in (_GENERATE, _SIGNALS, _COUNTRY):
        if name.startswith(prefix):
            return _seeded_plan(name, prefix)
    known = ", ".join((*available_towns(), *SEEDED_TOWNS))
    raise ValueError(f"unknown town {name!r}; there are {known}")


def _seeded_plan(name: str, prefix: str) -> TownPlan:
    text = name.removeprefix(prefix)
    if not text.isdecimal():
        raise ValueError(f"unknown town {name!r}: the seed after {prefix!r} must be a whole number, 0 or more")
    if prefix == _COUNTRY:
        return country_plan(name, int(text), _GEO_REFERENCE)
    rng = np.random.default_rng([4, int(text)])
    plan = _random_plan(name, int(text), columns=int(rng.integers(4, 6)), rows=int(rng.integers(3, 6)))
    return _with_signals(plan, int(text)) if prefix == _SIGNALS else plan


def _with_signals(plan: TownPlan, seed: int) -> TownPlan:
    """Draw who goes first at each junction and how fast one may drive on each street; streets get kerbs."""
    rng = np.random.default_rng([8, seed])
    columns, rows = len(plan.columns_m), len(plan.rows_m)
    corners = {(i, j) for i in (0, columns - 1) for j in (0, rows - 1)}
    vertices = [(i, j) for j in range(rows) for i in range(columns)]
    controls = {
        vertex: _CONTROLS[int(rng.choice(len(_CONTROLS), p=_CONTROL_SHARES))]
        for vertex in vertices
        if vertex not in corners
    }
    limits = {
        edge: int(rng.choice(_LIMITS_KPH)) for i, j in vertices for edge in (((i, j), (i + 1, j)), ((i, j), (i, j + 1)))
    }
    return replace(plan, verge=_KERBED, rules=TrafficRules(controls, _LIMITS_KPH[0], limits))


def _random_plan(name: str, seed: int, columns: int, rows: int) -> TownPlan:
    """Draw spacing, shifted vertices, bowed and missing streets, so that straight and curved streets are in balance."""
    rng = np.random.default_rng([5, seed])
    xs, ys = _positions(rng, columns), _positions(rng, rows)
    inner = [(i, j) for j in range(1, rows - 1) for i in range(1, columns - 1)]
    corners = [(i, j) for i in (0, columns - 1) for j in (0, rows - 1)]
    shifts: dict[Vertex, tuple[float, float]] = {}
    for vertex in ((i, j) for j in range(rows) for i in range(columns)):
        # Streets that bend at a corner have no room for an S-curve as well.
        if rng.random() < _SHIFTED_SHARE and all(abs(vertex[0] - i) + abs(vertex[1] - j) > 1 for i, j in corners):
            dx, dy = np.round(rng.uniform(-_MAX_SHIFT_M, _MAX_SHIFT_M, 2), 1)
            shifts[vertex] = (float(dx), float(dy))
    edges = [((i, j), (i + 1, j)) for j in range(rows) for i in range(columns - 1)]
    edges += [((i, j), (i, j + 1)) for j in range(rows - 1) for i in range(columns)]
    bowed = {}
    for edge in edges:
        if rng.random() < 0.3:
            bowed[edge] = float(rng.choice([-1.0, 1.0]) * rng.uniform(40.0, 110.0))
    color = "yellow" if np.random.default_rng([7, seed]).random() < _YELLOW_SHARE else "white"
    radii = {corner: float(rng.uniform(14.0, 45.0)) for corner in corners}
    return TownPlan(name, xs, ys, shifts, _removable(rng, edges, inner), bowed, radii, 25.0, color, _GEO_REFERENCE)


def _positions(rng: np.random.Generator, count: int) -> tuple[float, ...]:
    raw = np.concatenate([[0.0], np.cumsum(rng.uniform(90.0, 125.0, count - 1))])
    return tuple(float(v) for v in np.round(raw - raw.mean(), 1))


def _removable(
    rng: np.random.Generator, edges: list[tuple[Vertex, Vertex]], inner: list[Vertex]
) -> frozenset[tuple[Vertex, Vertex]]:
    """Take out one street between two inner vertices, if there is one: both keep three arms."""
    between = [edge for edge in edges if edge[0] in inner and edge[1] in inner]
    if not between:
        return frozenset()
    return frozenset({between[int(rng.integers(len(between)))]})

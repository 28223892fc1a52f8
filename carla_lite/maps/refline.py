"""Reference lines of roads: lines, arcs, spirals and cubic curves, evaluated at any arc length."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from waypilot.geometry import FloatArray

_QUADRATURE_STEP_M = 0.5
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(5)


class Shape(Protocol):
    """A curve in its own frame: starts at the origin along +x."""

    def local(self, d_m: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return u, v (metres) and heading (rad) at distances ``d_m`` from the start."""
        ...


@dataclass(frozen=True, slots=True)
class Clothoid:
    """Curvature changing linearly with length; lines and arcs are the cases of no change."""

    curvature_start_1pm: float
    curvature_rate_1pm2: float = 0.0

    def local(self, d_m: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return u, v, heading; closed form for lines and arcs, Gauss-Legendre quadrature for spirals."""
        k = self.curvature_start_1pm
        if self.curvature_rate_1pm2 == 0.0:
            heading = k * d_m
            half = 0.5 * heading
            chord = d_m * np.sinc(half / np.pi)
            return chord * np.cos(half), chord * np.sin(half), heading
        return self._integrate(d_m)

    def _heading(self, d_m: FloatArray) -> FloatArray:
        return d_m * (self.curvature_start_1pm + 0.5 * self.curvature_rate_1pm2 * d_m)

    def _integrate(self, d_m: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        pieces = max(1, int(np.ceil(np.max(np.abs(d_m), initial=0.0) / _QUADRATURE_STEP_M)))
        edges = np.arange(pieces + 1) * _QUADRATURE_STEP_M
        whole = self._panel(edges[:-1], edges[1:])
        start = np.concatenate([np.zeros((1, 2)), np.cumsum(whole, axis=0)])
        index = np.clip((d_m / _QUADRATURE_STEP_M).astype(np.int64), 0, pieces - 1)
        point = start[index] + self._panel(edges[index], d_m)
        return point[:, 0], point[:, 1], self._heading(d_m)

    def _panel(self, low: np.ndarray, high: np.ndarray) -> FloatArray:
        """Integrate (cos, sin) of the heading from low to high, shape (N, 2)."""
        half = 0.5 * (high - low)
        angle = self._heading(0.5 * (high + low)[:, None] + half[:, None] * _NODES)
        integral = half[:, None] * np.stack([np.cos(angle) @ _WEIGHTS, np.sin(angle) @ _WEIGHTS], axis=-1)
        return np.asarray(integral, dtype=np.float64)


class ParametricCubic:
    """OpenDRIVE's poly3 and paramPoly3: u(p), v(p) cubic in a parameter, re-parametrised here by length."""

    def __init__(
        self, u: tuple[float, ...], v: tuple[float, ...], length_m: float, parameter_end: float | None
    ) -> None:
        """Take coefficients (a, b, c, d) of u and v. ``parameter_end`` None: the parameter is u itself (poly3)."""
        self._u, self._v = np.polynomial.Polynomial(u), np.polynomial.Polynomial(v)
        end = length_m if parameter_end is None else parameter_end
        count = max(16, int(np.ceil(length_m / _QUADRATURE_STEP_M))) + 1
        self._parameter = np.linspace(0.0, end, count)
        length = self._length_table()
        # poly3 runs until its *arc* reaches the length, paramPoly3 until its parameter ends: there, rounding of the
        # file is spread over the curve so that the next element joins.
        self._length = length if parameter_end is None else length * (length_m / length[-1])

    def _length_table(self) -> FloatArray:
        low, high = self._parameter[:-1], self._parameter[1:]
        half = 0.5 * (high - low)
        p = 0.5 * (high + low)[:, None] + half[:, None] * _NODES
        rate = np.hypot(self._u.deriv()(p), self._v.deriv()(p))
        return np.concatenate([[0.0], np.cumsum(half * (rate @ _WEIGHTS))])

    def local(self, d_m: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Return u, v, heading at arc lengths ``d_m``."""
        p = np.interp(d_m, self._length, self._parameter)
        return self._u(p), self._v(p), np.arctan2(self._v.deriv()(p), self._u.deriv()(p))


@dataclass(frozen=True, slots=True)
class Geometry:
    """One element of a reference line: a curve placed in the map."""

    s_m: float
    x_m: float
    y_m: float
    heading_rad: float
    length_m: float
    shape: Shape

    def sample(self, s_m: FloatArray) -> FloatArray:
        """Return (N, 3): x, y, heading at road positions ``s_m``."""
        u, v, turn = self.shape.local(s_m - self.s_m)
        c, s = np.cos(self.heading_rad), np.sin(self.heading_rad)
        return np.stack([self.x_m + c * u - s * v, self.y_m + s * u + c * v, self.heading_rad + turn], axis=-1)


@dataclass(frozen=True, slots=True)
class ReferenceLine:
    """A road's reference line: elements in order of s."""

    elements: tuple[Geometry, ...]

    def sample(self, s_m: FloatArray) -> FloatArray:
        """Return (N, 3): x, y (metres) and heading (rad, not wrapped) at road positions ``s_m``."""
        starts = np.array([element.s_m for element in self.elements])
        owner = np.maximum(np.searchsorted(starts, s_m, side="right") - 1, 0)
        result = np.empty((len(s_m), 3))
        order = np.argsort(owner, kind="stable")
        ends = np.flatnonzero(np.diff(owner[order])) + 1
        for chosen in np.split(order, ends) if len(order) else ():
            result[chosen] = self.elements[owner[chosen[0]]].sample(s_m[chosen])
        return result

    def breaks_m(self) -> list[float]:
        """Return where elements begin: places that a sampling must not step over."""
        return [element.s_m for element in self.elements]

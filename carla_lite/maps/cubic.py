"""Piecewise cubic polynomials, OpenDRIVE's way to say how a quantity changes along a road."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from waypilot.geometry import FloatArray


@dataclass(frozen=True, slots=True)
class PiecewiseCubic:
    """Pieces ``a + b*d + c*d^2 + e*d^3`` with ``d = s - start``; before the first piece its polynomial is extended.

    ``starts`` has shape (P,) and rises; ``coefficients`` has shape (P, 4).
    """

    starts: FloatArray
    coefficients: FloatArray

    @staticmethod
    def from_rows(rows: Sequence[tuple[float, float, float, float, float]]) -> PiecewiseCubic:
        """Build from (start, a, b, c, d) rows in any order; no rows mean zero everywhere.

        Of rows with one start the last one given holds.
        """
        table = np.array(sorted(rows, key=lambda row: row[0]) if rows else [(0.0,) * 5], dtype=np.float64)
        return PiecewiseCubic(table[:, 0], table[:, 1:])

    def _pieces(self, s_m: FloatArray) -> tuple[FloatArray, FloatArray]:
        index = np.maximum(np.searchsorted(self.starts, s_m, side="right") - 1, 0)
        return s_m - self.starts[index], self.coefficients[index]

    def value(self, s_m: FloatArray) -> FloatArray:
        """Evaluate at an array of s (metres)."""
        d, k = self._pieces(s_m)
        result: FloatArray = k[:, 0] + d * (k[:, 1] + d * (k[:, 2] + d * k[:, 3]))
        return result

    def slope(self, s_m: FloatArray) -> FloatArray:
        """Evaluate the derivative with respect to s."""
        d, k = self._pieces(s_m)
        result: FloatArray = k[:, 1] + d * (2.0 * k[:, 2] + 3.0 * d * k[:, 3])
        return result

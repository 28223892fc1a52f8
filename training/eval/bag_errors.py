"""Errors of plans against what was driven, summed up frame by frame: whole, along and across the way."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from waypilot.bags.survey import HORIZONS_S

SPEED_BINS_MPS = (0.0, 2.0, 5.0, 10.0, 15.0)
CONVENTIONS = {
    "ade_m": "distance to the driven position, mean over all waypoints up to T (the L2 of ST-P3 and VAD)",
    "fde_m": "distance to the driven position at T (the L2 of UniAD)",
    "longitudinal_m": "at T, part of the distance along the driven path's direction there, mean of magnitudes",
    "longitudinal_bias_m": "the same with its sign, mean: positive plans are ahead of what was driven",
    "lateral_m": "at T, part of the distance across the driven path's direction there, mean of magnitudes",
    "miss_rate": "share of frames whose distance at T is larger than miss_m",
    "averaging": "every figure is a mean over frames, which weigh the same; a frame counts for T when its whole future "
    "up to T is known",
}
_MEANS = tuple(name for name in CONVENTIONS if name != "averaging")
#: Waypoints nearer to each other than this tell no direction: the vehicle stands.
_MIN_STEP_M = 0.05


@dataclass(frozen=True, slots=True, eq=False)
class PlanErrors:
    """Errors (M, N) of M plans in metres, along and across the direction of the driven path; ``known`` (M, N)."""

    distance_m: NDArray[np.float64]
    longitudinal_m: NDArray[np.float64]
    lateral_m: NDArray[np.float64]
    known: NDArray[np.bool_]

    @classmethod
    def of(cls, plans_m: NDArray[np.float64], driven_m: NDArray[np.float64], known: NDArray[np.bool_]) -> PlanErrors:
        """Compare waypoints (M, N, 2) in base_link with what was driven (M, N, 2)."""
        off_m = plans_m - driven_m
        along = _directions(driven_m)
        return cls(
            np.hypot(off_m[..., 0], off_m[..., 1]),
            np.sum(off_m * along, axis=-1),
            along[..., 0] * off_m[..., 1] - along[..., 1] * off_m[..., 0],
            known,
        )


@dataclass(frozen=True, slots=True, eq=False)
class HorizonErrors:
    """What enters the means at one horizon, (M, 6) in their order, and for which plans (M,) the future is known."""

    values: NDArray[np.float64]
    known: NDArray[np.bool_]


def errors_by_horizon(errors: PlanErrors, dt_s: float, miss_m: float) -> dict[float, HorizonErrors]:
    """Give the errors at the horizons at which the plans have a waypoint."""
    waypoints = errors.distance_m.shape[1]
    ade_m = np.cumsum(errors.distance_m, axis=1) / np.arange(1, waypoints + 1)
    known = np.logical_and.accumulate(errors.known, axis=1)
    found = {}
    for horizon_s in HORIZONS_S:
        count = round(horizon_s / dt_s)
        if 1 <= count <= waypoints and math.isclose(count * dt_s, horizon_s):
            at = np.s_[:, count - 1]
            fde_m, along_m, across_m = errors.distance_m[at], errors.longitudinal_m[at], errors.lateral_m[at]
            columns = (ade_m[at], fde_m, np.abs(along_m), along_m, np.abs(across_m), fde_m > miss_m)
            found[horizon_s] = HorizonErrors(np.stack(columns, axis=1), known[at])
    return found


@dataclass(slots=True)
class Sums:
    """Sums over frames for each horizon, from which means are made."""

    frames: Counter[float] = field(default_factory=Counter)
    totals: dict[float, NDArray[np.float64]] = field(default_factory=dict)

    def add(self, errors: dict[float, HorizonErrors], rows: NDArray[np.bool_]) -> None:
        """Add the chosen rows (M,) of some ``errors_by_horizon``, as far as their future is known."""
        for horizon_s, found in errors.items():
            counted = found.values[rows & found.known]
            if len(counted):
                self.frames[horizon_s] += len(counted)
                self.totals[horizon_s] = self.totals.get(horizon_s, 0.0) + counted.sum(axis=0)

    def means(self) -> dict[str, Any]:
        """Give the means by horizon; a horizon without frames is absent."""
        return {
            f"{horizon_s:g}s": {
                "frames": frames,
                **dict(zip(_MEANS, (self.totals[horizon_s] / frames).tolist(), strict=True)),
            }
            for horizon_s, frames in sorted(self.frames.items())
        }


def speed_bin(speed_mps: float) -> int:
    """Tell the bin of a speed, which may be negative: the index of its lower bound."""
    return int(np.searchsorted(SPEED_BINS_MPS, abs(speed_mps), side="right")) - 1


def bin_name(index: int) -> str:
    """Name a bin; its lower bound belongs to it."""
    low, *above = SPEED_BINS_MPS[index:]
    return f"{low:g} to {above[0]:g} m/s" if above else f"from {low:g} m/s"


def _directions(driven_m: NDArray[np.float64]) -> NDArray[np.float64]:
    """Tell the unit directions (M, N, 2) of driven paths there; standing keeps the last one, at first ahead."""
    count, waypoints, _ = driven_m.shape
    steps_m = np.diff(driven_m, axis=1, prepend=np.zeros((count, 1, 2)))
    lengths_m = np.hypot(steps_m[..., 0], steps_m[..., 1])
    moving = np.where(lengths_m >= _MIN_STEP_M, np.arange(1, waypoints + 1), 0)
    ahead = np.broadcast_to([1.0, 0.0], (count, 1, 2))
    units = np.concatenate([ahead, steps_m / np.maximum(lengths_m, _MIN_STEP_M)[..., None]], axis=1)
    directions: NDArray[np.float64] = np.take_along_axis(
        units, np.maximum.accumulate(moving, axis=1)[..., None], axis=1
    )
    return directions

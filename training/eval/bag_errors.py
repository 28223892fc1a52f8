"""Errors of plans against what was driven, summed up frame by frame: whole, along and across the way."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

HORIZONS_S = (1.0, 2.0, 3.0, 5.0)
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
class PlanError:
    """Errors (N,) of a plan in metres, along and across the direction of the driven path; ``known`` (N,)."""

    distance_m: NDArray[np.float64]
    longitudinal_m: NDArray[np.float64]
    lateral_m: NDArray[np.float64]
    known: NDArray[np.bool_]

    @classmethod
    def of(cls, plan_m: NDArray[np.float64], driven_m: NDArray[np.float64], known: NDArray[np.bool_]) -> PlanError:
        """Compare waypoints (N, 2) in base_link with what was driven (N, 2)."""
        off_m = plan_m - driven_m
        along = _directions(driven_m)
        return cls(
            np.linalg.norm(off_m, axis=1),
            np.sum(off_m * along, axis=1),
            along[:, 0] * off_m[:, 1] - along[:, 1] * off_m[:, 0],
            known,
        )


def errors_by_horizon(error: PlanError, dt_s: float, miss_m: float) -> dict[float, NDArray[np.float64]]:
    """Give what enters the means, in their order, for the horizons up to which the future is known."""
    known_count = len(error.known) if error.known.all() else int(error.known.argmin())
    ade_m = np.cumsum(error.distance_m) / np.arange(1, len(error.distance_m) + 1)
    found = {}
    for horizon_s in HORIZONS_S:
        count = round(horizon_s / dt_s)
        if 1 <= count <= known_count:
            at = count - 1
            fde_m, along_m, across_m = error.distance_m[at], error.longitudinal_m[at], error.lateral_m[at]
            found[horizon_s] = np.array([ade_m[at], fde_m, abs(along_m), along_m, abs(across_m), fde_m > miss_m])
    return found


@dataclass(slots=True)
class Sums:
    """Sums over frames for each horizon, from which means are made."""

    frames: Counter[float] = field(default_factory=Counter)
    totals: dict[float, NDArray[np.float64]] = field(default_factory=dict)

    def add(self, errors: dict[float, NDArray[np.float64]]) -> None:
        """Add a frame's ``errors_by_horizon``."""
        for horizon_s, values in errors.items():
            self.frames[horizon_s] += 1
            if horizon_s in self.totals:
                self.totals[horizon_s] += values
            else:
                self.totals[horizon_s] = values.copy()

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
    """Tell the unit direction (N, 2) of the driven path at its points; standing keeps the last one, at first ahead."""
    steps_m = np.diff(driven_m, axis=0, prepend=np.zeros((1, 2)))
    lengths_m = np.hypot(steps_m[:, 0], steps_m[:, 1])
    moving = np.concatenate([[0], np.where(lengths_m >= _MIN_STEP_M, np.arange(1, len(driven_m) + 1), 0)])
    units = np.concatenate([[[1.0, 0.0]], steps_m / np.maximum(lengths_m, _MIN_STEP_M)[:, None]])
    directions: NDArray[np.float64] = units[np.maximum.accumulate(moving)[1:]]
    return directions

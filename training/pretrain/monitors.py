"""Whether features carry anything: signs of a collapse, and how well they tell the motion."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_DEAD_STD = 1e-3
_COMPONENTS = ("forward", "lateral", "yaw")
_UNITS = ("m", "m", "rad")


def feature_health(features: NDArray[np.float32]) -> dict[str, float]:
    """Describe features (M, D): mean standard deviation, share of those that never change, effective rank."""
    std = features.astype(np.float64).std(axis=0)
    return {
        "feature_std": float(std.mean()),
        "dead_features": float((std < _DEAD_STD).mean()),
        "effective_rank": effective_rank(features),
    }


def effective_rank(features: NDArray[np.float32]) -> float:
    """Exponential of the entropy of the normalised singular values (Roy & Vetterli 2007) of centred features (M, D).

    D for features that vary equally in all directions, 1 when one direction tells all, 0 when nothing varies.
    """
    centred = features.astype(np.float64) - features.mean(axis=0, dtype=np.float64)
    values = np.linalg.svd(centred, compute_uv=False)
    total = values.sum()
    if total <= 1e-12:
        return 0.0
    shares = values[values > 0.0] / total
    return float(np.exp(-(shares * np.log(shares)).sum()))


def motion_errors(predicted: NDArray[np.float32], motion: NDArray[np.float32]) -> dict[str, float]:
    """Mean error of motions (M, 3) per component in its unit, and the share of its variance that is explained.

    The share of a component that never changes is 0.
    """
    report = {}
    for index, (name, unit) in enumerate(zip(_COMPONENTS, _UNITS, strict=True)):
        error = predicted[:, index].astype(np.float64) - motion[:, index]
        variance = float(motion[:, index].var(dtype=np.float64))
        report[f"{name}_error_{unit}"] = float(np.abs(error).mean())
        report[f"{name}_explained"] = 1.0 - float(np.mean(error**2)) / variance if variance > 1e-12 else 0.0
    return report

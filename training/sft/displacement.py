"""Open-loop errors of planned waypoints against labels.

``ade@T`` is the mean distance over all waypoints up to T seconds, ``fde@T`` the distance at T.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from waypilot.types import RouteCommand

HORIZONS_S = (1.0, 3.0, 5.0)


def displacement_metrics(
    predicted_m: NDArray[np.floating],
    label_m: NDArray[np.floating],
    dt_s: float,
    horizons_s: Sequence[float] = HORIZONS_S,
) -> dict[str, float]:
    """ADE and FDE in metres at each horizon that the labels (M, N, 2) reach."""
    distance_m = np.linalg.norm(predicted_m.astype(np.float64) - label_m.astype(np.float64), axis=-1)
    metrics: dict[str, float] = {}
    for horizon_s in horizons_s:
        count = round(horizon_s / dt_s)
        if 1 <= count <= distance_m.shape[1]:
            metrics[f"ade@{horizon_s:g}s_m"] = float(distance_m[:, :count].mean())
            metrics[f"fde@{horizon_s:g}s_m"] = float(distance_m[:, count - 1].mean())
    return metrics


def metrics_by_command(
    predicted_m: NDArray[np.floating], label_m: NDArray[np.floating], commands: NDArray[np.integer], dt_s: float
) -> dict[str, dict[str, float]]:
    """Metrics over all samples (``all``) and per route command that occurs, with the number of ``samples``."""
    groups = {"all": np.ones(len(commands), dtype=bool)}
    groups |= {command.name.lower(): commands == int(command) for command in RouteCommand}
    return {
        name: {"samples": int(rows.sum()), **displacement_metrics(predicted_m[rows], label_m[rows], dt_s)}
        for name, rows in groups.items()
        if rows.any()
    }


def constant_velocity(speed_mps: NDArray[np.floating], num_waypoints: int, dt_s: float) -> NDArray[np.float64]:
    """Baseline plan (M, N, 2): keep the speed, straight ahead."""
    plan_m = np.zeros((len(speed_mps), num_waypoints, 2))
    plan_m[:, :, 0] = speed_mps[:, None] * dt_s * np.arange(1, num_waypoints + 1)
    return plan_m

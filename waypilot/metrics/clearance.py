"""Clearance: the smallest distance between the vehicle's rectangle and another road user's, in metres."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from waypilot.boxes import distance_m
from waypilot.metrics.drive import Drive
from waypilot.metrics.values import Metric, MetricSpec

TO_VEHICLES = MetricSpec("distance_to_vehicles_min", "m")
TO_PEDESTRIANS = MetricSpec("distance_to_pedestrians_min", "m")
SPECS = (TO_VEHICLES, TO_PEDESTRIANS)


def compute(drive: Drive) -> tuple[Metric, ...]:
    """Measure over all frames; 0 is a contact."""
    if reason := drive.surroundings_fault:
        return tuple(spec.invalid(reason) for spec in SPECS)
    return (
        _nearest(drive, TO_VEHICLES, drive.traffic.is_vehicle, "no other vehicle came near"),
        _nearest(drive, TO_PEDESTRIANS, drive.traffic.is_pedestrian, "no pedestrian came near"),
    )


def _nearest(drive: Drive, spec: MetricSpec, rows: NDArray[np.bool_], nobody: str) -> Metric:
    if not rows.any():
        return spec.invalid(nobody)
    own = drive.ego_boxes.take(drive.traffic.frame[rows])
    return spec.value(distance_m(own, drive.traffic.boxes.take(rows)).min())

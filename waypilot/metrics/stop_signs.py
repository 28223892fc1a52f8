"""Stop signs ignored, by the CARLA leaderboard's rule: come to a stop (below 0.1 m/s) near the line before passing it.

Near is from the moment the vehicle's front is 4 m before the line until base_link's origin passes it.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from waypilot.geometry import FloatArray
from waypilot.metrics.drive import Drive
from waypilot.metrics.places import infraction_at
from waypilot.metrics.values import Infraction, Metric, MetricSpec
from waypilot.metrics.vehicle_points import point_ahead_m
from waypilot.stop_lines import crossings, distance_past_m
from waypilot.surroundings import SignalKind

NEAR_M = 4.0
STOPPED_MPS = 0.1

STOP_SIGNS = MetricSpec("stop_signs_ignored", "1")
SPECS = (STOP_SIGNS,)


def signs_ignored(drive: Drive) -> tuple[tuple[int, int], ...]:
    """List frame and signal of each stop sign passed without a stop, in order."""
    if drive.scene is None or drive.surroundings_fault:
        return ()
    ego, velocity = drive.scene.ego, drive.velocity_mps
    speed_mps = np.hypot(velocity[:, 0], velocity[:, 1])
    front_m, origin_m = point_ahead_m(drive, ego.centre_x_m + ego.half_length_m), drive.xy_m
    ignored = set()
    for line in drive.scene.stop_lines:
        if line.kind is SignalKind.STOP_SIGN:
            near = distance_past_m(line, front_m) >= -NEAR_M
            passed = (int(index) for index in crossings(line, origin_m))
            ignored |= {(i, line.signal_id) for i in passed if not _stopped(near[:i], speed_mps[:i])}
    return tuple(sorted(ignored))


def compute(drive: Drive) -> tuple[Metric, ...]:
    """Count the stop signs ignored."""
    if reason := drive.surroundings_fault:
        return (STOP_SIGNS.invalid(reason),)
    return (STOP_SIGNS.value(len(signs_ignored(drive))),)


def infractions(drive: Drive) -> tuple[Infraction, ...]:
    """List each stop sign ignored with place and time."""
    return tuple(
        infraction_at(drive, "stop_sign", int(drive.stamps_ns[index]), actor_id=signal)
        for index, signal in signs_ignored(drive)
    )


def _stopped(near: NDArray[np.bool_], speed_mps: FloatArray) -> bool:
    """Whether the vehicle stood since it last came near; the last of these frames is the one before it passed."""
    apart = np.flatnonzero(~near)
    since = int(apart[-1]) + 1 if apart.size else 0
    return bool((speed_mps[since:] < STOPPED_MPS).any())

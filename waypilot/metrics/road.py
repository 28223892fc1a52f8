"""The share of the distance driven off the road, outside the lanes of the route's direction, and the wrong way.

By the map, frame by frame; a frame stands for the step that led to it.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from waypilot.geometry import wrap_angle
from waypilot.metrics.drive import Drive
from waypilot.metrics.observed import NO_MAP
from waypilot.metrics.places import infraction_at
from waypilot.metrics.values import Infraction, Metric, MetricSpec
from waypilot.surroundings import RoadSample, RoadType
from waypilot.types import NANOSECONDS_PER_SECOND

# CARLA leaderboard: a vehicle at more than this to its lane's direction drives the wrong way.
WRONG_WAY_RAD = math.radians(120.0)
# Leaving the road again within this time belongs to the same excursion.
BACK_FOR_NS = NANOSECONDS_PER_SECOND

OFF_ROAD = MetricSpec("off_road_share", "%")
OFF_ROAD_EVENTS = MetricSpec("off_road_events", "1")
OUTSIDE_LANES = MetricSpec("outside_route_lanes_share", "%")
WRONG_WAY = MetricSpec("wrong_way_share", "%")
SPECS = (OFF_ROAD, OFF_ROAD_EVENTS, OUTSIDE_LANES, WRONG_WAY)

Flags = NDArray[np.bool_]


def road_fault(drive: Drive) -> str | None:
    """Say why nothing can be judged by the road, or None."""
    if reason := drive.surroundings_fault:
        return reason
    return None if all(around and around.road for around in drive.surroundings) else NO_MAP


def off_road(drive: Drive) -> Flags:
    """Whether a corner of the vehicle is off the drivable area, per frame."""
    return _flags(drive, lambda road, _: not _on_drivable_area(road))


def outside_lanes(drive: Drive) -> Flags:
    """Whether base_link is on no lane for driving, or on one of the other direction, per frame (CARLA leaderboard)."""
    return _flags(drive, lambda road, yaw_rad: not road.type.is_drivable or _against_lane(road, yaw_rad))


def share_of_distance(drive: Drive, flags: Flags) -> float | None:
    """Share (0..1) of the distance driven on flagged frames; None when the vehicle did not move."""
    total_m = math.fsum(drive.steps_m.tolist())
    return math.fsum(drive.steps_m[flags].tolist()) / total_m if total_m > 0.0 else None


def excursions(drive: Drive) -> tuple[int, ...]:
    """Frames with which the vehicle left the road."""
    return _begins(drive, off_road(drive))


def lane_departures(drive: Drive) -> tuple[int, ...]:
    """Frames with which the vehicle left the lanes of the route's direction."""
    return _begins(drive, outside_lanes(drive))


def compute(drive: Drive) -> tuple[Metric, ...]:
    """Measure the shares, and count how often the vehicle left the road."""
    if reason := road_fault(drive):
        return tuple(spec.invalid(reason) for spec in SPECS)
    wrong_way = _flags(drive, _against_lane)
    return (
        _share(drive, OFF_ROAD, off_road(drive)),
        OFF_ROAD_EVENTS.value(len(excursions(drive))),
        _share(drive, OUTSIDE_LANES, outside_lanes(drive)),
        _share(drive, WRONG_WAY, wrong_way),
    )


def infractions(drive: Drive) -> tuple[Infraction, ...]:
    """List where the vehicle left the road, and where the lanes of the route's direction."""
    if road_fault(drive):
        return ()
    found = (("off_road", excursions(drive)), ("outside_route_lanes", lane_departures(drive)))
    return tuple(infraction_at(drive, kind, int(drive.stamps_ns[index])) for kind, begins in found for index in begins)


def _begins(drive: Drive, flags: Flags) -> tuple[int, ...]:
    """Frames with which a flagged stretch begins; less than 1 s without the flag does not end one."""
    begins: list[int] = []
    last_ns: int | None = None
    for index in np.flatnonzero(flags).tolist():
        stamp_ns = int(drive.stamps_ns[index])
        if last_ns is None or stamp_ns - last_ns > BACK_FOR_NS:
            begins.append(index)
        last_ns = stamp_ns
    return tuple(begins)


def _share(drive: Drive, spec: MetricSpec, flags: Flags) -> Metric:
    share = share_of_distance(drive, flags)
    return spec.invalid("the vehicle did not move") if share is None else spec.value(100.0 * share)


def _flags(drive: Drive, judge: Callable[[RoadSample, float], bool]) -> Flags:
    roads = (around.road if around else None for around in drive.surroundings)
    pairs = zip(roads, drive.yaw_rad.tolist(), strict=True)
    return np.array([road is not None and judge(road, yaw_rad) for road, yaw_rad in pairs], dtype=np.bool_)


def _on_drivable_area(road: RoadSample) -> bool:
    """Judge the corners. Within a junction a map knows lanes, not the asphalt between them: none is no fault there."""
    return all(
        corner.is_drivable or (road.in_junction and road.type.is_drivable and corner is RoadType.OFF_ROAD)
        for corner in road.corners
    )


def _against_lane(road: RoadSample, yaw_rad: float) -> bool:
    if road.lane_heading_rad is None or road.in_junction:
        return False
    return abs(wrap_angle(yaw_rad - road.lane_heading_rad)) > WRONG_WAY_RAD

"""Lane invasions: how often lane markings were crossed, as CARLA's lane invasion sensor reports it."""

from __future__ import annotations

from waypilot.metrics.drive import Drive
from waypilot.metrics.values import Infraction, Metric, MetricSpec
from waypilot.types import NANOSECONDS_PER_SECOND

LANE_INVASIONS = MetricSpec("lane_invasions", "1")
SPECS = (LANE_INVASIONS,)

# carla.LaneMarkingType
MARKING_NAMES = (
    "other",
    "broken",
    "solid",
    "solid solid",
    "solid broken",
    "broken solid",
    "broken broken",
    "botts dots",
    "grass",
    "curb",
    "none",
)


def compute(drive: Drive) -> tuple[Metric, ...]:
    """Count the sensor's events; one event may cross several markings."""
    if not drive.observes_lane_invasions:
        return (LANE_INVASIONS.invalid("no lane invasion sensor was attached"),)
    return (LANE_INVASIONS.value(len(drive.lane_invasions)),)


def infractions(drive: Drive) -> tuple[Infraction, ...]:
    """List each event with place, time and the markings crossed."""
    listed = []
    for event in drive.lane_invasions:
        index = drive.index_at(event.stamp_ns)
        pose = drive.egos[index].pose_map_from_base_link
        time_s = (event.stamp_ns - int(drive.stamps_ns[0])) / NANOSECONDS_PER_SECOND
        crossed = ", ".join(_marking_name(marking) for marking in event.crossed_markings)
        s_m = float(drive.s_m[index])
        listed.append(Infraction("lane_invasion", time_s, pose.x_m, pose.y_m, s_m, detail=f"crossed: {crossed}"))
    return tuple(listed)


def _marking_name(marking: int) -> str:
    return MARKING_NAMES[marking] if 0 <= marking < len(MARKING_NAMES) else f"type {marking}"

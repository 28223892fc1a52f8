"""Lane invasions: how often lane markings were crossed, as CARLA's lane invasion sensor reports it."""

from __future__ import annotations

from waypilot.metrics.drive import Drive
from waypilot.metrics.places import infraction_at
from waypilot.metrics.values import Infraction, Metric, MetricSpec
from waypilot.types import LaneInvasionEvent

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
    return tuple(
        infraction_at(drive, "lane_invasion", event.stamp_ns, detail=f"crossed: {_marking_names(event)}")
        for event in drive.lane_invasions
    )


def _marking_names(event: LaneInvasionEvent) -> str:
    return ", ".join(_marking_name(marking) for marking in event.crossed_markings)


def _marking_name(marking: int) -> str:
    return MARKING_NAMES[marking] if 0 <= marking < len(MARKING_NAMES) else f"type {marking}"

"""The client's map of a town without any server: lanes for route planning, and stop lines.

For whoever simulates in this process and must see the same roads as one who drives through the client.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import carla

from waypilot.geometry import Pose, Vector3, vector_from_carla
from waypilot.surroundings import StopLine
from waypilot_carla import convert
from waypilot_carla.signals import all_stop_lines


@dataclass(frozen=True, slots=True)
class OfflineSignal:
    """A traffic light or stop sign as ``signals`` asks for it: an id, a blueprint, a place and a trigger volume."""

    id: int
    type_id: str
    pose: Pose
    box_center_m: Vector3
    half_extent_m: Vector3

    @property
    def trigger_volume(self) -> carla.BoundingBox:
        """The volume, relative to the signal."""
        centre = carla.Location(*vector_from_carla(self.box_center_m))
        return carla.BoundingBox(centre, carla.Vector3D(*self.half_extent_m))

    def get_transform(self) -> carla.Transform:
        """Where the signal stands."""
        return convert.transform(self.pose)


def open_map(name: str, xodr: str) -> carla.Map:
    """Read an OpenDRIVE document as the client does."""
    return carla.Map(name, xodr)


def stop_lines_of(town: carla.Map, signals: Iterable[OfflineSignal]) -> tuple[StopLine, ...]:
    """Return the lines of all signals of a town."""
    return all_stop_lines(town, signals)

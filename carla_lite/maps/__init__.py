"""Towns: generated or read from OpenDRIVE, as lanes to drive on and scenes to draw."""

from carla_lite.maps.lanes import Lane
from carla_lite.maps.lookup import LanePosition
from carla_lite.maps.opendrive import OpenDriveError
from carla_lite.maps.plans import available_towns
from carla_lite.maps.town import TownMap, load_town, own_town_xodr, town_from_xodr

__all__ = [
    "Lane",
    "LanePosition",
    "OpenDriveError",
    "TownMap",
    "available_towns",
    "load_town",
    "own_town_xodr",
    "town_from_xodr",
]

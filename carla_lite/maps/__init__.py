"""Towns: generated or read from OpenDRIVE, as lanes to drive on and scenes to draw."""

from carla_lite.maps.lanes import Lane
from carla_lite.maps.lookup import LanePosition
from carla_lite.maps.opendrive import OpenDriveError
from carla_lite.maps.plans import SEEDED_TOWNS, available_towns
from carla_lite.maps.posts import Post, PostKind, Zone
from carla_lite.maps.signal_boxes import head_box
from carla_lite.maps.town import TownMap, load_town, own_town_xodr, town_from_xodr

__all__ = [
    "SEEDED_TOWNS",
    "Lane",
    "LanePosition",
    "OpenDriveError",
    "Post",
    "PostKind",
    "TownMap",
    "Zone",
    "available_towns",
    "head_box",
    "load_town",
    "own_town_xodr",
    "town_from_xodr",
]

"""ROS messages read as values of the core, without ROS; see ``reading``."""

from waypilot.messages.images import ENCODINGS, compressed_to_rgb, image_to_rgb
from waypilot.messages.reading import (
    ACTOR_KIND_NUMBERS,
    EGO_FRAME,
    MAP_FRAME,
    MalformedMessageError,
    alert_from_msg,
    collision_from_msg,
    control_from_msg,
    ego_from_msg,
    lane_invasion_from_msg,
    promise_from_msg,
    route_from_msg,
    route_from_path,
    stamp_from_msg,
    trajectory_from_msg,
)
from waypilot.messages.setup import DriveSetup, setup_from_msg
from waypilot.messages.surroundings import (
    LIGHT_NUMBERS,
    ROAD_NUMBERS,
    SIGNAL_NUMBERS,
    scene_from_msg,
    surroundings_from_msg,
)

__all__ = [
    "ACTOR_KIND_NUMBERS",
    "EGO_FRAME",
    "ENCODINGS",
    "LIGHT_NUMBERS",
    "MAP_FRAME",
    "ROAD_NUMBERS",
    "SIGNAL_NUMBERS",
    "DriveSetup",
    "MalformedMessageError",
    "alert_from_msg",
    "collision_from_msg",
    "compressed_to_rgb",
    "control_from_msg",
    "ego_from_msg",
    "image_to_rgb",
    "lane_invasion_from_msg",
    "promise_from_msg",
    "route_from_msg",
    "route_from_path",
    "scene_from_msg",
    "setup_from_msg",
    "stamp_from_msg",
    "surroundings_from_msg",
    "trajectory_from_msg",
]

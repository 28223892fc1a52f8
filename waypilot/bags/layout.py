"""Which topic of a bag is what: named by options, or found by type and by the habits of carla_ros_bridge and cars."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from waypilot.bags.recorded_drive import SETUP
from waypilot.bags.topic import BagError, BagTopic

ODOMETRY_TYPE, PATH_TYPE = "nav_msgs/msg/Odometry", "nav_msgs/msg/Path"
IMAGE_TYPES = ("sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage")
SURROUNDINGS_TYPE, WORLD_TYPE = "waypilot_msgs/msg/Surroundings", "carla_msgs/msg/CarlaWorldInfo"
SETUP_TYPE, CONTROL_TYPE = "waypilot_msgs/msg/ScenarioSetup", "carla_msgs/msg/CarlaEgoVehicleControl"
_CARLA_ODOMETRY = re.compile(r"/carla/([^/]+)/odometry")
_CARLA_ROUTE = re.compile(r"/carla/[^/]+/waypoints")
_PLAN = re.compile(r"/waypilot/[^/]+/waypoints")
_CONTROL = re.compile(r"/carla/[^/]+/vehicle_control_cmd")
#: Ends of image topics that say nothing about which camera it is.
_IMAGE_WORDS = frozenset(
    ("image", "image_raw", "image_color", "image_rect", "image_rect_color", "image_mono", "compressed", "rgb", "raw")
)


@dataclass(frozen=True, slots=True)
class LayoutOptions:
    """Topics named by hand; empty ones are found. ``cameras`` maps the policy's camera names to image topics."""

    odometry: str = ""
    route: str = ""
    plan: str = ""
    cameras: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Layout:
    """The topics of a drive. ``cameras`` has every camera of the bag by name, ``notes`` what was guessed.

    Of the topics in ``camera_infos`` those of the vehicle come last.
    """

    odometry: str
    cameras: Mapping[str, str]
    setup: str | None = None
    route: str | None = None
    plan: str | None = None
    control: str | None = None
    surroundings: str | None = None
    world: str | None = None
    camera_infos: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def camera_info_of(self, image_topic: str) -> str | None:
        """Find where the calibration of an image topic is told: beside it, else under the same camera name."""
        beside = image_topic.removesuffix("/compressed").rpartition("/")[0] + "/camera_info"
        named = [info for info in self.camera_infos if camera_name(info) == camera_name(image_topic)]
        return beside if beside in self.camera_infos else named[-1] if named else None

    def camera_like(self, name: str) -> str | None:
        """Find the camera of this name, else the only one that has it as a word, as ``rgb_front`` has ``front``."""
        similar = [camera for camera in self.cameras if name in re.split(r"[_\W]+", camera)]
        return name if name in self.cameras else similar[0] if len(similar) == 1 else None

    def choose_cameras(self, wanted: tuple[str, ...]) -> tuple[dict[str, str], list[str]]:
        """Find topics for a policy's cameras by name; returns them, and what was guessed or is missing."""
        chosen: dict[str, str] = {}
        notes = []
        for name in wanted:
            guess = self.camera_like(name)
            if guess is None and len(wanted) == 1 and len(self.cameras) == 1:
                guess = next(iter(self.cameras))
            if guess is None:
                found = ", ".join(f"{camera}={topic}" for camera, topic in self.cameras.items()) or "none"
                notes.append(f"no topic for camera {name}; the bag has {found}; name one with --camera {name}=TOPIC")
                continue
            chosen[name] = self.cameras[guess]
            if guess != name:
                notes.append(f"camera {name} is taken from {self.cameras[guess]}")
        return chosen, notes


def detect(topics: Mapping[str, BagTopic], options: LayoutOptions) -> Layout:
    """Find the topics of a drive. Raises BagError, naming the candidates, when the odometry cannot be told."""
    for topic in (options.odometry, options.route, options.plan, *options.cameras.values()):
        if topic and topic not in topics:
            raise BagError(f"topic {topic} is not in the bag; it has {', '.join(sorted(topics))}")
    odometry, notes = _odometry(topics, options)
    # Where several vehicles were recorded, everything is that of the one whose odometry this is.
    role = match[1] if (match := _CARLA_ODOMETRY.fullmatch(odometry)) else None
    cameras = {camera_name(name): name for name in sorted(_of(topics, *IMAGE_TYPES), key=_last_wins(role))}
    paths = _of_role(role, [name for name in _of(topics, PATH_TYPE) if _CARLA_ROUTE.fullmatch(name)])
    plans = _of_role(role, [name for name in _of(topics, PATH_TYPE) if _PLAN.fullmatch(name)])
    controls = _of_role(role, [name for name in _of(topics, CONTROL_TYPE) if _CONTROL.fullmatch(name)])
    infos = sorted(_of(topics, "sensor_msgs/msg/CameraInfo"), key=_last_wins(role))
    surroundings, worlds = _of_role(role, _of(topics, SURROUNDINGS_TYPE)), _of(topics, WORLD_TYPE)
    return Layout(
        odometry=odometry,
        cameras={**cameras, **options.cameras},
        setup=SETUP if SETUP in _of(topics, SETUP_TYPE) and not options.route else None,
        route=options.route or (paths[0] if paths else None),
        plan=options.plan or (plans[0] if plans else None),
        control=controls[0] if controls else None,
        surroundings=surroundings[0] if len(surroundings) == 1 else None,
        world=worlds[0] if worlds else None,
        camera_infos=tuple(infos),
        notes=tuple(notes),
    )


def camera_name(topic: str) -> str:
    """Name a camera by its topic: ``/carla/ego_vehicle/front/image`` is ``front``, ``/camera/image_raw`` ``camera``."""
    parts = [part for part in topic.split("/") if part and part not in (*_IMAGE_WORDS, "camera_info")]
    return parts[-1] if parts else topic.strip("/")


def _last_wins(role: str | None) -> Callable[[str], tuple[bool, bool, str]]:
    """Order topics so that of those with one name the vehicle's own win, and raw images over compressed ones."""
    return lambda topic: (_is_of_role(role, topic), not topic.endswith("/compressed"), topic)


def _is_of_role(role: str | None, topic: str) -> bool:
    return role is not None and role in topic.split("/")


def _of_role(role: str | None, names: list[str]) -> list[str]:
    """Choose the vehicle's own topics, where there are some."""
    return [name for name in names if _is_of_role(role, name)] or names


def _of(topics: Mapping[str, BagTopic], *types: str) -> list[str]:
    return [name for name, topic in topics.items() if topic.type in types and topic.count != 0]


def _odometry(topics: Mapping[str, BagTopic], options: LayoutOptions) -> tuple[str, list[str]]:
    if options.odometry:
        return options.odometry, []
    found = sorted(_of(topics, ODOMETRY_TYPE))
    carla = [name for name in found if _CARLA_ODOMETRY.fullmatch(name)]
    if len(carla) == 1:
        return carla[0], []
    if len(found) == 1:
        return found[0], [f"the odometry is taken from {found[0]}"]
    if not found:
        raise BagError(f"no topic of type {ODOMETRY_TYPE}: without odometry there is no ground truth")
    raise BagError(f"several odometries: {', '.join(carla or found)}; name one with --odometry")

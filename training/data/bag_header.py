"""What an episode made of a bag says about itself: place, cameras, and where it must not be used."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from training.data.bag_drive import LabelConfig
from waypilot.bags import Bag, BagError
from waypilot.bags.calibration import Calibration, first_calibration
from waypilot.bags.frames import first_image
from waypilot.bags.layout import SETUP_TYPE, Layout
from waypilot.bags.mounts import TF_STATIC, TF_TYPE
from waypilot.bags.recorded_drive import SETUP
from waypilot.config import config_to_dict
from waypilot.episodes import CameraIntrinsics, Episode, WaypointSource
from waypilot.geometry import Pose
from waypilot.messages import DriveSetup, MalformedMessageError, setup_from_msg
from waypilot.rig import CameraSpec
from waypilot.scenarios import EVALUATION_TOWNS, WEATHER_PRESETS, Scenario

SOURCE = "bag"


@dataclass(frozen=True, slots=True)
class BagImportConfig:
    """How a bag becomes episodes.

    ``mounts`` has base_link from camera of the cameras to import; without any, ``/tf_static`` of the bag tells. Data
    sets are split by ``town`` and ``route_id``; a bag of ours knows its own. Drives of fewer than ``min_frames`` frames
    are left out. ``fov_rad`` is used instead of a calibration, by camera. ``reference_point`` says which point of a
    real car the odometry follows.
    """

    mounts: Mapping[str, Pose]
    town: str = ""
    route_id: str = ""
    weather: str = ""
    min_frames: int = 5
    allow_evaluation_towns: bool = False
    reference_point: str | None = None
    fov_rad: Mapping[str, float] = field(default_factory=dict)
    labels: LabelConfig = field(default_factory=LabelConfig)


def camera_topics(bag: Bag, layout: Layout, config: BagImportConfig, reasons: Sequence[str]) -> dict[str, str]:
    """Find the topics of the cameras to import. Raises BagError, with ``reasons`` where no camera has a mount."""
    known = ", ".join(f"{camera}={topic}" for camera, topic in layout.cameras.items()) or "none"
    if not config.mounts:
        why = "; ".join(reasons) or f"no {TF_TYPE} on {TF_STATIC}"
        raise BagError(
            f"{bag.path}: say with --mount where each camera to import sits, the bag does not ({why}); it has {known}"
        )
    topics: dict[str, str] = {}
    for name in config.mounts:
        if (camera := layout.camera_like(name)) is None:
            raise BagError(f"{bag.path}: no camera {name}; it has {known}; name its topic with --camera {name}=TOPIC")
        topics[name] = layout.cameras[camera]
    return topics


def drive_setups(bag: Bag) -> list[DriveSetup]:
    """Read what every drive of a bag was, where it says so. Raises BagError for a bag that must not train."""
    topic = bag.topics.get(SETUP)
    if topic is None or topic.type != SETUP_TYPE:
        return []
    try:
        setups = [bag.read(message, setup_from_msg) for message in bag.messages({SETUP})]
    except MalformedMessageError as error:
        raise BagError(f"{bag.path}: what was driven cannot be told, so it must not train: {error}") from error
    for setup in setups:
        if setup.scenario.faults:
            name = setup.scenario.name
            raise BagError(f"{bag.path}: scenario {name} has faults: pictures or odometry are broken on purpose")
    return setups


def episode_header(
    bag: Bag, layout: Layout, config: BagImportConfig, cameras: Mapping[str, str], setup: DriveSetup | None
) -> Episode:
    """Make the header of a drive's episodes, without their name. Raises BagError for a drive that must not train."""
    scenario = setup.scenario if setup is not None else None
    town = _town(bag, config, scenario)
    calibrations = {name: _calibration(bag, layout, name, topic, config) for name, topic in cameras.items()}
    weather = scenario.weather if scenario is not None else None
    return Episode(
        episode_id="",
        source=SOURCE,
        town=town,
        route_id=config.route_id or (scenario.name if scenario is not None else bag.path.name.split(".")[0]),
        weather=config.weather or next((n for n, w in WEATHER_PRESETS.items() if w == weather), "unknown"),
        seed=setup.seed if setup is not None else 0,
        cameras=tuple(_spec(name, calibrations[name], config.mounts[name]) for name in cameras),
        waypoint_dt_ns=config.labels.waypoint_dt_ns,
        waypoint_source=WaypointSource.DRIVEN_PATH,
        frames=(),
        weather_parameters={} if weather is None else config_to_dict(weather),  # type: ignore[arg-type]
        recorder={
            "bag": bag.path.name,
            "odometry": layout.odometry,
            "cameras": dict(cameras),
            "labels": config_to_dict(config.labels),
            "min_frames": config.min_frames,
        },
        reference_point=config.reference_point,
        intrinsics={
            name: CameraIntrinsics(found.focal_px, found.principal_point_px, found.distortion)
            for name, found in calibrations.items()
            if any(found.distortion)
        },
    )


def _town(bag: Bag, config: BagImportConfig, scenario: Scenario | None) -> str:
    town = config.town or (scenario.map if scenario is not None else "")
    if not town:
        raise BagError(f"{bag.path}: the bag does not say where it was driven; name the place with --town")
    # Whatever name is given, it was driven where the bag says.
    for place in {town, town if scenario is None else scenario.map} & EVALUATION_TOWNS:
        if not config.allow_evaluation_towns:
            raise BagError(
                f"{bag.path}: {place}: policies are evaluated there, so nothing may be trained on it; "
                "give another bag, or --allow-evaluation-towns"
            )
    return town


def _calibration(bag: Bag, layout: Layout, name: str, topic: str, config: BagImportConfig) -> Calibration:
    info, fov_rad = layout.camera_info_of(topic), config.fov_rad.get(name)
    if info is not None and fov_rad is None:
        return first_calibration(bag, info)
    if fov_rad is None:
        raise BagError(f"{topic}: no sensor_msgs/CameraInfo in the bag; give the view with --fov-deg {name}=DEGREES")
    height_px, width_px = first_image(bag, topic).shape[:2]
    focal_px = 0.5 * width_px / math.tan(0.5 * fov_rad)
    middle_px = (0.5 * width_px, 0.5 * height_px)
    return Calibration(width_px, height_px, (focal_px, focal_px), middle_px, (0.0,) * 5)


def _spec(name: str, found: Calibration, mount: Pose) -> CameraSpec:
    return CameraSpec(name, found.width_px, found.height_px, found.fov_rad, mount)

"""Whether a bag can be evaluated, told from stamps: images are not decoded but for the first of each camera."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from waypilot.bags.bag import Bag
from waypilot.bags.calibration import Calibration, first_calibration
from waypilot.bags.frames import FrameOptions, first_route, image_from_msg, image_stamp_ns
from waypilot.bags.layout import Layout
from waypilot.bags.motion import is_out_of_reach
from waypilot.bags.stamps import TopicStamps, known_until, nearest_ns
from waypilot.bags.topic import BagMessage
from waypilot.messages import MalformedMessageError, ego_from_msg
from waypilot.types import NANOSECONDS_PER_SECOND, EgoState

#: At which times ahead an evaluation tells errors.
HORIZONS_S = (1.0, 2.0, 3.0, 5.0)
#: Odometry slower than this is interpolated over more than a waypoint's time.
MIN_ODOMETRY_HZ = 4.0
#: How far the speed that odometry states may be from that of its positions: m/s, and share of the speed.
SPEED_TOLERANCE_MPS, SPEED_TOLERANCE_SHARE = 0.5, 0.1

#: How many speeds are compared at most: a long bag is thinned out evenly, which its median hardly shows.
MAX_SPEEDS = 20_000


@dataclass(slots=True)
class CameraSurvey:
    """One camera: stamps, size and encoding of the first image that can be read, and the calibration."""

    stamps: TopicStamps
    size_px: tuple[int, int] | None = None
    encoding: str = ""
    unreadable: str = ""
    calibration: Calibration | None = None
    calibration_problem: str = ""


@dataclass(slots=True)
class Survey:
    """What a bag holds for an evaluation. Frames are those of the first camera.

    ``future_known`` counts by horizon in s the frames whose whole future up to there is known. ``in_sync`` has, by
    camera beyond the first, the share of frames with an image of it near, and the largest distance of the nearest in s.
    ``speed_error_mps`` is the median difference between stated speed and that of the positions, with the median speed.
    ``place_jumps`` counts positions that the vehicle cannot have reached from those before.
    """

    odometry: TopicStamps
    cameras: dict[str, CameraSurvey]
    has_route: bool
    frames_with_odometry: int = 0
    future_known: dict[float, int] = field(default_factory=dict)
    in_sync: dict[str, tuple[float, float]] = field(default_factory=dict)
    speed_error_mps: tuple[float, float] | None = None
    place_jumps: int = 0

    @property
    def frames(self) -> int:
        """Images of the first camera."""
        return next(iter(self.cameras.values())).stamps.kept if self.cameras else 0


def survey(bag: Bag, layout: Layout, cameras: Mapping[str, str], options: FrameOptions) -> Survey:
    """Read a bag once; ``cameras`` maps names to image topics, the first one makes the frames."""
    found = Survey(
        TopicStamps(layout.odometry),
        {name: CameraSurvey(TopicStamps(topic)) for name, topic in cameras.items()},
        has_route=first_route(bag, layout) is not None,
    )
    by_topic = {camera.stamps.topic: camera for camera in found.cameras.values()}
    speeds = _Speeds()
    for message in bag.messages({layout.odometry, *by_topic}):
        if message.topic in by_topic:
            _take_image(bag, by_topic[message.topic], message)
        else:
            _take_odometry(bag, found.odometry, speeds, message)
    for topic, camera in by_topic.items():
        _take_calibration(bag, camera, layout.camera_info_of(topic))
    found.speed_error_mps, found.place_jumps = speeds.error_mps(), speeds.jumps
    _count_frames(found, options)
    return found


class _Speeds:
    """Compares the forward speed that odometry states with the distance between its positions."""

    def __init__(self) -> None:
        self._last: EgoState | None = None
        self._pairs: list[tuple[float, float]] = []
        self._every, self._seen = 1, 0
        self.jumps = 0

    def add(self, ego: EgoState) -> None:
        last, self._last = self._last, ego
        if last is not None and last.stamp_ns < ego.stamp_ns and is_out_of_reach(last, ego):
            self.jumps += 1
            return
        if last is None or not 0 < ego.stamp_ns - last.stamp_ns <= NANOSECONDS_PER_SECOND:
            return
        a, b = last.pose_map_from_base_link.planar, ego.pose_map_from_base_link.planar
        forward_m = a.inverse().transform_points(np.array([[b.x_m, b.y_m]]))[0, 0]
        driven_mps = float(forward_m) * NANOSECONDS_PER_SECOND / (ego.stamp_ns - last.stamp_ns)
        self._seen += 1
        if self._seen % self._every == 0:
            self._pairs.append((driven_mps, 0.5 * (last.speed_mps + ego.speed_mps)))
        if len(self._pairs) > MAX_SPEEDS:
            # The newest of every two is kept, as if only every second had been taken from the start.
            self._pairs, self._every = self._pairs[1::2], 2 * self._every

    def error_mps(self) -> tuple[float, float] | None:
        moving = np.array([pair for pair in self._pairs if max(map(abs, pair)) > 1.0]).reshape(-1, 2)
        if not len(moving):
            return None
        return float(np.median(np.abs(moving[:, 0] - moving[:, 1]))), float(np.median(np.abs(moving[:, 0])))


def _take_image(bag: Bag, camera: CameraSurvey, message: BagMessage) -> None:
    try:
        camera.stamps.add(image_stamp_ns(message.data))
    except MalformedMessageError:
        camera.stamps.unusable += 1
        return
    if camera.size_px is None:
        try:
            camera.size_px, camera.encoding = bag.read(message, _size_and_encoding)
        except MalformedMessageError as error:
            camera.unreadable = str(error)


def _size_and_encoding(message: Any) -> tuple[tuple[int, int], str]:
    height, width = image_from_msg(message).shape[:2]
    return (width, height), str(getattr(message, "encoding", "") or getattr(message, "format", ""))


def _take_odometry(bag: Bag, stamps: TopicStamps, speeds: _Speeds, message: BagMessage) -> None:
    try:
        ego = bag.read(message, ego_from_msg)
    except MalformedMessageError:
        stamps.unusable += 1
        return
    if stamps.add(ego.stamp_ns):
        speeds.add(ego)


def _take_calibration(bag: Bag, camera: CameraSurvey, topic: str | None) -> None:
    if topic is None:
        camera.calibration_problem = "no sensor_msgs/CameraInfo in the bag"
        return
    try:
        calibration = first_calibration(bag, topic)
    except MalformedMessageError as error:
        camera.calibration_problem = str(error)
        return
    size_px = (calibration.width_px, calibration.height_px)
    if camera.size_px is not None and camera.size_px != size_px:
        camera.calibration_problem = f"{topic} is of images of {size_px[0]}x{size_px[1]}"
        return
    camera.calibration = calibration


def _count_frames(found: Survey, options: FrameOptions) -> None:
    if not found.cameras:
        return
    first, *others = found.cameras.items()
    drives = found.odometry.arrays()
    frames = first[1].stamps.arrays()
    # A drive that only one of the topics knows is compared with nothing.
    pairs = list(zip(frames, drives, strict=False))
    found.frames_with_odometry = _total(known_until(frame, ego, options.max_gap_ns, 0) for frame, ego in pairs)
    for horizon_s in HORIZONS_S:
        ahead_ns = round(horizon_s * NANOSECONDS_PER_SECOND)
        known = (known_until(frame, ego, options.max_gap_ns, ahead_ns) for frame, ego in pairs)
        found.future_known[horizon_s] = _total(known)
    for name, camera in others:
        found.in_sync[name] = _sync(first[1].stamps, camera.stamps, options.sync_ns)


def _sync(first: TopicStamps, other: TopicStamps, sync_ns: int) -> tuple[float, float]:
    pairs = zip(first.arrays(), other.arrays(), strict=False)
    apart = [nearest_ns(a, b) for a, b in pairs if len(a) and len(b)]
    if not apart:
        return 0.0, float("inf")
    apart_ns = np.concatenate(apart)
    return float(np.sum(apart_ns <= sync_ns)) / first.kept, float(apart_ns.max()) / NANOSECONDS_PER_SECOND


def _total(parts: Iterator[np.ndarray]) -> int:
    return int(sum(int(part.sum()) for part in parts))

"""A recorded drive as frames: for each image of the first camera the ego state and the other cameras' images.

Frames come out in order while the bag is read; only what is still waiting for its partners is kept.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from waypilot.bags.bag import Bag
from waypilot.bags.events import (
    Event,
    Frame,
    Motioned,
    Restarted,
    commanded_from_msg,
    map_told_from_msg,
    planned_from_msg,
    staged_from_msg,
    surrounded_from_msg,
)
from waypilot.bags.layout import Layout
from waypilot.bags.motion import Motion
from waypilot.bags.recording import first_stamp_ns
from waypilot.bags.topic import BagMessage
from waypilot.messages import (
    MalformedMessageError,
    compressed_to_rgb,
    ego_from_msg,
    image_to_rgb,
    route_from_msg,
    route_from_path,
)
from waypilot.route import Route
from waypilot.types import EgoState, RgbImage

#: What one camera's images may wait for odometry: so many, and more while all of them together are this small.
#: A recorder on a busy machine stores one topic seconds behind another (93 frames were seen).
MIN_WAITING, WAITING_BYTES = 40, 128 << 20
#: How long one camera's images are waited for when another camera's are there; sooner given up where images pile up.
CAMERA_WAIT_NS = 10_000_000_000
#: How long odometry is kept for images that have not come yet.
LATE_NS = 120_000_000_000
#: A stamp that falls back further begins a new drive; less is a message out of order, which is left out.
RESTART_NS = 500_000_000


@dataclass(frozen=True, slots=True)
class FrameOptions:
    """``sync_ns``: how far images of one frame may be apart. ``max_gap_ns``: how long odometry may be silent.

    ``world``: tell of maps, set-ups and surroundings as well.
    """

    sync_ns: int = 30_000_000
    max_gap_ns: int = 500_000_000
    world: bool = False

    def __post_init__(self) -> None:
        for name in ("sync_ns", "max_gap_ns"):
            if getattr(self, name) <= 0:
                raise ValueError(f"{name} is {getattr(self, name)}, expected a positive time")


#: How a message is read, and what the value makes happen.
_Taker = tuple[Callable[[Any], Any], Callable[[Any], Iterator[Event]]]


@dataclass(slots=True)
class _Camera:
    topic: str
    waiting: deque[tuple[int, BagMessage]] = field(default_factory=deque)
    waiting_bytes: int = 0
    newest_ns: int | None = None
    jumps_back: int = 0

    def add(self, stamp_ns: int, message: BagMessage) -> None:
        """Keep an image until its partners are there."""
        self.newest_ns = stamp_ns
        self.waiting.append((stamp_ns, message))
        self.waiting_bytes += len(message.data)

    def take(self) -> BagMessage:
        """Give out the oldest image."""
        message = self.waiting.popleft()[1]
        self.waiting_bytes -= len(message.data)
        return message

    def clear(self) -> None:
        """Let go of all images."""
        self.waiting.clear()
        self.waiting_bytes = 0

    def holds(self, share: float) -> bool:
        """Whether more than this share of what may wait does."""
        return len(self.waiting) > share * MIN_WAITING and self.waiting_bytes > share * WAITING_BYTES

    @property
    def waited_ns(self) -> int:
        """How much older the oldest image is than the newest."""
        return self.newest_ns - self.waiting[0][0] if self.waiting and self.newest_ns is not None else 0


class FrameReader:
    """Reads the events of a bag. ``counts`` tells what was left out, by reason."""

    def __init__(
        self, bag: Bag, layout: Layout, cameras: Mapping[str, str], options: FrameOptions, route: Route | None = None
    ) -> None:
        """Take the images of ``cameras`` (name to topic); ``route`` is that of the beginning."""
        self.counts: Counter[str] = Counter()
        self._bag = bag
        self._options = options
        self._route = route
        self._drive = self._jumps_back = 0
        self._motion = Motion(options.max_gap_ns)
        self._cameras = {name: _Camera(topic) for name, topic in cameras.items()}
        self._takers = self._takers_of(layout)

    def events(self) -> Iterator[Event]:
        """Yield what happened, in order; a frame comes after the odometry around it."""
        by_topic = {camera.topic: camera for camera in self._cameras.values()}
        for message in self._bag.messages({*self._takers, *by_topic}):
            try:
                if message.topic in by_topic:
                    self._on_image(by_topic[message.topic], message)
                else:
                    for read, take in self._takers[message.topic]:
                        yield from take(self._bag.read(message, read))
            except MalformedMessageError as error:
                self.counts[f"unusable message on {message.topic}: {_brief(error)}"] += 1
            yield from self._ready(last=False)
        yield from self._ready(last=True)
        # No drive follows for images that came before it.
        self._motion.clear()
        yield from self._ready(last=True)

    def _takers_of(self, layout: Layout) -> dict[str, list[_Taker]]:
        """Say by topic how a message is read, and what becomes of the value."""
        world = self._options.world
        takers: dict[str, list[_Taker]] = {}
        for topic, read, take in (
            (layout.odometry, ego_from_msg, self._on_odometry),
            # For itself: a route can be used where the scenario beside it is one of another version.
            (layout.setup, _route_of_setup, self._on_route),
            (layout.setup if world else None, staged_from_msg, _told),
            (None if layout.setup else layout.route, route_from_path, self._on_route),
            (layout.plan, planned_from_msg, _told),
            (layout.control, commanded_from_msg, _told),
            (layout.surroundings if world else None, surrounded_from_msg, _told),
            (layout.world if world else None, map_told_from_msg, _told),
        ):
            if topic is not None:
                takers.setdefault(topic, []).append((read, take))
        return takers

    def _on_odometry(self, ego: EgoState) -> Iterator[Event]:
        newest_ns = self._motion.newest_ns
        if ego.stamp_ns == 0:
            self.counts["odometry without a stamp"] += 1
            return
        if newest_ns is not None and ego.stamp_ns < newest_ns - RESTART_NS:
            yield from self._restart("jumps back in time")
            self._jumps_back += 1
        elif newest_ns is not None and ego.stamp_ns > newest_ns and self._motion.is_elsewhere(ego):
            yield from self._restart("jumps to another place", until_ns=newest_ns)
        if self._motion.add(ego):
            self._motion.forget_before(self._oldest_needed_ns(ego.stamp_ns))
            yield Motioned(ego)
        else:
            self.counts["odometry repeated or out of order"] += 1

    def _restart(self, reason: str, until_ns: int | None = None) -> Iterator[Event]:
        """Begin the next drive; images later than ``until_ns`` are its own."""
        yield from self._ready(last=True, until_ns=until_ns)
        self._motion.clear()
        self._drive += 1
        self.counts[reason] += 1
        yield Restarted()

    def _oldest_needed_ns(self, now_ns: int) -> int:
        waiting_ns = [camera.waiting[0][0] for camera in self._cameras.values() if camera.waiting]
        return min([now_ns - LATE_NS, *waiting_ns])

    def _on_route(self, route: Route) -> Iterator[Event]:
        self._route = route
        yield from ()

    def _on_image(self, camera: _Camera, message: BagMessage) -> None:
        stamp_ns = image_stamp_ns(message.data)
        if stamp_ns == 0:
            self.counts[f"image of {camera.topic} without a stamp"] += 1
            return
        if camera.newest_ns is not None and stamp_ns <= camera.newest_ns:
            if stamp_ns > camera.newest_ns - RESTART_NS:
                self.counts[f"image of {camera.topic} repeated or out of order"] += 1
                return
            self.counts[f"image of {camera.topic} dropped at a jump back in time"] += len(camera.waiting)
            camera.clear()
            camera.jumps_back += 1
        camera.add(stamp_ns, message)
        while camera.holds(1.0):
            camera.take()
            self.counts[f"image of {camera.topic} without odometry"] += 1

    def _ready(self, last: bool, until_ns: int | None = None) -> Iterator[Frame]:
        """Give out the frames that have all that they will ever have."""
        if not self._cameras:
            return
        first, *others = self._cameras.values()
        while first.waiting:
            stamp_ns, _ = first.waiting[0]
            newest_ns = self._motion.newest_ns
            if self._is_of_next_drive(first, stamp_ns) or (until_ns is not None and stamp_ns > until_ns):
                return
            known = newest_ns is not None and stamp_ns <= newest_ns
            if not last and not (known and all(self._has_passed(camera, stamp_ns) for camera in others)):
                return
            yield from self._frame(stamp_ns)

    def _is_of_next_drive(self, first: _Camera, stamp_ns: int) -> bool:
        """Whether time fell back for images already, but not for odometry, which the bag has later."""
        oldest_ns = self._motion.oldest_ns
        is_before = oldest_ns is not None and stamp_ns < oldest_ns - RESTART_NS
        return is_before and first.jumps_back > self._jumps_back and not self._waits_long()

    def _has_passed(self, camera: _Camera, stamp_ns: int) -> bool:
        """Whether a camera's image near a time is there or will not come any more."""
        newest_ns = camera.newest_ns
        return (newest_ns is not None and newest_ns >= stamp_ns - self._options.sync_ns) or self._waits_long()

    def _waits_long(self) -> bool:
        return any(camera.waited_ns > CAMERA_WAIT_NS or camera.holds(0.5) for camera in self._cameras.values())

    def _frame(self, stamp_ns: int) -> Iterator[Frame]:
        images = {}
        for name, camera in self._cameras.items():
            message = self._take_near(camera, stamp_ns)
            if message is None:
                self.counts[f"frame without image of {name}"] += 1
                continue
            try:
                images[name] = self._bag.read(message, image_from_msg)
            except MalformedMessageError as error:
                self.counts[f"unusable image of {camera.topic}: {_brief(error)}"] += 1
        ego = self._motion.state_at(stamp_ns)
        self._motion.forget_before(stamp_ns)
        if ego is None:
            self.counts["frame without odometry around it"] += 1
        elif not ego.pose_map_from_base_link.orientation.is_rotation:
            self.counts["frame whose orientation is no rotation"] += 1
        else:
            yield Frame(self._drive, ego, images, self._route)

    def _take_near(self, camera: _Camera, stamp_ns: int) -> BagMessage | None:
        """Take a camera's image nearest to a time; older ones can belong to no later frame."""
        best = None
        while camera.waiting and camera.waiting[0][0] <= stamp_ns + self._options.sync_ns:
            distance = abs(camera.waiting[0][0] - stamp_ns)
            if best is not None and distance >= best[0]:
                break
            best = (distance, camera.take())
        return best[1] if best is not None and best[0] <= self._options.sync_ns else None


def _told(event: Event) -> Iterator[Event]:
    yield event


def _route_of_setup(message: Any) -> Route:
    return route_from_msg(message.route)


def image_from_msg(message: Any) -> RgbImage:
    """Read a raw or compressed image as RGB (H, W, 3) uint8. Raises MalformedMessageError."""
    return compressed_to_rgb(message) if hasattr(message, "format") else image_to_rgb(message)


def image_stamp_ns(data: bytes) -> int:
    """Read the stamp of a serialized image without decoding it. Raises MalformedMessageError."""
    if len(data) < 12:
        raise MalformedMessageError("an image without a header")
    return first_stamp_ns(data)


def first_image(bag: Bag, topic: str) -> RgbImage:
    """Decode the first image of a topic that can be read. Raises MalformedMessageError, saying why there is none."""
    reason = "no message"
    for message in bag.messages({topic}):
        try:
            return bag.read(message, image_from_msg)
        except MalformedMessageError as error:
            reason = str(error)
    raise MalformedMessageError(f"{topic}: no image can be read: {reason}")


def first_route(bag: Bag, layout: Layout) -> Route | None:
    """Find the route that a drive begins with: the judge's set-up, or the first path on the route's topic."""
    topics = [topic for topic in (layout.setup, layout.route) if topic is not None]
    if not topics:
        return None
    for message in bag.messages(topics[:1]):
        try:
            return bag.read(message, _route_of_setup if message.topic == layout.setup else route_from_path)
        except MalformedMessageError:
            continue
    return None


def _brief(error: Exception) -> str:
    """Shorten a message so that equal troubles count together."""
    return str(error).split(":")[-1].strip()[:80]

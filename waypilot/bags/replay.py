"""Playing the frames of a bag to a policy: what is said next, and when. Whoever asks tells the time."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from waypilot.awake_time import AwakeTime
from waypilot.bags.bag import Bag
from waypilot.bags.events import Frame
from waypilot.bags.frames import FrameOptions, FrameReader, first_route
from waypilot.bags.layout import LayoutOptions, detect
from waypilot.bags.topic import BagError
from waypilot.route import Route, is_same_line
from waypilot.types import NANOSECONDS_PER_SECOND


class ReplaySource:
    """The frames of a bag, to be played from the front as often as wanted.

    ``cameras`` maps names to topics. ``counts`` tells what was left out of the last lap, ``notes`` what was guessed.
    Raises BagError when the bag has no odometry, no images or no route.
    """

    def __init__(self, bag: Bag, options: LayoutOptions) -> None:
        self._bag = bag
        self._layout = detect(bag.topics, options)
        self.cameras: Mapping[str, str] = options.cameras or self._layout.cameras
        self.notes = self._layout.notes
        self.counts: Counter[str] = Counter()
        if not self.cameras:
            raise BagError(f"{bag.path}: no topic with images; it has {', '.join(sorted(bag.topics))}")
        route = first_route(bag, self._layout)
        if route is None:
            raise BagError(f"{bag.path}: no route (nav_msgs/Path in frame map): name its topic with route")
        self._route = route

    def frames(self) -> Iterator[Frame]:
        """Yield the frames from the front; every one has a route."""
        reader = FrameReader(self._bag, self._layout, self.cameras, FrameOptions(), self._route)
        self.counts = reader.counts
        for event in reader.events():
            if isinstance(event, Frame):
                yield event


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast frames follow each other.

    In lock step a frame comes once the last one is answered, or ``answer_wait_s`` later; otherwise at ``rate`` times
    the pace of the stamps. ``loop`` begins again at the end.
    """

    lock_step: bool = True
    rate: float = 1.0
    loop: bool = False
    answer_wait_s: float = 10.0

    def __post_init__(self) -> None:
        for name in ("rate", "answer_wait_s"):
            if not getattr(self, name) > 0.0:
                raise ValueError(f"{name} is {getattr(self, name)}, expected a positive number")


#: What may pass between two questions that counts as waiting for an answer.
TURN_S = 0.1


class Player:
    """Tells which frame is due. Times ``now_s`` are of any clock that only runs forward.

    An answer is waited for as long as somebody asks (``waypilot.awake_time``): where the process gets no processor for
    a while, it may have come and still be in the queue.

    ``counts`` has frames ``played``, ``answered`` and ``unanswered``.
    """

    def __init__(self, open_frames: Callable[[], Iterator[Frame]], pace: Pace) -> None:
        self._open, self._pace = open_frames, pace
        self._frames = open_frames()
        self._upcoming = next(self._frames, None)
        self._drive: tuple[int, int, Route | None] | None = None
        self._waiting: list[int] = []
        self._awake = AwakeTime(TURN_S)
        self._played_s = 0.0
        self._anchor: tuple[int, float] | None = None
        self.paused = False
        self.lap = 0
        self.counts: Counter[str] = Counter(played=0, answered=0, unanswered=0)

    def new_route(self, now_s: float) -> Route | None:
        """Tell the route of a drive that is to begin before anything else is played; None while there is none.

        The plans of the drive before are waited for. ``begin`` says that everybody is ready.
        """
        if self._upcoming is None or self._begun() or not self._settled(now_s):
            return None
        return self._upcoming.route

    def begin(self) -> None:
        """Begin the drive of ``new_route``."""
        if self._upcoming is not None:
            self._drive = (self.lap, self._upcoming.drive, self._upcoming.route)
        self._anchor = None

    @property
    def place(self) -> tuple[int, int]:
        """Lap and number of the drive within it of what is played."""
        return (0, 0) if self._drive is None else self._drive[:2]

    def pause(self, paused: bool) -> None:
        """Hold, or go on at the pace from the next frame on."""
        self.paused = paused
        self._anchor = None

    def due(self, now_s: float) -> Frame | None:
        """Take the frame that is to be said now."""
        frame = self._upcoming
        if frame is None or self.paused or not self._begun() or not self._is_time(frame.ego.stamp_ns, now_s):
            return None
        self._waiting.append(frame.ego.stamp_ns)
        self._played_s = self._awake.look(now_s)
        self.counts["played"] += 1
        self._upcoming = next(self._frames, None)
        if self._upcoming is None and self._pace.loop:
            self.lap += 1
            self._frames = self._open()
            self._upcoming = next(self._frames, None)
        return frame

    def answer(self, stamp_ns: int) -> bool:
        """Take note of a plan; False when nobody waits for it. What came before it will not be answered any more."""
        if stamp_ns not in self._waiting:
            return False
        at = self._waiting.index(stamp_ns)
        del self._waiting[: at + 1]
        self.counts["answered"] += 1
        self.counts["unanswered"] += at
        return True

    def is_over(self, now_s: float) -> bool:
        """Whether everything was played, and answered or waited for long enough."""
        return self._upcoming is None and self._settled(now_s)

    def _begun(self) -> bool:
        if self._drive is None or self._upcoming is None:
            return False
        lap, drive, route = self._drive
        return (lap, drive) == (self.lap, self._upcoming.drive) and is_same_line(route, self._upcoming.route)

    def _is_time(self, stamp_ns: int, now_s: float) -> bool:
        if self._pace.lock_step:
            return self._settled(now_s)
        if self._anchor is None:
            self._anchor = (stamp_ns, now_s)
        first_ns, first_s = self._anchor
        return (now_s - first_s) * self._pace.rate >= (stamp_ns - first_ns) / NANOSECONDS_PER_SECOND

    def _settled(self, now_s: float) -> bool:
        """Whether no answer is waited for (any longer)."""
        waited_s = self._awake.look(now_s) - self._played_s
        if self._waiting and waited_s >= self._pace.answer_wait_s:
            self.counts["unanswered"] += len(self._waiting)
            self._waiting.clear()
        return not self._waiting

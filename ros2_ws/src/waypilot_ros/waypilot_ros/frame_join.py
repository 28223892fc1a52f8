"""Brings together what belongs to one frame: the ego state and one image per camera, matched by exact stamp."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from waypilot.awake_time import AwakeTime
from waypilot.surroundings import Surroundings
from waypilot.types import EgoState, RgbImage

MAX_PENDING_FRAMES = 20


@dataclass(slots=True)
class JoinedFrame:
    """One frame; ``images`` lacks the cameras that did not deliver in time."""

    ego: EgoState
    images: dict[str, RgbImage]
    surroundings: Surroundings | None = None


@dataclass(slots=True)
class _Pending:
    ego: EgoState | None = None
    ego_since_s: float = 0.0
    images: dict[str, RgbImage] = field(default_factory=dict)
    surroundings: Surroundings | None = None


class FrameJoin:
    """Collects frames. Times are wall-clock seconds given by the caller, only used to give up on missing cameras."""

    def __init__(self, cameras: Iterable[str], camera_wait_s: float, longest_turn_s: float) -> None:
        """Expect ``cameras``; a frame without all of them is given out ``camera_wait_s`` after its ego state came.

        Whoever takes messages asks for overdue frames every turn. Of a turn no more than ``longest_turn_s`` counts:
        after a while without a processor, an image that has come meanwhile is still to be taken.
        """
        self._cameras = frozenset(cameras)
        self._camera_wait_s = camera_wait_s
        self._awake = AwakeTime(longest_turn_s)
        self._pending: dict[int, _Pending] = {}
        self._given_out_ns: int | None = None
        self._withheld: Callable[[int, Sequence[str]], frozenset[str]] = _nothing
        self._expects_surroundings = False
        self.dropped = 0

    def reset(
        self,
        withheld: Callable[[int, Sequence[str]], frozenset[str]] | None = None,
        expects_surroundings: bool = False,
    ) -> None:
        """Forget everything of the last drive; from now on frames may have to hold the surroundings as well.

        ``withheld`` tells, for a stamp, which of some cameras are known not to deliver: nobody waits for them then.
        """
        self._withheld = withheld or _nothing
        self._expects_surroundings = expects_surroundings
        self._pending.clear()
        self._given_out_ns = None

    def add_ego(self, ego: EgoState) -> JoinedFrame | None:
        """Add an ego state; returns its frame if that is complete now."""
        if self._is_past(ego.stamp_ns):
            return None
        pending = self._entry(ego.stamp_ns)
        pending.ego, pending.ego_since_s = ego, self._awake.s
        return self._take_if_complete(ego.stamp_ns)

    def add_image(self, camera: str, stamp_ns: int, image: RgbImage) -> JoinedFrame | None:
        """Add an image; returns its frame if that is complete now."""
        if self._is_past(stamp_ns):
            return None
        self._entry(stamp_ns).images[camera] = image
        return self._take_if_complete(stamp_ns)

    def add_surroundings(self, surroundings: Surroundings) -> JoinedFrame | None:
        """Add what is around the vehicle; returns its frame if that is complete now."""
        if self._is_past(surroundings.stamp_ns):
            return None
        self._entry(surroundings.stamp_ns).surroundings = surroundings
        return self._take_if_complete(surroundings.stamp_ns)

    def take_overdue(self, now_s: float) -> JoinedFrame | None:
        """Give out the newest frame that has waited long enough for its cameras.

        Nobody drives without the surroundings: a frame that lacks them is never given out.
        """
        since_s = self._awake.look(now_s) - self._camera_wait_s
        overdue = [
            stamp_ns
            for stamp_ns, pending in self._pending.items()
            if pending.ego is not None and pending.ego_since_s <= since_s
            if pending.surroundings is not None or not self._expects_surroundings
        ]
        return self._take(max(overdue)) if overdue else None

    @property
    def waiting(self) -> bool:
        """Whether an ego state waits for its images."""
        return any(pending.ego is not None for pending in self._pending.values())

    def _is_past(self, stamp_ns: int) -> bool:
        past = self._given_out_ns is not None and stamp_ns <= self._given_out_ns
        self.dropped += past
        return past

    def _entry(self, stamp_ns: int) -> _Pending:
        pending = self._pending.setdefault(stamp_ns, _Pending())
        if len(self._pending) > MAX_PENDING_FRAMES:
            del self._pending[min(self._pending)]
            self.dropped += 1
        return pending

    def _take_if_complete(self, stamp_ns: int) -> JoinedFrame | None:
        pending = self._pending.get(stamp_ns)
        if pending is None or pending.ego is None:
            return None
        if self._expects_surroundings and pending.surroundings is None:
            return None
        lacking = self._cameras - pending.images.keys()
        if lacking - self._withheld(stamp_ns, sorted(self._cameras)):
            return None
        return self._take(stamp_ns)

    def _take(self, stamp_ns: int) -> JoinedFrame:
        """Give out one frame; older ones that are still incomplete will never be used."""
        pending = self._pending.pop(stamp_ns)
        assert pending.ego is not None
        older = [other for other in self._pending if other < stamp_ns]
        for other in older:
            del self._pending[other]
        self.dropped += len(older)
        self._given_out_ns = stamp_ns
        return JoinedFrame(pending.ego, pending.images, pending.surroundings)


def _nothing(_stamp_ns: int, _cameras: Sequence[str]) -> frozenset[str]:
    return frozenset()

"""The stamps of one topic, as they come: what is regular about them and what is not."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from waypilot.bags.frames import RESTART_NS
from waypilot.types import NANOSECONDS_PER_SECOND

Stamps = NDArray[np.int64]


@dataclass(slots=True)
class TopicStamps:
    """Stamps in ns of simulated time, 8 bytes each, one array per drive; one that falls back by 0.5 s begins another.

    ``unstamped`` counts messages whose stamp is 0, ``out_of_order`` those that are not newer than the one before,
    ``unusable`` those that are too short to have a stamp or cannot be decoded. None of them is in ``drives``.
    """

    topic: str
    drives: list[array[int]] = field(default_factory=lambda: [array("q")])
    unstamped: int = 0
    out_of_order: int = 0
    unusable: int = 0

    def add(self, stamp_ns: int) -> bool:
        """Take the next message's stamp; tell whether it was kept."""
        newest = self.drives[-1]
        if stamp_ns == 0:
            self.unstamped += 1
            return False
        if newest and stamp_ns <= newest[-1]:
            if stamp_ns >= newest[-1] - RESTART_NS:
                self.out_of_order += 1
                return False
            self.drives.append(array("q"))
        self.drives[-1].append(stamp_ns)
        return True

    @property
    def messages(self) -> int:
        """How many messages there were."""
        return self.kept + self.unstamped + self.out_of_order + self.unusable

    @property
    def kept(self) -> int:
        """How many stamps are in order."""
        return sum(map(len, self.drives))

    def arrays(self) -> list[Stamps]:
        """Give the stamps of each drive, rising."""
        return [np.array(drive, dtype=np.int64) for drive in self.drives]

    def steps_ns(self) -> Stamps:
        """Give the times between neighbours within drives."""
        return np.concatenate([np.diff(drive) for drive in self.arrays()])

    def rate_hz(self) -> float | None:
        """Tell the usual rate, that of the median step; None with fewer than two stamps."""
        steps_ns = self.steps_ns()
        return NANOSECONDS_PER_SECOND / float(np.median(steps_ns)) if len(steps_ns) else None

    def span_s(self) -> float:
        """Tell how long the topic was heard, over all drives."""
        return float(sum(drive[-1] - drive[0] for drive in self.drives if drive)) / NANOSECONDS_PER_SECOND

    def gaps_s(self, longer_than_ns: int) -> list[float]:
        """List the steps that are longer, in seconds."""
        steps_ns = self.steps_ns()
        return [float(step) / NANOSECONDS_PER_SECOND for step in steps_ns[steps_ns > longer_than_ns]]


def nearest_ns(stamps_ns: Stamps, others_ns: Stamps) -> Stamps:
    """Tell for each stamp (N,) how far the nearest of the others (M > 0, rising) is."""
    after = np.searchsorted(others_ns, stamps_ns)
    left = others_ns[np.maximum(after - 1, 0)]
    right = others_ns[np.minimum(after, len(others_ns) - 1)]
    nearest: Stamps = np.minimum(np.abs(stamps_ns - left), np.abs(right - stamps_ns))
    return nearest


def known_until(stamps_ns: Stamps, odometry_ns: Stamps, max_gap_ns: int, ahead_ns: int) -> NDArray[np.bool_]:
    """Tell for each stamp (N,) whether odometry goes without a gap from around it to ``ahead_ns`` later."""
    if not len(odometry_ns):
        return np.zeros(len(stamps_ns), dtype=bool)
    run = np.concatenate([[0], np.cumsum(np.diff(odometry_ns) > max_gap_ns)])
    before = np.searchsorted(odometry_ns, stamps_ns, side="right") - 1
    after = np.searchsorted(odometry_ns, stamps_ns + ahead_ns)
    inside = (before >= 0) & (after < len(odometry_ns))
    known: NDArray[np.bool_] = inside & (run[np.maximum(before, 0)] == run[np.minimum(after, len(odometry_ns) - 1)])
    return known

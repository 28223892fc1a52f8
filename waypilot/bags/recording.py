"""A recording under way: serialized messages in, a bag out, stored under the times that the messages carry.

Simulated time may stand still or run faster than the clock on the wall, so a message is stored under its own stamp; one
without a stamp under the newest stamp seen, as ``ros2 bag record --use-sim-time`` would do it.
"""

from __future__ import annotations

import re
import struct
from collections import deque

from waypilot.bags.topic import BagTopic
from waypilot.bags.writer import BagWriter
from waypilot.types import NANOSECONDS_PER_SECOND

#: What is held back while nothing that came carried a stamp; the oldest is stored under time 0 beyond that.
MAX_HELD = 10_000
#: Their stamp is not the time of what they tell: diagnostics carry that of the last frame, maybe of the drive before.
UNTIMED = frozenset({"diagnostic_msgs/msg/DiagnosticArray"})
#: A topic with as many stamped messages comes regularly, and is overdue after this share of its mean interval.
REGULAR_FROM, OVERDUE = 5, 0.9
_STAMPED = re.compile(r"^(std_msgs/Header|builtin_interfaces/Time)\s")


def begins_with_stamp(definition: str) -> bool:
    """Tell from a type's definition whether the first field of its messages is a header or a time."""
    for line in definition.splitlines():
        text = line.split("#")[0].strip()
        if text and "=" not in text:
            return _STAMPED.match(text) is not None
    return False


def first_stamp_ns(data: bytes) -> int:
    """Read the stamp that a serialized message begins with: two 32-bit numbers behind CDR's four bytes."""
    seconds, nanoseconds = struct.unpack_from("<iI" if data[1] & 1 else ">iI", data, 4)
    return int(seconds) * NANOSECONDS_PER_SECOND + int(nanoseconds)


class _Span:
    """The stamps of one topic."""

    def __init__(self, first_ns: int) -> None:
        self._first_ns = self.last_ns = first_ns
        self.count = 0

    def add(self, stamp_ns: int) -> None:
        self.count += 1
        self.last_ns = max(self.last_ns, stamp_ns)

    @property
    def interval_ns(self) -> float:
        return (self.last_ns - self._first_ns) / max(self.count - 1, 1)


class Recording:
    """Fills a bag. What comes before the first stamp is held until it is known when that was."""

    def __init__(self, writer: BagWriter) -> None:
        self._writer = writer
        self._newest_ns: int | None = None
        self._stamped: dict[str, bool] = {}
        self._spans: dict[str, _Span] = {}
        self._held: deque[tuple[str, bytes]] = deque()

    @property
    def messages(self) -> int:
        """How many messages were taken."""
        return sum(self._writer.counts.values()) + len(self._held)

    def take(self, topic: BagTopic, data: bytes) -> None:
        """Store a message."""
        if topic.name not in self._stamped:
            self._writer.add_topic(topic)
            self._stamped[topic.name] = topic.type not in UNTIMED and begins_with_stamp(topic.definition)
        stamp_ns = first_stamp_ns(data) if self._stamped[topic.name] and len(data) >= 12 else 0
        if stamp_ns > 0:
            self._newest_ns = stamp_ns
            self._spans.setdefault(topic.name, _Span(stamp_ns)).add(stamp_ns)
            self._release()
            self._writer.write(topic.name, stamp_ns, data)
        elif self._newest_ns is not None:
            self._writer.write(topic.name, self._newest_ns, data)
        else:
            self._held.append((topic.name, data))
            if len(self._held) > MAX_HELD:
                self._writer.write(self._held[0][0], 0, self._held[0][1])
                self._held.popleft()

    def behind(self) -> list[str]:
        """Name the topics that come regularly and whose next message is overdue: more of them is on its way."""
        if self._newest_ns is None:
            return []
        newest_ns = max(span.last_ns for span in self._spans.values())
        return sorted(
            name
            for name, span in self._spans.items()
            if span.count >= REGULAR_FROM and newest_ns - span.last_ns > OVERDUE * span.interval_ns
        )

    def close(self) -> None:
        """Complete the bag."""
        self._release()
        self._writer.close()

    def _release(self) -> None:
        while self._held:
            topic, data = self._held.popleft()
            self._writer.write(topic, self._newest_ns or 0, data)

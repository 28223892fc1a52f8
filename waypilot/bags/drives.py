"""Judged drives in a bag: everything the metrics node was given, so that they can be judged again."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from waypilot.bags.bag import Bag
from waypilot.bags.recorded_drive import SETUP, RecordedDrive, heard_topics
from waypilot.bags.topic import BagMessage
from waypilot.messages import MalformedMessageError

DRIVER = "/waypilot/driver"
#: How many messages may come before the set-up that they belong to.
MAX_EARLY = 2000


def judged_topics(role: str = "ego_vehicle") -> set[str]:
    """Name the topics that a drive is judged by, set-up and result included."""
    return {SETUP, DRIVER, *heard_topics(role)}


def recorded_drives(bag: Bag, role: str = "ego_vehicle") -> Iterator[RecordedDrive]:
    """Yield the drives of a bag, one at a time; a new set-up begins the next.

    A set-up that is none begins a drive with a ``problem``, so that the others are judged all the same.
    """
    reader = _Reader(bag, role)
    for message in bag.messages(judged_topics(role)):
        yield from reader.take(message)
    yield from reader.finish()


@dataclass(slots=True)
class _Early:
    """What may belong to a drive whose set-up has not come: a recorder does not keep the order between topics."""

    messages: deque[BagMessage] = field(default_factory=deque)
    dropped: int = 0

    def add(self, message: BagMessage) -> None:
        self.messages.append(message)
        if len(self.messages) > MAX_EARLY:
            self.messages.popleft()
            self.dropped += 1

    def clear(self) -> None:
        self.messages.clear()
        self.dropped = 0


class _Reader:
    def __init__(self, bag: Bag, role: str) -> None:
        self._bag, self._role = bag, role
        self._driver = ""
        self._unusable_labels = 0
        self._drive: RecordedDrive | None = None
        self._early = _Early()

    def take(self, message: BagMessage) -> Iterator[RecordedDrive]:
        """Take the next message; yield the drive that it ends."""
        if message.topic == DRIVER:
            self._label(message)
        elif message.topic == SETUP:
            yield from self._ended()
            self._begin(message)
        elif self._drive is None or self._drive.is_complete:
            self._early.add(message)
        else:
            self._pass_on(self._drive, message)

    def finish(self) -> Iterator[RecordedDrive]:
        """Yield the last drive."""
        if self._drive is not None and self._drive.is_complete:
            for message in self._early.messages:
                self._drive.take(message)
        yield from self._ended()

    def _begin(self, message: BagMessage) -> None:
        self._drive = RecordedDrive(self._bag, message, self._role)
        self._drive.take_early(self._early.messages, self._early.dropped)
        self._early.clear()

    def _pass_on(self, drive: RecordedDrive, message: BagMessage) -> None:
        """Give a message to the drive; where its result is known it may be the next drive's instead."""
        may_be_next = drive.published is not None and not drive.lacks(message.topic)
        drive.take(message)
        if drive.is_complete:
            # It waited for these, so they were its own.
            self._early.clear()
        elif may_be_next:
            self._early.add(message)

    def _label(self, message: BagMessage) -> None:
        try:
            self._driver = self._bag.read(message, lambda label: str(label.data))
        except MalformedMessageError:
            self._unusable_labels += 1

    def _ended(self) -> Iterator[RecordedDrive]:
        if self._drive is None:
            return
        drive, self._drive = self._drive, None
        drive.driver = self._driver
        drive.unusable += Counter({DRIVER: self._unusable_labels})
        self._unusable_labels = 0
        drive.settle()
        yield drive

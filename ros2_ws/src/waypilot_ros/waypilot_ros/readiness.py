"""Whether a node may begin a drive: everybody can hear everybody, and nothing of the last drive is left on the way."""

from __future__ import annotations

from collections.abc import Iterable

from rclpy.publisher import Publisher
from rclpy.subscription import Subscription


def missing_connections(publishers: Iterable[Publisher], subscriptions: Iterable[Subscription]) -> str:
    """Name the topics without a matched partner; empty when all have one."""
    unheard = [
        f"nobody reads {publisher.topic_name}" for publisher in publishers if not publisher.get_subscription_count()
    ]
    silent = [f"nobody writes {entry.topic_name}" for entry in subscriptions if not entry.get_publisher_count()]
    return "; ".join(unheard + silent)


class Drain:
    """Tells when no message of the drive before can arrive any more, without comparing clocks.

    Stamps cannot tell: simulated time may start again with each drive. While no drive is under way nothing is
    published, and between two requests an executor serves every waiting subscription. So a node that was asked twice
    and had no message in between has emptied its queues. Those who publish are drained before those who listen.
    """

    def __init__(self) -> None:
        self._asked = False
        self._arrived = 0

    def note_message(self) -> None:
        """Take note that a message of a drive arrived."""
        self._arrived += 1

    def objection(self, free_running: bool) -> str:
        """Say that the node must be asked again, or nothing. A simulator that runs all the time is never silent."""
        quiet = free_running or (self._asked and not self._arrived)
        self._asked, self._arrived = not quiet, 0
        return "" if quiet else "messages of the last drive may still be on their way"

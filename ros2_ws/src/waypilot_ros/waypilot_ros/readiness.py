"""Whether a node may begin a drive: everybody can hear everybody, and nothing of the last drive is left on the way."""

from __future__ import annotations

import time
from collections.abc import Iterable

from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import DurabilityPolicy
from rclpy.subscription import Subscription

from waypilot_ros.spin import stop_requested

#: Longer than Fast DDS remembers a reader that vanished without a word (20 s).
DELIVERY_TIMEOUT_S = 25.0
DELIVERY_CHECK_S = 0.05
NOT_OF_A_DRIVE = ("/diagnostics", "/parameter_events")


def missing_connections(publishers: Iterable[Publisher], subscriptions: Iterable[Subscription]) -> str:
    """Name the topics without a matched partner; empty when all have one."""
    unheard = [
        f"nobody reads {publisher.topic_name}" for publisher in publishers if not publisher.get_subscription_count()
    ]
    silent = [f"nobody writes {entry.topic_name}" for entry in subscriptions if not entry.get_publisher_count()]
    return "; ".join(unheard + silent)


def undelivered(node: Node) -> str:
    """Name a node's topics of which a reader does not have everything that was published in a drive; or nothing."""
    late = {
        publisher.topic_name
        for publisher in node.publishers
        if publisher.qos_profile.durability == DurabilityPolicy.VOLATILE
        if publisher.topic_name not in NOT_OF_A_DRIVE
        if not publisher.wait_for_all_acked(Duration(seconds=0))
    }
    return ", ".join(sorted(late))


def await_delivery(node: Node, timeout_s: float = DELIVERY_TIMEOUT_S) -> None:
    """Wait until every reader has what a node published in the last drive; warns when one does not get it in time.

    What a broken network keeps back is sent again when it works again, and would come in the middle of the next drive.
    Even without a fault this takes up to 3 s (the heartbeat of Fast DDS), so it is done after a crash only.
    """
    deadline_s = time.monotonic() + timeout_s
    # Asked again and again: one long wait would hold the interpreter's lock, and with it every thread and signal.
    while (late := undelivered(node)) and time.monotonic() < deadline_s and not stop_requested():
        time.sleep(DELIVERY_CHECK_S)
    if late and not stop_requested():
        node.get_logger().warning(f"after {timeout_s:g} s somebody who reads {late} has still not received all of it")


class Drain:
    """Tells when no message of the drive before can arrive any more, without comparing clocks.

    Stamps cannot tell: simulated time may start again with each drive. While no drive is under way nothing is
    published, and between two requests an executor serves every waiting subscription. So a node that was asked twice
    and had no message in between has emptied its queues. Those who publish are drained before those who listen. What
    hangs in a broken network is waited for first (``await_delivery``).
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

"""Whether a node's connections are there, so that a drive does not begin before everybody can hear everybody."""

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

"""Raw subscriptions to whatever is published: found by discovery, with the profile of those who publish."""

from __future__ import annotations

import importlib
import re
import time
from collections.abc import Callable

from rclpy.event_handler import QoSMessageLostInfo, SubscriptionEventCallbacks
from rclpy.node import Node
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from rclpy.subscription import Subscription
from rclpy.topic_endpoint_info import TopicEndpointInfo

from waypilot.bags import BagTopic, Qos, TypeLibrary, UnknownTypeError

#: A publisher knows a new subscription by then; what it sent before is not delivered and counts nowhere. An
#: announcement that got lost on a busy machine is sent again after some seconds: 2 s were too few once.
SETTLE_S = 4.0
DEFAULT_DEPTH = 10

Take = Callable[[BagTopic, bytes], None]


class TopicTaps:
    """One raw subscription per topic whose name matches ``include`` and not ``exclude`` (regular expressions)."""

    def __init__(self, node: Node, library: TypeLibrary, take: Take, include: str, exclude: str, depth: int) -> None:
        self._node, self._library, self._take = node, library, take
        self._include, self._exclude, self._depth = re.compile(include), re.compile(exclude), depth
        self._taps: dict[str, Subscription] = {}
        self._offers: dict[str, int] = {}
        self._refused: set[str] = set()
        self._newest_s = time.monotonic()
        self.lost = 0

    def discover(self) -> str:
        """Subscribe to what is new, anew where a publisher came that a subscription does not fit.

        Returns what is not ready yet, or nothing.
        """
        for name, kinds in self._node.get_topic_names_and_types():
            wanted = self._include.fullmatch(name) and not self._exclude.fullmatch(name)
            changed = self._offers.get(name, 0) != self._node.count_publishers(name)
            if wanted and changed and name not in self._refused:
                self._tap(name, kinds[0])
        if not self._taps:
            return "nobody publishes anything that shall be recorded"
        # Whoever ended is not waited for.
        counts = {name: self._node.count_publishers(name) for name in self._taps}
        unmatched = [name for name, tap in self._taps.items() if tap.get_publisher_count() < counts[name]]
        if unmatched:
            self._newest_s = time.monotonic()
            return f"not connected to {', '.join(sorted(unmatched))}"
        return "" if time.monotonic() - self._newest_s > SETTLE_S else "connecting to the topics"

    def _tap(self, name: str, kind: str) -> None:
        offers = self._node.get_publishers_info_by_topic(name)
        self._offers[name] = len(offers)
        profile = _subscription_profile(offers, self._depth)
        if not offers or (name in self._taps and self._taps[name].qos_profile == profile):
            return
        try:
            topic = self._library.topic(name, kind, tuple(_profile(offer) for offer in offers))
            message_class = _message_class(kind)
        except (UnknownTypeError, ImportError, AttributeError) as error:
            self._refused.add(name)
            self._node.get_logger().error(f"{name} is not recorded: {error}")
            return
        self._check_hash(topic, offers)

        def lost(info: QoSMessageLostInfo) -> None:
            self.lost += info.total_count_change
            self._node.get_logger().error(f"{info.total_count_change} messages of {name} were lost")

        if name in self._taps:
            self._node.destroy_subscription(self._taps[name])
        self._taps[name] = self._node.create_subscription(
            message_class,
            name,
            lambda data: self._take(topic, data),
            profile,
            raw=True,
            event_callbacks=SubscriptionEventCallbacks(message_lost=lost),
        )
        self._newest_s = time.monotonic()

    def _check_hash(self, topic: BagTopic, offers: list[TopicEndpointInfo]) -> None:
        announced = {str(offer.topic_type_hash) for offer in offers} - {topic.type_hash}
        if announced and topic.type_hash:
            self._node.get_logger().warning(
                f"{topic.name}: publishers announce {', '.join(sorted(announced))} for {topic.type}, "
                f"the definition here has {topic.type_hash}"
            )


def is_latched(topic: BagTopic) -> bool:
    """Whether a topic's publishers keep what they said for those who come later."""
    return any(profile.durability == "transient_local" for profile in topic.qos)


def _profile(offer: TopicEndpointInfo) -> Qos:
    profile = offer.qos_profile
    return Qos(
        # Discovery does not tell the depth.
        depth=profile.depth or DEFAULT_DEPTH,
        reliability=profile.reliability.name.lower(),
        durability=profile.durability.name.lower(),
        history="keep_all" if profile.history == HistoryPolicy.KEEP_ALL else "keep_last",
    )


def _subscription_profile(offers: list[TopicEndpointInfo], depth: int) -> QoSProfile:
    """Ask for what every publisher offers."""
    reliable = all(offer.qos_profile.reliability == ReliabilityPolicy.RELIABLE for offer in offers)
    latched = all(offer.qos_profile.durability == DurabilityPolicy.TRANSIENT_LOCAL for offer in offers)
    return QoSProfile(
        reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE,
        history=HistoryPolicy.KEEP_LAST,
        depth=depth,
    )


def _message_class(kind: str) -> type:
    package, _, name = kind.split("/")
    return getattr(importlib.import_module(f"{package}.msg"), name)

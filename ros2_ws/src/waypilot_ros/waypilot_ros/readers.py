"""Who reads what a node publishes, told by the node itself: only the sending end knows what would arrive."""

from __future__ import annotations

import json
import re

from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from std_srvs.srv import Trigger

SERVICE = "readers"


def offer_readers(node: Node) -> None:
    """Offer the service ``~/readers``: what each of the node's topics is read by, as JSON.

    ``{topic: {"nodes": [full names of the nodes that read it], "connected": bool}}``; connected: every reader that this
    node knows of would get what is published now.
    """

    def answer(_request: Trigger.Request, response: Trigger.Response) -> Trigger.Response:
        response.success = True
        response.message = json.dumps({each.topic_name: _readers(node, each) for each in node.publishers})
        return response

    node.create_service(Trigger, f"~/{SERVICE}", answer)


def still_connecting(node: Node) -> str:
    """Name the topics of a node which not everybody who reads them, as far as it knows, would get now; or nothing."""
    topics = sorted({each.topic_name for each in node.publishers if not _readers(node, each)["connected"]})
    return f"connecting the readers of {', '.join(topics)}" if topics else ""


def unheard_by(reader: str, answer: str, topics: str, exclude: str) -> list[str]:
    """Name the topics in a node's ``answer`` that ``reader`` (a full node name) does not get, or not yet.

    ``topics`` and ``exclude`` are regular expressions for the whole names of what it reads and leaves out.
    """
    return sorted(
        topic
        for topic, state in json.loads(answer).items()
        if re.fullmatch(topics, topic) and not re.fullmatch(exclude, topic)
        if reader not in state["nodes"] or not state["connected"]
    )


def _readers(node: Node, publisher: Publisher) -> dict[str, object]:
    known = [
        info
        for info in node.get_subscriptions_info_by_topic(publisher.topic_name)
        if info.topic_type == _type_name(publisher) and _offers(publisher.qos_profile, info.qos_profile)
    ]
    names = sorted({f"{info.node_namespace.rstrip('/')}/{info.node_name}" for info in known})
    return {"nodes": names, "connected": publisher.get_subscription_count() >= len(known)}


def _type_name(publisher: Publisher) -> str:
    package, kind, *_ = publisher.msg_type.__module__.split(".")
    return f"{package}/{kind}/{publisher.msg_type.__name__}"


def _offers(offered: QoSProfile, asked: QoSProfile) -> bool:
    """Whether the two ends match; rclpy's own check takes the unlimited times that the graph tells for limits."""
    reliable = offered.reliability == ReliabilityPolicy.RELIABLE or asked.reliability != ReliabilityPolicy.RELIABLE
    latched = DurabilityPolicy.TRANSIENT_LOCAL
    return reliable and (offered.durability == latched or asked.durability != latched)

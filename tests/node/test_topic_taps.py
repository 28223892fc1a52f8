"""Finding out what is published: whoever comes later is heard too, whoever goes is not waited for."""

from pathlib import Path

import pytest
from rclpy.qos import QoSProfile, ReliabilityPolicy
from std_msgs.msg import String
from waypilot_ros import qos
from waypilot_ros.topic_taps import TopicTaps

from waypilot.bags import TypeLibrary

BEST_EFFORT = QoSProfile(depth=10, reliability=ReliabilityPolicy.BEST_EFFORT)


@pytest.fixture
def taps(peer):
    heard = []
    taps = TopicTaps(peer.node, TypeLibrary(lambda _: Path()), lambda _, data: heard.append(data), "/words", "x", 10)
    taps.heard = heard
    return taps


def is_connected(taps):
    return taps.discover() in ("", "connecting to the topics")


def test_a_publisher_that_offers_less_than_those_before_is_heard(peer, taps):
    peer.node.create_publisher(String, "/words", qos.RECORD)
    peer.wait("the first publisher", lambda: is_connected(taps))
    later = peer.node.create_publisher(String, "/words", BEST_EFFORT)
    peer.pause(0.5)
    peer.wait("the second publisher", lambda: is_connected(taps) and later.get_subscription_count() == 1)
    later.publish(String(data="late"))
    peer.wait("its words", lambda: taps.heard)


def test_a_publisher_that_is_gone_is_not_waited_for(peer, taps):
    first = peer.node.create_publisher(String, "/words", qos.RECORD)
    peer.wait("the publisher", lambda: is_connected(taps))
    peer.node.destroy_publisher(first)
    peer.pause(0.5)
    peer.wait("nothing", lambda: is_connected(taps))

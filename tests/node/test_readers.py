import json

import pytest
from carla_msgs.msg import CarlaEgoVehicleControl
from std_msgs.msg import Header, String
from std_srvs.srv import Trigger
from waypilot_ros import qos
from waypilot_ros.readers import still_connecting, unheard_by


def answer(**topics):
    return json.dumps({name: {"nodes": nodes, "connected": connected} for name, (nodes, connected) in topics.items()})


@pytest.mark.parametrize(
    ("nodes", "connected", "unheard"),
    [
        (["/metrics", "/recorder"], True, []),
        (["/metrics"], True, ["control"]),
        (["/metrics", "/recorder"], False, ["control"]),
        ([], True, ["control"]),
    ],
)
def test_a_topic_is_heard_once_the_recorder_is_known_and_everybody_known_is_connected(nodes, connected, unheard):
    assert unheard_by("/recorder", answer(control=(nodes, connected)), ".*", "") == unheard


def test_what_the_recorder_leaves_out_need_not_be_heard():
    told = answer(**{"/a": ([], True), "/b/c": ([], True), "/rosout": ([], True)})
    assert unheard_by("/recorder", told, "/a|/b/.*|/rosout", "/rosout") == ["/a", "/b/c"]
    assert unheard_by("/recorder", told, "/b", "") == []


def test_a_node_tells_who_reads_its_topics(start_node, peer):
    start_node("controller", {})

    def told():
        return json.loads(peer.call(Trigger, "controller/readers", Trigger.Request()).message)

    assert told()["/control"] == {"nodes": [], "connected": True}
    # A reader may be known before its node's name is.
    peer.wait("the controller to know who reads its diagnostics", lambda: told()["/diagnostics"]["nodes"] == ["/peer"])
    peer.listen(CarlaEgoVehicleControl, "control")
    known = {"nodes": ["/peer"], "connected": True}
    peer.wait("the controller to know its reader", lambda: told()["/control"] == known)


def test_a_node_waits_for_the_readers_it_knows_but_not_for_those_that_can_never_hear_it(peer, domain, monkeypatch):
    publisher = peer.node.create_publisher(Header, "/frames", qos.FRAME)
    peer.node.create_subscription(Header, "/frames", lambda _: None, qos.LATCHED)
    stranger = type(peer)(domain)
    stranger.node.create_subscription(String, "/frames", lambda _: None, qos.FRAME)
    peer.wait("the readers", lambda: peer.node.count_subscribers("/frames") == 2)
    assert still_connecting(peer.node) == ""

    peer.node.create_subscription(Header, "/frames", lambda _: None, qos.FRAME)
    peer.wait("the reader", lambda: publisher.get_subscription_count() == 1)
    peer.wait("the graph", lambda: len(peer.node.get_subscriptions_info_by_topic("/frames")) == 3)
    assert still_connecting(peer.node) == ""
    monkeypatch.setattr(publisher, "get_subscription_count", lambda: 0)
    assert still_connecting(peer.node) == "connecting the readers of /frames"
    stranger.close()

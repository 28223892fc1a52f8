import json

import pytest
from carla_msgs.msg import CarlaEgoVehicleControl
from std_srvs.srv import Trigger
from waypilot_ros.readers import unheard_by


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
    first = json.loads(peer.call(Trigger, "controller/readers", Trigger.Request()).message)
    assert first["/control"] == {"nodes": [], "connected": True}
    assert first["/diagnostics"]["nodes"] == ["/peer"]
    peer.listen(CarlaEgoVehicleControl, "control")

    def is_told():
        told = json.loads(peer.call(Trigger, "controller/readers", Trigger.Request()).message)
        return told["/control"] == {"nodes": ["/peer"], "connected": True}

    peer.wait("the controller to know its reader", is_told)

import signal
import threading
import time

from nav_msgs.msg import Odometry
from waypilot_ros.readiness import Drain, await_delivery, undelivered

WAIT_S = 60.0
READER = {"script": "reader.py", "script_arguments": ["/odometry"]}


def test_a_node_is_drained_when_asked_twice_without_a_message_in_between():
    drain = Drain()
    assert "still be on their way" in drain.objection(False)
    drain.note_message()
    assert drain.objection(False)
    assert drain.objection(False) == ""


def test_every_drive_asks_anew():
    drain = Drain()
    drain.objection(False)
    assert drain.objection(False) == ""
    drain.note_message()
    assert drain.objection(False)
    assert drain.objection(False) == ""


def test_a_simulator_that_runs_all_the_time_is_not_waited_for():
    drain = Drain()
    drain.note_message()
    assert drain.objection(True) == ""


def test_what_a_cut_off_reader_lacks_is_waited_for_and_not_for_ever(peer, start_node):
    """A stopped process acknowledges as little as one behind a broken network, and gets everything later as well."""
    peer.offer(Odometry, "odometry")
    (publisher,) = (entry for entry in peer.node.publishers if entry.topic_name == "/odometry")
    reader = start_node("reader", **READER).process
    peer.wait("the reader", publisher.get_subscription_count)
    publisher.publish(Odometry())
    await_delivery(peer.node, WAIT_S)
    assert undelivered(peer.node) == ""

    reader.send_signal(signal.SIGSTOP)
    publisher.publish(Odometry())
    begun_s = time.monotonic()
    await_delivery(peer.node, 4.0)  # longer than the 3 s in which Fast DDS asks again
    assert time.monotonic() - begun_s >= 4.0
    assert undelivered(peer.node) == "/odometry"
    resumed = threading.Timer(0.5, reader.send_signal, [signal.SIGCONT])
    resumed.start()
    await_delivery(peer.node, WAIT_S)
    assert undelivered(peer.node) == ""
    resumed.join()  # waiting let other threads run, or the reader would still stand

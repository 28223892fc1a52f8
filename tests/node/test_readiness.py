from waypilot_ros.readiness import Drain


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

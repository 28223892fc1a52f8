"""A drive that lost one of its nodes is noticed."""

import pytest
from waypilot_ros.liveness import Liveness


@pytest.fixture
def liveness():
    made = Liveness(("policy", "controller"), silence_limit_s=10.0)
    made.reset(100.0)
    return made


def test_nodes_that_report_are_fine(liveness):
    for now_s in (101.0, 105.0, 109.0):
        liveness.hear("policy", "p1", now_s)
        liveness.hear("controller", "c1", now_s)
    assert liveness.fault(118.0) == ""


def test_a_node_that_falls_silent_is_named(liveness):
    liveness.hear("policy", "p1", 105.0)
    liveness.hear("controller", "c1", 101.0)
    assert liveness.fault(112.0) == "controller has not reported for 10 s"


def test_another_process_of_the_same_name_is_noticed_and_stays_so(liveness):
    liveness.hear("policy", "p1", 101.0)
    liveness.hear("policy", "p2", 102.0)
    liveness.hear("policy", "p1", 103.0)
    assert liveness.fault(103.0) == "policy was restarted during the drive"


def test_a_new_drive_may_begin_with_new_processes(liveness):
    liveness.hear("policy", "p1", 101.0)
    liveness.reset(200.0)
    liveness.hear("policy", "p2", 201.0)
    assert liveness.fault(201.0) == ""


def test_other_nodes_do_not_matter(liveness):
    liveness.hear("recorder", "r1", 101.0)
    liveness.hear("recorder", "r2", 102.0)
    assert liveness.fault(102.0) == ""

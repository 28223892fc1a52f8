"""Patience with a simulator that is still starting."""

import time

import pytest
from waypilot_ros.connecting import connect_patiently

from waypilot_carla.errors import SimulatorUnreachable


def starting(attempts):
    """A simulator that is there at the last of some attempts."""
    left = iter(range(attempts - 1, -1, -1))

    def connect():
        if next(left):
            raise SimulatorUnreachable("nobody listens")
        return "session"

    return connect


def test_it_tries_until_the_simulator_is_there():
    assert connect_patiently(starting(4), 60.0, lambda: False) == "session"


def test_after_its_patience_it_says_what_the_last_attempt_said():
    def connect():
        time.sleep(0.01)
        raise SimulatorUnreachable("nobody listens")

    with pytest.raises(SimulatorUnreachable, match="nobody listens"):
        connect_patiently(connect, 0.05, lambda: False)


def test_it_gives_up_between_two_attempts_when_asked_to():
    answers = iter([False, False, True])
    assert connect_patiently(starting(9), 60.0, lambda: next(answers)) is None

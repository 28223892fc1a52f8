import pytest

from waypilot.awake_time import AwakeTime


def test_time_between_two_looks_counts_up_to_the_longest_step():
    awake = AwakeTime(max_step_s=0.1)
    assert awake.look(1000.0) == 0.0
    assert awake.look(1000.05) == pytest.approx(0.05)
    assert awake.look(1060.0) == pytest.approx(0.15)
    assert awake.look(1060.0) == awake.s == pytest.approx(0.15)

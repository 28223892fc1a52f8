"""Where the vehicle was between the stamps of its odometry, and where nobody knows."""

import math

import numpy as np
import pytest

from waypilot.bags.motion import Motion
from waypilot.geometry import Pose
from waypilot.types import EgoState

GAP_NS = 500


def state(stamp_ns, x_m, yaw_rad=0.0, speed_mps=1.0):
    return EgoState(stamp_ns, Pose.from_xyz_rpy(x_m, -x_m, 0.0, yaw_rad=yaw_rad), (speed_mps, 0.0, 0.0), (0.0,) * 3)


@pytest.fixture
def motion():
    """States at 100, 200 and, behind a gap, at 800 and 900 ns; one that is not newer is refused."""
    motion = Motion(GAP_NS)
    assert all(motion.add(state(stamp_ns, x_m)) for stamp_ns, x_m in ((100, 1.0), (200, 3.0), (800, 6.0), (900, 7.0)))
    assert not motion.add(state(900, 0.0))
    return motion


def test_positions_are_linear_between_stamps_and_unknown_in_gaps_and_beyond_both_ends(motion):
    points_m, known = motion.positions_at(np.array([50, 100, 150, 200, 201, 799, 800, 825, 900, 901]))
    assert known.tolist() == [False, True, True, True, False, False, True, True, True, False]
    assert points_m[known, 0].tolist() == [1.0, 2.0, 3.0, 6.0, 6.25, 7.0]
    assert points_m[known, 1].tolist() == [-1.0, -2.0, -3.0, -6.0, -6.25, -7.0]


def test_states_are_told_at_the_same_times(motion):
    stamps_ns = (50, 100, 150, 200, 201, 799, 800, 825, 900, 901)
    states = [motion.state_at(stamp_ns) for stamp_ns in stamps_ns]
    assert [found is not None for found in states] == motion.positions_at(np.array(stamps_ns))[1].tolist()
    assert [found.stamp_ns for found in states if found] == [100, 150, 200, 800, 825, 900]
    assert states[2].pose_map_from_base_link.x_m == 2.0


def test_between_two_headings_the_shorter_way_round_is_taken_and_speeds_are_mixed():
    motion = Motion(GAP_NS)
    motion.add(state(0, 0.0, math.radians(170.0), 2.0))
    motion.add(state(100, 0.0, math.radians(-170.0), 6.0))
    found = motion.state_at(50)
    assert abs(math.degrees(found.pose_map_from_base_link.orientation.yaw_rad)) == pytest.approx(180.0)
    assert found.pose_map_from_base_link.orientation.is_rotation
    assert found.speed_mps == 4.0


def test_what_is_forgotten_is_not_needed_for_later_times(motion):
    motion.forget_before(850)
    assert motion.oldest_ns == 800
    assert motion.state_at(850) is not None
    assert motion.state_at(200) is None
